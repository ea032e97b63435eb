"""The same step in both graphs: `DygraphRun` against `StaticRun`, on the net of TagSpace."""

import numpy as np
import paddle
import pytest

from textzoo.config.checking import signature_fields
from textzoo.config.optimizer_keys import SPARSE_OPTIMIZERS
from textzoo.config.schema import Optimizer
from textzoo.errors import NotFinite
from textzoo.running.dygraph import DygraphRun, row_weights
from textzoo.running.predictor import Predictor
from textzoo.running.static import Example, StaticRun

N_WORDS, N_TAGS = 20, 6
NET = {
    **{"vocab_text_size": N_WORDS, "vocab_tag_size": N_TAGS, "emb_dim": 4, "hid_dim": 5},
    **{"win_size": 3, "score": "inner", "loss": "margin", "negatives": "random"},
    **{"margin": 0.5, "neg_size": 3, "max_samples": 4},
}
OPTIMIZERS = {
    "SGD": {},
    "Momentum": {"momentum": 0.9},
    "Adagrad": {},
    "Adam": {},
    "AdamW": {"weight_decay": 0.1},
}
GRAPHS = ["dygraph", "static"]
RATES = np.linspace(0.05, 0.005, 10)


def make_run(tagspace, graph, optimizer=None, clip=None, seed=0, **net):
    if optimizer:
        keys = {"class": optimizer, "learning_rate": 0.1, **OPTIMIZERS[optimizer]}
        optimizer = Optimizer.model_validate(keys)
    paddle.seed(seed)
    defaults = {name: default for name, (_, default) in signature_fields(tagspace.net).items()}
    arguments = {**defaults, **NET, **net}
    with paddle.utils.unique_name.guard():
        first = tagspace.net(**arguments)
    if graph == "dygraph":
        return DygraphRun(tagspace.dygraph_model(arguments), first, optimizer, clip)
    model = tagspace.static_model(arguments)
    initial = {name: tensor.numpy() for name, tensor in first.state_dict().items()}
    batch = random_batch(np.random.default_rng(0), 1, arguments["negatives"])
    if arguments["loss"] == "softmax":
        del batch["negatives"]
    words = {name: batch[name] for name in ("tokens", "lengths")}
    if arguments["ngram_dim"]:
        words.update(ngrams=np.zeros((1, 1), int), ngram_counts=np.ones(1, int))
        batch.update(words)
    example = Example(inference=words, training=batch)
    return StaticRun(model, model.create_model, initial, example, optimizer, clip)


def random_batch(random, n_rows, negatives="random"):
    lengths = random.integers(1, 9, n_rows)
    batch = {
        "tokens": random.integers(0, N_WORDS, (n_rows, lengths.max())),
        "lengths": lengths,
        "positive": random.integers(0, N_TAGS, n_rows),
    }
    if negatives == "hardest":
        batch["own"] = np.eye(N_TAGS, dtype="float32")[batch["positive"]]
    elif negatives:
        batch["negatives"] = (batch["positive"][:, None] + random.integers(1, 6, (n_rows, 4))) % 6
    return batch


def random_steps(n_steps=10, accumulate=1, seed=1, **others):
    random = np.random.default_rng(seed)
    return [
        [random_batch(random, random.integers(2, 9), **others) for _ in range(accumulate)]
        for _ in range(n_steps)
    ]


def train(run, steps, rates=RATES):
    return [run.train_step(micro, float(rate)) for micro, rate in zip(steps, rates)]


def assert_identical(ours, theirs):
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


