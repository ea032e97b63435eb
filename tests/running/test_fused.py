"""A net and a linear part as one run, with a net that only counts how often it is computed."""

from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.data.text_vectors import VECTORS
from textzoo.linear.fitting import LeftOut
from textzoo.linear.fusion import ALONE, LINEAR_SCORES, Mixed
from textzoo.running.fused import BothScores, FusedModel, FusedRun, Remembered
from textzoo.running.model import Model
from textzoo.text.characters import characters_of
from textzoo.text.ragged import Ragged
from textzoo.text.reader import CHARACTERS

COLUMNS = {CHARACTERS: characters_of(["a", "bb", "ccc"])}
LINEAR = SimpleNamespace(scores=lambda characters: np.repeat(characters.counts[:, None], 2, 1) / 10)


class Net(Model):
    text_column, label_column = "text", "label"
    metrics = ("micro_f1",)

    def infer_feeds(self, columns, rows):
        return {"rows": np.asarray(rows)}


class Run:
    def __init__(self, model):
        self.model, self.n_computed = model, 0

    def infer_step(self, feeds):
        assert feeds.keys() == {"rows"}
        self.n_computed += 1
        return {"scores": np.stack([feeds["rows"], 1 - feeds["rows"]], axis=1).astype(float)}


def fused_model(left_out=None, best_alone=False):
    net = Net({}, 1)
    net.best_alone = best_alone
    return FusedModel(net, LINEAR, left_out)


def test_embeddings_that_rows_have_are_not_computed_anew():
    vectors = Ragged(np.arange(6.0), np.array([0, 2, 4, 6]))
    linear = SimpleNamespace(scores=lambda characters, vectors: vectors + len(characters))
    model = FusedModel(Net({}, 1), linear)
    feeds = model.infer_feeds({**COLUMNS, VECTORS: vectors}, np.array([2, 0]))
    assert feeds[LINEAR_SCORES].tolist() == [[6, 7], [2, 3]]


def test_feeds_have_the_linear_scores_of_the_texts_or_those_without_the_row():
    rows = np.array([2, 0])
    feeds = fused_model().infer_feeds(COLUMNS, rows)
    assert feeds["rows"].tolist() == [2, 0]
    np.testing.assert_allclose(feeds[LINEAR_SCORES], [[0.3, 0.3], [0.1, 0.1]])
    left_out = LeftOut(np.array([0, 2]), np.array([[5.0, 6.0], [7.0, 8.0]]))
    feeds = fused_model(left_out).infer_feeds(COLUMNS, rows)
    assert feeds[LINEAR_SCORES].tolist() == [[7, 8], [5, 6]]


def test_what_the_net_s_model_says_holds():
    model = fused_model(best_alone=True)
    assert (model.text_column, model.label_column, model.kind) == ("text", "label", "tags")
    assert model.metrics == ("micro_f1",) and model.best_alone and model.n_best == 1


@pytest.mark.parametrize("scale", ["probabilities", "logits"])
@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_scores_are_the_weighted_mean_and_with_a_weight_of_1_the_net_is_not_computed(weight, scale):
    model = fused_model()
    run = Run(model)
    feeds = model.infer_feeds(COLUMNS, np.array([0, 1]))
    scores = FusedRun(run, model, Mixed(weight, scale)).infer_step(feeds)["scores"]
    net = np.array([[0, 1], [1, 0]])
    if scale == "logits":
        net = np.exp(net) / (1 + np.e)
    expected = weight * np.array([[0.1, 0.1], [0.2, 0.2]]) + (1 - weight) * net
    np.testing.assert_allclose(scores, expected)
    assert run.n_computed == (weight < 1)
    assert LINEAR_SCORES in feeds  # what was given is as it was


def test_of_a_net_that_gives_the_best_labels_the_linear_part_alone_gives_them_too():
    model = fused_model(LeftOut(np.array([0]), np.array([[0.2, 0.8]])), best_alone=True)
    outputs = FusedRun(Run(model), model, ALONE).infer_step(
        model.infer_feeds(COLUMNS, np.array([0]))
    )
    assert outputs["best_labels"].tolist() == [[1]] and outputs["best_scores"].tolist() == [[0.8]]


def test_what_a_net_gave_for_batches_is_gone_through_again():
    model = fused_model()
    run, remembered = Run(model), Remembered(model)
    both = BothScores(run, model, remembered)
    batches = [model.infer_feeds(COLUMNS, np.array([row])) for row in (2, 0)]
    first = [both.infer_step(batch) for batch in batches]
    assert [outputs[LINEAR_SCORES].tolist() for outputs in first] == [[[0.3, 0.3]], [[0.1, 0.1]]]
    again = [remembered.infer_step({}) for _ in batches]
    assert [outputs["scores"].tolist() for outputs in again] == [[[2, -1]], [[0, 1]]]
    assert run.n_computed == 2
