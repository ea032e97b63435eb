"""The gradient cache gives what the whole batch gives."""

import numpy as np
import paddle
import pytest
from conftest import ROOT
from harness.workspace import Workspace, _of_pairs

from textzoo.config.checking import signature_fields
from textzoo.config.model_folder import load_model_folder
from textzoo.config.schema import EncoderSettings, Optimizer, Teacher
from textzoo.running.dygraph import DygraphRun


def make_run(name, cache_rows, dropout=0.0, teacher_weight=0.5):
    folder = load_model_folder(ROOT / "models" / name)
    defaults = {key: default for key, (_, default) in signature_fields(folder.net).items()}
    encoder = EncoderSettings(
        config="tiny", hidden_size=16, hidden_dropout_prob=dropout, attention_probs_dropout_prob=0
    )
    sizes = {"vocab_size": 30, "max_len": 12, "encoder": encoder, "negatives": "given"}
    sizes["teacher"] = Teacher(weight=teacher_weight)
    paddle.seed(7)
    model = folder.dygraph_model({**defaults, **sizes})
    optimizer = Optimizer.model_validate({"class": "SGD", "learning_rate": 1.0})
    with paddle.utils.unique_name.guard():
        return DygraphRun(model, model.create_model(), optimizer, None, cache_rows)


def feeds(n=13, seed=0):
    random = np.random.default_rng(seed)
    made = {}
    numbers = {"query": n, "title": n, "negative": 2 * n + 1}  # of some rows 2, of others 3
    for name, number in numbers.items():
        made[f"{name}_lengths"] = lengths = random.integers(1, 12, number)
        made[f"{name}_tokens"] = random.integers(0, 30, (number, lengths.max()))
    made["excluded"] = (random.random((n, 3 * n + 1)) < 0.1).astype("float32")
    np.fill_diagonal(made["excluded"], 0)
    return made


def taught(n=13, seed=0, width=256, alone=False):
    """The same with a teacher's vectors; `alone`: they are all that counts."""
    made = feeds(n, seed)
    random = np.random.default_rng(seed)
    for side in ("query", "title"):
        vectors = random.normal(size=(n, width))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        made[f"{side}_teacher"] = vectors.astype("float32")
    if alone:
        made = {name: array for name, array in made.items() if name.startswith("query")}
    return made


BATCHES = {
    "pairs": (0.5, [feeds(), feeds(5, seed=1)]),
    "taught": (0.3, [taught(), taught(5, seed=1)]),
    "taught alone": (1, [taught(alone=True), taught(5, seed=1, alone=True)]),
}


@pytest.mark.parametrize("name", ["batchneg", "hardestneg"])
@pytest.mark.parametrize("cache_rows", [1, 4, 13, 100])
@pytest.mark.parametrize("batches", BATCHES)
def test_cached_gradients_are_those_of_the_whole_batch(name, cache_rows, batches):
    weight, micro_batches = BATCHES[batches]
    plain, cached = (make_run(name, rows, teacher_weight=weight) for rows in (0, cache_rows))
    losses = [one.train_step(micro_batches, 1.0) for one in (plain, cached)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    before = make_run(name, 0).parameters()
    for key, expected in plain.parameters().items():
        largest = max(1, np.abs(expected).max())  # float32 rounds in relation to it
        np.testing.assert_allclose(cached.parameters()[key], expected, atol=1e-5 * largest)
    assert any(
        np.abs(before[key] - value).max() > 0.01 for key, value in plain.parameters().items()
    )


def test_a_part_is_embedded_twice_with_the_same_dropout():
    """Were it not, the gradients would be of other embeddings than the loss was computed from."""
    cached = make_run("batchneg", 4, dropout=0.5)
    seen = []
    forward = cached.net.forward
    cached.net.forward = lambda *texts: seen.append(forward(*texts)) or seen[-1]
    cached.train_step([feeds()], 0.0)
    parts = 4 + 4 + 7  # of 13 queries, 13 titles, 27 negatives
    assert len(seen) == 2 * parts  # twice
    for ours, theirs in zip(seen[:parts], seen[parts:]):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_static_graph_refuses(tmp_path):
    workspace = Workspace(tmp_path, _of_pairs("batchneg"))
    refused = workspace.run("static_trainer", "none", "runner.gradient_cache_rows=4", expect=2)
    assert "models of pairs in dynamic graph; received model batchneg in static" in refused.stderr