# ------------------------------------------------------------------ the same numbers


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_both_graphs_have_the_same_losses_weights_and_accumulators(
    tagspace, optimizer, accumulate, clip
):
    steps = random_steps(accumulate=accumulate)
    dygraph, static = (make_run(tagspace, graph, optimizer, clip) for graph in GRAPHS)
    start = dygraph.parameters()
    assert_identical(start, static.parameters())
    losses = train(dygraph, steps)
    assert losses == train(static, steps)
    assert len(set(losses)) == len(losses)
    assert_identical(dygraph.parameters(), static.parameters())
    assert_identical(dygraph.optimizer_state(), static.optimizer_state())
    assert all((value != start[name]).any() for name, value in dygraph.parameters().items())


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("optimizer", SPARSE_OPTIMIZERS)
@pytest.mark.parametrize(("clip", "accumulate"), [(None, 1), (0.05, 1), (None, 2)])
def test_sparse_gradients_give_what_dense_ones_give(tagspace, graph, optimizer, clip, accumulate):
    net = {"vocab_ngram_size": 30, "ngram_dim": 4}
    steps = random_steps(accumulate=accumulate)
    random = np.random.default_rng(2)
    for batch in (batch for micro in steps for batch in micro):
        counts = random.integers(1, 6, len(batch["lengths"]))
        batch["ngrams"] = random.integers(0, 30, (len(counts), counts.max()))
        batch["ngram_counts"] = counts
    dense = make_run(tagspace, "dygraph", optimizer, clip, **net)
    sparse = make_run(tagspace, graph, optimizer, clip, sparse=True, **net)
    assert train(sparse, steps) == pytest.approx(train(dense, steps), abs=1e-5)
    for name, weight in dense.parameters().items():
        np.testing.assert_allclose(sparse.parameters()[name], weight, atol=1e-5, err_msg=name)


def test_clipping_changes_the_update(tagspace):
    # The test above would pass if neither graph clipped.
    steps = random_steps(n_steps=1)
    ends = []
    for clip in (None, 0.05):
        run = make_run(tagspace, "dygraph", "SGD", clip)
        start = run.parameters()
        train(run, steps, rates=[1.0])
        moved = [value - start[name] for name, value in run.parameters().items()]
        ends.append(np.sqrt(sum((part**2).sum() for part in moved)))
    assert ends[0] > 0.1
    assert ends[1] == pytest.approx(0.05, rel=1e-4)


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_learning_rate_of_each_step_is_used(tagspace, graph):
    run = make_run(tagspace, graph, "SGD")
    (step,) = random_steps(n_steps=1)
    for accumulated in (step, step * 2):
        start = run.parameters()
        run.train_step(accumulated, 0.0)
        assert_identical(run.parameters(), start)
        run.train_step(accumulated, 0.1)
        assert (run.parameters()["filters"] != start["filters"]).any()


@pytest.mark.parametrize(
    ("net", "negatives"),
    [
        ({"negatives": "warp"}, "warp"),
        ({"negatives": "hardest"}, "hardest"),
        ({"loss": "softmax"}, None),
        ({"score": "cosine"}, "random"),
        ({"win_size": 4, "tag_dim": 3}, "random"),
    ],
)
def test_both_graphs_agree_for_every_loss_and_score(tagspace, net, negatives):
    steps = random_steps(negatives=negatives)
    dygraph, static = (make_run(tagspace, graph, "Adam", **net) for graph in GRAPHS)
    assert train(dygraph, steps) == train(static, steps)
    assert_identical(dygraph.parameters(), static.parameters())


