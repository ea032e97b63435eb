"""Evaluating: the same figures from all scores and from the best labels alone."""

from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.config.schema import Runner
from textzoo.errors import UserError
from textzoo.evaluation.labels import LabelEvaluator
from textzoo.metrics.calibration import Calibration, Reliability
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.names import check_metric_names, labels_needed
from textzoo.metrics.ranking import gold_ranks, ranks_among

NAMES = ["precision@1", "ndcg@3", "mrr", "psp@2", "psndcg@3", "micro_f1", "samples_recall"]
N_ROWS, N_LABELS = 23, 6


class Lists:
    def __init__(self, rows):
        self.rows = rows

    def lengths(self, numbers):
        return np.array([len(self.rows[i]) for i in numbers])

    def padded(self, numbers, fill=0):
        lengths = self.lengths(numbers)
        padded = np.full((len(numbers), max(1, lengths.max())), fill)
        for row, i in zip(padded, numbers):
            row[: len(self.rows[i])] = self.rows[i]
        return padded, lengths


class FakeRun:
    """Scores that were drawn before, as all scores or as the best labels."""

    def __init__(self, scores, n_best=None):
        self.scores, self.n_best = scores, n_best
        self.model = SimpleNamespace(
            text_column="words",
            label_column="labels",
            n_best=n_best or N_LABELS,
            infer_feeds=lambda columns, numbers: numbers,
        )

    def infer_step(self, numbers):
        scores = self.scores[numbers]
        if self.n_best is None:
            return {"scores": scores}
        best = np.argsort(-scores, axis=1)[:, : self.n_best]
        return {"best_labels": best, "best_scores": np.take_along_axis(scores, best, axis=1)}


@pytest.fixture
def rows():
    random = np.random.default_rng(4)
    labels = [random.permutation(N_LABELS)[: i % 4].tolist() for i in range(N_ROWS)]
    labels[2][0] = -1
    words = [[0] * random.integers(1, 9) for _ in range(N_ROWS)]
    columns = {"words": Lists(words), "labels": Lists(labels)}
    return SimpleNamespace(columns=columns, release=lambda: None)


@pytest.fixture
def scores():
    return np.random.default_rng(5).random((N_ROWS, N_LABELS)).astype("float32")


READER = SimpleNamespace(
    label_names=list("abcdef"),
    label_counts=np.array([9, 5, 4, 2, 1, 1]),
    n_train_rows=20,
    rows_without_labels_count=False,
)


def measure(run, rows, batch_size, threshold=None, names=NAMES):
    runner = Runner(infer_batch_size=batch_size)
    return LabelEvaluator(runner, READER, rows, np.arange(N_ROWS))(run, names, threshold).result()


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_best_labels_give_what_all_scores_give(rows, scores, batch_size):
    full = measure(FakeRun(scores), rows, 100)
    best = measure(FakeRun(scores, N_LABELS), rows, batch_size)
    assert list(full) == [*NAMES, "threshold", "rows"]
    assert best == pytest.approx(full, rel=1e-12)
    assert full["rows"] == sum(i % 4 > 0 for i in range(N_ROWS))


def test_a_given_threshold_is_used_and_told(rows, scores):
    tuned = measure(FakeRun(scores), rows, 100)
    given = measure(FakeRun(scores), rows, 100, threshold=0.9)
    assert given["threshold"] == 0.9
    assert given["micro_f1"] < tuned["micro_f1"]
    assert given["mrr"] == tuned["mrr"]


def test_scores_are_calibrated_on_the_best_labels_of_rows_with_labels(rows, scores):
    evaluator = LabelEvaluator(Runner(), READER, rows, np.arange(N_ROWS))
    gold, counts = rows.columns["labels"].padded(np.arange(N_ROWS), fill=-1)
    is_gold = np.stack([(gold == label).any(axis=1) for label in range(N_LABELS)], axis=1)
    expected = Calibration.fit(scores[counts > 0].ravel(), is_gold[counts > 0].ravel())
    assert evaluator(FakeRun(scores), ["accuracy"]).calibration() == pytest.approx(expected)


def test_the_error_of_a_given_calibration_is_that_of_the_labels_that_are_listed(rows, scores):
    given = Calibration(2.0, -1.0)
    evaluator = LabelEvaluator(Runner(top_k=2), READER, rows, np.arange(N_ROWS))
    measured = evaluator(FakeRun(scores), ["accuracy"], calibration=given)
    gold, counts = rows.columns["labels"].padded(np.arange(N_ROWS), fill=-1)
    best = np.argsort(-scores, axis=1)[:, :2]
    hits = (best[:, :, None] == gold[:, None, :]).any(axis=2)[counts > 0]
    expected = Reliability()
    expected.update(given(np.take_along_axis(scores, best, axis=1)[counts > 0]), hits)
    found = measured.result()["expected_calibration_error"]
    assert found == pytest.approx(expected.expected_error)
    assert measured.calibration() == given


def test_rows_without_labels_give_no_figures(rows, scores):
    unlabelled = np.arange(0, N_ROWS, 4)
    metrics = LabelEvaluator(Runner(), READER, rows, unlabelled)(FakeRun(scores), NAMES)
    assert metrics.result() == {"rows": 0}
    assert metrics.report() is None


def test_ranks_among_the_best_are_those_of_all_scores(scores):
    gold = np.random.default_rng(6).integers(-1, N_LABELS, (N_ROWS, 3))
    best = np.argsort(-scores, axis=1)
    np.testing.assert_array_equal(ranks_among(best, gold), gold_ranks(scores, gold))
    few = ranks_among(best[:, :2], gold)
    expected = gold_ranks(scores, gold)
    np.testing.assert_array_equal(few, np.where(expected <= 2, expected, np.inf))


def test_as_many_labels_are_ranked_as_the_metrics_look_at():
    runner = Runner(top_k=3, save_scores=7)
    assert labels_needed(["precision@1", "accuracy"], runner) == 10  # for the calibration
    assert labels_needed(["psp@12"], runner) == 12
    assert labels_needed(["macro_f1"], runner) == 100
    assert labels_needed(["mrr"], runner) > 10**6


@pytest.mark.parametrize("name", ["f1", "micro_f2", "psp", "psp@0", "tail_f1"])
def test_an_unknown_metric_is_refused(name):
    with pytest.raises(UserError, match=f"received '{name}'"):
        check_metric_names(["precision@1", name], "tags")


def test_propensities_need_counts():
    reader = SimpleNamespace(
        label_names=["a"], rows_without_labels_count=False, label_counts=None, n_train_rows=0
    )
    with pytest.raises(UserError, match="psp@1: this model's reader keeps no label counts"):
        LabelMetrics(["psp@1"], Runner(), reader)
