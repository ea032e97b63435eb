import numpy as np
import pytest

from textzoo.evaluation.label_predictions import LabelPredictions, best_labels
from textzoo.metrics.calibration import Calibration

NAMES = ["a", "b", "c", "d"]
SCORES = {"scores": np.array([[0.1, 0.7, 0.7, 0.2], [0.9, 0.05, 0.3, 0.6]], "float32")}


def test_equal_scores_are_ranked_by_the_labels_id():
    labels, scores = best_labels(SCORES, 3)
    np.testing.assert_array_equal(labels, [[1, 2, 3], [0, 3, 2]])
    np.testing.assert_allclose(scores, [[0.7, 0.7, 0.2], [0.9, 0.6, 0.3]])


def test_best_labels_that_a_net_gives_are_taken_as_they_are():
    outputs = {
        "best_labels": np.array([[3, 0, 1]]),
        "best_scores": np.array([[0.8, 0.5, 0.1]], "float32"),
    }
    labels, scores = best_labels(outputs, 2)
    np.testing.assert_array_equal(labels, [[3, 0]])
    np.testing.assert_allclose(scores, [[0.8, 0.5]])


def test_without_a_threshold_the_best_labels_are_listed():
    first, second = LabelPredictions(NAMES, top_k=2).of_batch(SCORES)
    assert first == {"top": [{"tag": "b", "score": 0.7}, {"tag": "c", "score": 0.7}]}
    assert second == {"top": [{"tag": "a", "score": 0.9}, {"tag": "d", "score": 0.6}]}


def test_all_labels_above_the_threshold_are_predicted_however_few_are_listed():
    found = LabelPredictions(NAMES, top_k=1, threshold=0.25).of_batch(SCORES)
    assert [row["predicted"] for row in found] == [["b", "c"], ["a", "d", "c"]]
    assert [len(row["top"]) for row in found] == [1, 1]


def test_each_label_may_have_a_threshold_of_its_own():
    own = LabelPredictions(NAMES, top_k=1, threshold=[0.05, 0.8, 0.6, 0.9])
    assert [row["predicted"] for row in own.of_batch(SCORES)] == [["c", "a"], ["a"]]


def test_with_a_calibration_labels_have_probabilities():
    """By hand: sigmoid(10 * 0.7 - 7) is a half, sigmoid(10 * 0.9 - 7) is 1 / (1 + exp(-2))."""
    named = LabelPredictions(NAMES, top_k=1, threshold=0.5, calibration=Calibration(10.0, -7.0))
    first, second = named.of_batch(SCORES)
    assert first["top"] == [{"tag": "b", "score": 0.7, "probability": pytest.approx(0.5, abs=1e-6)}]
    assert second["top"] == [{"tag": "a", "score": 0.9, "probability": 0.880797}]
