"""Training the rows in use gives what training all rows gives."""

import numpy as np
import paddle
import pytest
from conftest import ROOT

from textzoo.config.checking import signature_fields
from textzoo.config.model_folder import load_model_folder
from textzoo.config.schema import EncoderSettings, Optimizer
from textzoo.nets.table import Table
from textzoo.running import lazy_tables
from textzoo.running.dygraph import DygraphRun
from textzoo.running.lazy_tables import LazyAdam
from textzoo.running.static import Example, StaticRun

VOCABULARY, WIDTH = 60, 8
WEIGHT = "encoder.word_embeddings.weight"
# Next to epsilon, moments are caught up with by an approximation: see the test of a row alone.
ADAM = {"class": "Adam", "epsilon": 1e-12}
ADAMW = {**ADAM, "class": "AdamW", "weight_decay": 0.3}
EXACT = ("SGD", "Adagrad")  # with these a row without a gradient stays as it is
RATES = np.linspace(0.05, 0.01, 30)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Tables of any size count as large."""
    monkeypatch.setattr(lazy_tables, "_LARGE", 0)


def make_run(optimizer=ADAM, lazy=True, clip=None, cache_rows=0, graph="dygraph", dropout=0.0):
    folder = load_model_folder(ROOT / "models" / "batchneg")
    defaults = {key: default for key, (_, default) in signature_fields(folder.net).items()}
    encoder = EncoderSettings(config="ngram", hidden_size=WIDTH, hidden_dropout_prob=dropout)
    sizes = {"vocab_size": VOCABULARY, "max_len": 9, "encoder": encoder, "output_emb_size": 5}
    arguments = {**defaults, **sizes}
    settings = Optimizer.model_validate({"learning_rate": 1.0, **optimizer})
    paddle.seed(3)
    model = folder.dygraph_model(arguments)
    with paddle.utils.unique_name.guard():
        net = model.create_model()
    if graph == "static":
        model = folder.static_model(arguments)
        initial = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
        batch = random_batch(np.random.default_rng(0), 1)
        texts = {name.partition("_")[2]: batch[name] for name in ("query_tokens", "query_lengths")}
        example = Example(inference=texts, training=batch)
        return StaticRun(model, model.create_model, initial, example, settings, clip)
    with pytest.MonkeyPatch.context() as patch:
        if not lazy:
            patch.setattr(lazy_tables, "_LARGE", 10**9)
        run = DygraphRun(model, net, settings, clip, cache_rows)
    assert list(run._tables) == ([WEIGHT] if lazy else [])
    return run


def random_batch(random, n_rows):
    """Pairs whose ids are of all frequencies, as those of texts are."""
    weights = 1 / np.arange(1, VOCABULARY + 1) ** 1.5
    batch = {"excluded": np.zeros((n_rows, n_rows), "float32")}
    for side in ("query", "title"):
        lengths = random.integers(1, 6, n_rows)
        size = n_rows, lengths.max()
        batch[f"{side}_tokens"] = random.choice(VOCABULARY, size, p=weights / weights.sum())
        batch[f"{side}_lengths"] = lengths
    return batch


def random_steps(accumulate=1, seed=1):
    random = np.random.default_rng(seed)
    return [[random_batch(random, 3) for _ in range(accumulate)] for _ in RATES]


def train(run, steps, rates=RATES):
    losses = []
    for i, (micro_batches, rate) in enumerate(zip(steps, rates)):
        paddle.seed(i)
        losses.append(run.train_step(micro_batches, float(rate)))
    return losses


def assert_close(ours, theirs, atol=2e-5):
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], rtol=1e-4, atol=atol, err_msg=name)


def assert_identical(ours, theirs):
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


# ------------------------------------------------------------------ against Adam of all rows


@pytest.mark.parametrize(
    "optimizer",
    [ADAM, ADAMW, {**ADAM, "beta1": 0.0}, {**ADAM, "beta2": 0.9}, *({"class": c} for c in EXACT)],
)
@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize(
    ("accumulate", "cache_rows", "dropout"), [(1, 0, 0.0), (2, 0, 0.4), (1, 2, 0.4)]
)
def test_losses_weights_and_accumulators_are_those_of_all_rows(
    optimizer, clip, accumulate, cache_rows, dropout
):
    others = {"clip": clip, "cache_rows": cache_rows, "dropout": dropout}
    lazy, dense = (make_run(optimizer, is_lazy, **others) for is_lazy in (True, False))
    steps = random_steps(accumulate)
    assert train(lazy, steps) == pytest.approx(train(dense, steps), rel=1e-4)
    is_behind, behind = lazy._tables[WEIGHT].is_behind, lazy.optimizer_state()
    assert_close(lazy.parameters(), dense.parameters(), atol=1e-4)
    lazy.settle()
    assert_close(lazy.parameters(), dense.parameters(), atol=1e-4)
    assert_close(lazy.optimizer_state(), dense.optimizer_state())
    # The test would pass if all rows were in use in each step.
    assert is_behind == (optimizer["class"] not in EXACT)
    assert not is_behind or (behind[f"behind/{WEIGHT}"][0] > 5).sum() > 5


@pytest.mark.parametrize("size", [1e-2, 1e-7, 1e-12])  # much more than epsilon, next to it, less
@pytest.mark.parametrize(("before", "tolerance"), [(2, 0.05), (200, 1e-3)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_a_row_moves_on_by_the_sum_of_its_decayed_moments(size, before, tolerance, weight_decay):
    table = Table(2, 1)
    table.weight.set_value(paddle.ones([2, 1]))
    optimizer = paddle.optimizer.AdamW(0.1, parameters=[table.weight], weight_decay=weight_decay)
    optimizer._create_accumulators(
        paddle.static.default_main_program().global_block(), [table.weight]
    )
    lazy = LazyAdam(table, ["ids"], optimizer)
    rates = 0.1 / np.arange(1, before + 40)

    def step(t, row, gradient):
        lazy.look_up([{"ids": np.array([row])}])
        lazy.step(paddle.full([1, 1], gradient), float(rates[t - 1]))

    for t in range(1, before):
        step(t, 1, 1.0)
    step(before, 0, size)
    moved = table.weight[0].item()
    for t in range(before + 1, before + 40):
        step(t, 1, 1.0)

    # The paper's algorithm, row 0 alone, its gradient 0 from then on.
    weight, m, v = moved, 0.1 * size, 0.001 * size**2
    for t in range(before + 1, before + 40):
        rate, m, v = rates[t - 1], 0.9 * m, 0.999 * v
        first, second = m / (1 - 0.9**t), v / (1 - 0.999**t)
        weight -= rate * weight_decay * weight + rate * first / (np.sqrt(second) + 1e-8)
    found = lazy.settled_weight()[0].item()
    assert found - moved == pytest.approx(weight - moved, rel=tolerance, abs=2e-7)
    lazy.settle()
    assert table.weight[0].item() == found
    assert [t[0].item() for t in lazy._tensors()[1:]] == pytest.approx([m, v], rel=1e-4)


def test_a_step_leaves_rows_that_were_never_looked_up_as_they_were():
    run = make_run()
    before = run.parameters()[WEIGHT]
    batch = random_batch(np.random.default_rng(0), 3)
    for side in ("query", "title"):
        batch[f"{side}_tokens"] = batch[f"{side}_tokens"] % 4
    train(run, [[batch]] * 5)
    moved = (run.parameters()[WEIGHT] != before).any(axis=1)
    assert moved[:4].any()
    assert not moved[4:].any()


# ------------------------------------------------------------------ read and gone on with


def test_inference_sees_all_rows_moved_on():
    lazy, dense = make_run(), make_run(lazy=False)
    for run in (lazy, dense):
        train(run, random_steps())
    texts = {"tokens": np.arange(VOCABULARY)[:, None], "lengths": np.ones(VOCABULARY, int)}
    found, expected = (run.infer_step(texts)["embeddings"] for run in (lazy, dense))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("optimizer", [ADAM, ADAMW, {"class": "Adagrad"}])
def test_a_run_goes_on_to_the_last_bit(settled, optimizer):
    steps = random_steps()
    whole, other = make_run(optimizer), make_run(optimizer)
    train(whole, steps[:12])
    if settled:
        whole.settle()
    weights, state = whole.parameters(), whole.optimizer_state()
    has_behind = any(name.startswith("behind/") for name in state)
    assert has_behind == (not settled and optimizer["class"] not in EXACT)
    other.set_parameters(weights)
    other.set_optimizer_state(state)
    assert_identical(other.parameters(), weights)
    assert_identical(other.optimizer_state(), state)
    assert train(other, steps[12:]) == train(whole, steps[12:])
    assert_identical(other.parameters(), whole.parameters())
    assert_identical(other.optimizer_state(), whole.optimizer_state())


@pytest.mark.parametrize("graph", ["dygraph", "static"])
def test_a_run_of_dense_adam_goes_on_with_rows_that_were_behind(graph):
    steps = random_steps()
    lazy, dense = make_run(), make_run(lazy=False, graph=graph)
    train(lazy, steps[:12])
    weights, state = lazy.parameters(), lazy.optimizer_state()
    dense.set_parameters(weights)
    dense.set_optimizer_state(state)
    lazy.settle()
    assert_close(dense.optimizer_state(), lazy.optimizer_state(), atol=1e-9)
    assert train(dense, steps[12:]) == pytest.approx(train(lazy, steps[12:]), rel=1e-4)


def test_a_lazy_run_goes_on_with_what_dense_adam_gave():
    steps = random_steps()
    lazy, dense = make_run(), make_run(lazy=False)
    train(lazy, random_steps(seed=5))  # what it has fallen behind by is forgotten
    train(dense, steps[:12])
    lazy.set_parameters(dense.parameters())
    lazy.set_optimizer_state(dense.optimizer_state())
    assert train(lazy, steps[12:]) == pytest.approx(train(dense, steps[12:]), rel=1e-4)


# ------------------------------------------------------------------ which tables


@pytest.mark.parametrize(
    "optimizer",
    [
        {"class": "Momentum"},
        {"class": "Adagrad", "weight_decay": 0.1},
        {**ADAM, "weight_decay": 0.1},  # part of the gradient, which no row is then without
        {**ADAM, "amsgrad": True},
        {**ADAM, "beta1": 0.99, "beta2": 0.9},  # moves on for ever
    ],
)
def test_other_optimizers_train_all_rows(optimizer):
    run = make_run(optimizer, lazy=False)
    assert not lazy_tables.lazy_tables(run.model, run.net, run._optimizer)
    train(run, random_steps())
    assert all(np.isfinite(weight).all() for weight in run.parameters().values())