def test_both_graphs_infer_the_same_and_change_nothing(tagspace):
    batch = random_batch(np.random.default_rng(3), 7)
    feeds = {name: batch[name] for name in ("tokens", "lengths")}
    dygraph, static = (make_run(tagspace, graph, "Adam") for graph in GRAPHS)
    for run in (dygraph, static):
        train(run, random_steps(n_steps=2))
    before = static.parameters()
    scores = [run.infer_step(feeds)["scores"] for run in (dygraph, static)]
    assert scores[0].shape == (7, N_TAGS)
    np.testing.assert_array_equal(*scores)
    assert_identical(static.parameters(), before)
    # After inference, training goes on as if there had been none.
    more = random_steps(n_steps=2, seed=8)
    assert train(dygraph, more) == train(static, more)


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_run_without_an_optimizer_infers_with_the_weights_it_is_given(tagspace, graph):
    trained = make_run(tagspace, "dygraph", "Adagrad")
    train(trained, random_steps(n_steps=3))
    fresh = make_run(tagspace, graph, seed=99)
    batch = random_batch(np.random.default_rng(3), 5)
    feeds = {name: batch[name] for name in ("tokens", "lengths")}
    before = fresh.infer_step(feeds)["scores"]
    fresh.set_parameters(trained.parameters())
    assert_identical(fresh.parameters(), trained.parameters())
    expected = trained.infer_step(feeds)["scores"]
    assert (before != expected).any()
    np.testing.assert_array_equal(fresh.infer_step(feeds)["scores"], expected)


# ------------------------------------------------------------------ going on in the other graph


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("first", GRAPHS)
@pytest.mark.parametrize("second", GRAPHS)
def test_a_run_is_gone_on_with_in_either_graph(tagspace, optimizer, first, second):
    steps = random_steps(n_steps=6)
    whole = make_run(tagspace, first, optimizer)
    train(whole, steps[:3])
    state = {name: array.copy() for name, array in whole.optimizer_state().items()}
    weights = {name: array.copy() for name, array in whole.parameters().items()}
    other = make_run(tagspace, second, optimizer, seed=99)
    other.set_parameters(weights)
    other.set_optimizer_state(state)
    assert_identical(other.optimizer_state(), state)
    assert train(other, steps[3:]) == train(whole, steps[3:])
    assert_identical(other.parameters(), whole.parameters())
    assert_identical(other.optimizer_state(), whole.optimizer_state())


def test_without_the_accumulators_a_run_would_go_on_otherwise(tagspace):
    # The test above would pass if `set_optimizer_state` did nothing and nothing depended on it.
    steps = random_steps(n_steps=6)
    whole = make_run(tagspace, "dygraph", "Adam")
    train(whole, steps[:3])
    other = make_run(tagspace, "dygraph", "Adam", seed=99)
    other.set_parameters(whole.parameters())
    train(other, steps[3:]), train(whole, steps[3:])
    assert (other.parameters()["filters"] != whole.parameters()["filters"]).any()


@pytest.mark.parametrize("graph", GRAPHS)
def test_arrays_of_a_checkpoint_do_not_change_with_later_steps(tagspace, graph):
    run = make_run(tagspace, graph, "Adam")
    train(run, random_steps(n_steps=1))
    exported = {**run.parameters(), **run.optimizer_state()}
    copies = {name: array.copy() for name, array in exported.items()}
    train(run, random_steps(n_steps=2))
    assert_identical(exported, copies)


# ------------------------------------------------------------------ several batches, one update


