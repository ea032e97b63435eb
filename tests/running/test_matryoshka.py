"""Embeddings that serve when they are cut off: losses and outputs, against NumPy."""

import numpy as np
import paddle
import pytest
from conftest import ROOT
from harness.pair_nets import make_net, mask, vectors
from harness.running import run_command
from harness.workspace import MODELS

from textzoo.config.checking import signature_fields
from textzoo.config.model_folder import load_model_folder
from textzoo.config.schema import EncoderSettings, Optimizer
from textzoo.running.dygraph import DygraphRun
from textzoo.running.static import Example, StaticRun

DIMS = [4, 2, 1]


@pytest.fixture(scope="module", params=["batchneg", "hardestneg"])
def folder(request):
    return load_model_folder(ROOT / "models" / request.param)


def cut(rows, width):
    return rows[:, :width] / np.linalg.norm(rows[:, :width], axis=1, keepdims=True)


def numpy_loss(name, queries, candidates, excluded):
    """With margin 0.3 and, of batchneg, scale 7."""
    losses = []
    for i, cosines in enumerate(queries @ candidates.T):
        others = [c for j, c in enumerate(cosines) if j != i and not excluded[i, j]]
        if name == "hardestneg":
            losses.append(max(0.0, 0.3 - cosines[i] + max(others)))
        else:
            own = 7 * (cosines[i] - 0.3)
            losses.append(np.log(np.exp(own) + np.exp(7 * np.array(others)).sum()) - own)
    return np.mean(losses)


def test_the_loss_is_the_sum_of_those_of_the_first_numbers_of_length_1_again(folder):
    queries, candidates, excluded = vectors(6, 1), vectors(9, 2), mask(6, 9)
    scale = {"scale": 7.0} if folder.path.name == "batchneg" else {}
    net = make_net(folder, margin=0.3, matryoshka_dims=DIMS, **scale)
    tensors = (paddle.to_tensor(x.astype("float32")) for x in (queries, candidates, excluded))
    expected = [
        numpy_loss(folder.path.name, cut(queries, dim), cut(candidates, dim), excluded)
        for dim in DIMS
    ]
    assert min(expected) > 0.01  # all of them count
    assert float(net.total_loss(*tensors)) == pytest.approx(sum(expected), rel=1e-5)


def test_without_widths_it_is_the_loss_of_the_whole_to_the_last_bit(folder):
    tensors = [
        paddle.to_tensor(x.astype("float32")) for x in (vectors(6, 1), vectors(9, 2), mask(6, 9))
    ]
    net = make_net(folder)
    assert float(net.total_loss(*tensors)) == float(net.loss(*tensors))


@pytest.mark.parametrize(
    ("chosen", "complaint"),
    [
        ({"matryoshka_dims": [2, 1]}, r"matryoshka_dims: received \[2, 1\], .* the largest 4,"),
        ({"matryoshka_dims": [8, 4]}, r"matryoshka_dims: received \[8, 4\], expected different"),
        ({"matryoshka_dims": [4, 2, 2]}, r"matryoshka_dims: received \[4, 2, 2\], expected"),
        ({"truncate_dim": 5}, "truncate_dim: received 5, expected at most 4, the width"),
        ({"truncate_dim": 9, "output_emb_size": None}, "received 9, expected at most 8"),
    ],
)
def test_widths_that_the_embeddings_do_not_have_are_refused(folder, chosen, complaint):
    with pytest.raises(ValueError, match=complaint):
        make_net(folder, **chosen)


def test_a_config_with_such_widths_is_refused_in_one_line(tmp_path):
    dims = "hyper_parameters.matryoshka_dims=[64, 32]"
    config = MODELS["batchneg"].config
    refused = run_command(
        "trainer", "-m", config, "-o", dims, f"runner.model_save_path={tmp_path}/x", expect=2
    )
    assert "hyper_parameters: matryoshka_dims: received [64, 32], expected" in refused.stderr


def feeds_of(n, seed):
    random = np.random.default_rng(seed)
    made = {}
    for name, number in {"query": n, "title": n, "negative": n + 3}.items():
        made[f"{name}_lengths"] = lengths = random.integers(1, 9, number)
        made[f"{name}_tokens"] = random.integers(0, 64, (number, lengths.max()))
    made["excluded"] = mask(n, 2 * n + 3, seed).astype("float32")
    return made


def make_run(folder, graph, cache_rows=0, **chosen):
    defaults = {name: default for name, (_, default) in signature_fields(folder.net).items()}
    encoder = EncoderSettings(config="ngram", hidden_size=8)
    arguments = {
        **defaults,
        **{"vocab_size": 64, "max_len": 9, "encoder": encoder, "output_emb_size": 4},
        **{"negatives": "given", **chosen},
    }
    optimizer = Optimizer.model_validate({"class": "SGD", "learning_rate": 1.0})
    paddle.seed(3)
    with paddle.utils.unique_name.guard():
        first = folder.net(**arguments)
    if graph == "dygraph":
        return DygraphRun(folder.dygraph_model(arguments), first, optimizer, None, cache_rows)
    model = folder.static_model(arguments)
    initial = {name: tensor.numpy() for name, tensor in first.state_dict().items()}
    texts = {"tokens": np.zeros((1, 1), int), "lengths": np.ones(1, int)}
    example = Example(inference=texts, training=feeds_of(1, 0))
    return StaticRun(model, model.create_model, initial, example, optimizer, None)


def test_both_graphs_take_the_same_steps(folder):
    runs = [make_run(folder, graph, matryoshka_dims=DIMS) for graph in ("dygraph", "static")]
    alone = make_run(folder, "dygraph")
    steps = [[feeds_of(7, seed)] for seed in range(1, 5)]
    losses = [[run.train_step(batches, 0.5) for batches in steps] for run in (*runs, alone)]
    assert losses[0] == losses[1] != losses[2]
    dygraph, static = (run.parameters() for run in runs)
    for name, values in dygraph.items():
        np.testing.assert_array_equal(static[name], values)


def test_the_gradient_cache_takes_the_same_step(folder):
    whole, parts = (make_run(folder, "dygraph", rows, matryoshka_dims=DIMS) for rows in (0, 3))
    losses = [run.train_step([feeds_of(7, 1)], 0.5) for run in (whole, parts)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    for name, values in whole.parameters().items():
        np.testing.assert_allclose(parts.parameters()[name], values, atol=1e-5)


@pytest.mark.parametrize("graph", ["dygraph", "static"])
def test_embeddings_of_inference_are_cut_off_and_of_length_1(folder, graph):
    random = np.random.default_rng(0)
    texts = {"tokens": random.integers(0, 64, (5, 6)), "lengths": random.integers(1, 7, 5)}
    whole, short = (
        make_run(folder, graph, truncate_dim=dim).infer_step(texts)["embeddings"]
        for dim in (None, 3)
    )
    assert whole.shape == (5, 4)
    np.testing.assert_allclose(short, cut(whole, 3), atol=1e-6)