def joined(micro_batches):
    longest = max(batch["tokens"].shape[1] for batch in micro_batches)
    parts = [
        {**b, "tokens": np.pad(b["tokens"], ((0, 0), (0, longest - b["tokens"].shape[1])))}
        for b in micro_batches
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("clip", [None, 0.05])
def test_uneven_batches_accumulated_equal_one_large_batch(tagspace, graph, clip):
    random = np.random.default_rng(5)
    apart, together = (make_run(tagspace, graph, "Momentum", clip) for _ in range(2))
    for _ in range(3):
        micro = [random_batch(random, n_rows) for n_rows in (2, 9, 5)]
        assert len({batch["tokens"].shape[1] for batch in micro}) > 1
        loss = apart.train_step(micro, 0.1)
        assert loss == pytest.approx(together.train_step([joined(micro)], 0.1), abs=1e-6)
    for name, array in together.parameters().items():
        np.testing.assert_allclose(apart.parameters()[name], array, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_loss_of_several_batches_is_weighted_by_rows(tagspace, graph):
    random = np.random.default_rng(6)
    sizes = (1, 7, 3)
    micro = [random_batch(random, n_rows) for n_rows in sizes]
    run = make_run(tagspace, graph, "SGD")
    losses = [run.train_step([batch], 0.0) for batch in micro]  # a rate of 0 changes nothing
    assert np.ptp(losses) > 0.01
    expected = np.average(losses, weights=sizes)
    assert run.train_step(micro, 0.0) == pytest.approx(expected, abs=1e-6)


def test_row_weights_are_shares_of_all_rows():
    batches = [{"tokens": np.zeros((n, 2))} for n in (1, 2, 5)]
    assert row_weights(batches) == [1 / 8, 2 / 8, 5 / 8]
    assert row_weights(batches[:1]) == [1]


@pytest.mark.parametrize("graph", GRAPHS)
def test_gradients_do_not_leak_into_the_next_step(tagspace, graph):
    one, two = random_steps(n_steps=2, accumulate=2)
    whole = make_run(tagspace, graph, "SGD")
    whole.train_step(one, 0.1)
    apart = make_run(tagspace, graph, "SGD", seed=99)
    apart.set_parameters(whole.parameters())
    assert whole.train_step(two, 0.1) == apart.train_step(two, 0.1)
    assert_identical(whole.parameters(), apart.parameters())


# ------------------------------------------------------------------ the static graph's mode


def test_static_mode_is_on_only_inside_the_methods(tagspace):
    run = make_run(tagspace, "static", "SGD")
    assert paddle.in_dynamic_mode()
    (step,) = random_steps(n_steps=1)
    run.train_step(step, 0.1)
    run.train_step(step * 2, 0.1)
    run.parameters(), run.optimizer_state()
    assert paddle.in_dynamic_mode()
    with pytest.raises(Exception, match="tokens"):
        run.infer_step({"lengths": np.array([1])})
    assert paddle.in_dynamic_mode()


def test_two_static_runs_in_one_process_do_not_touch_each_other(tagspace):
    steps = random_steps(n_steps=3)
    alone = make_run(tagspace, "static", "Adam")
    expected = train(alone, steps)
    one, two = (make_run(tagspace, "static", "Adam", seed=seed) for seed in (0, 7))
    losses = []
    for step, rate in zip(steps, RATES):
        losses.append(one.train_step(step, float(rate)))
        two.train_step(step, float(rate))
    assert losses == expected


# ------------------------------------------------------------------ numbers that are none


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_step_with_weights_that_are_not_finite_ends(tagspace, graph, accumulate, value):
    run = make_run(tagspace, graph, "SGD")
    weights = run.parameters()
    weights["filters"][:] = value  # the gradient of such a maximum corrupts Paddle's memory
    run.set_parameters(weights)
    with pytest.raises(FloatingPointError, match="not finite"):
        train(run, random_steps(1, accumulate))


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_norm_of_gradients_that_overflows_does_not_make_them_all_zero(
    tagspace, graph, accumulate
):
    run = make_run(tagspace, graph, "SGD", clip=1.0)
    weights = run.parameters()
    weights["hid_fc.weight"][:] *= 1e25
    run.set_parameters(weights)
    assert np.isfinite(list(run.infer_step(of_text()).values())).all()
    with pytest.raises(FloatingPointError, match="not finite"):
        train(run, random_steps(1, accumulate))


@pytest.mark.parametrize("graph", [*GRAPHS, "predictor"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_refused(tagspace, graph, value):
    run = make_run(tagspace, "static" if graph == "predictor" else graph)
    weights = run.parameters()
    weights["tag_embedding.weight"][3, 0] = value
    run.set_parameters(weights)
    run = Predictor(run) if graph == "predictor" else run
    with pytest.raises(NotFinite, match="an output of the net is not finite"):
        run.infer_step(of_text())


def of_text():
    batch = random_batch(np.random.default_rng(5), 4)
    return {name: batch[name] for name in ("tokens", "lengths")}
