"""Scores of a net and of the linear part as one, by hand."""

import numpy as np
import pytest

from textzoo.linear.fusion import best_of, fused

LINEAR = np.array([[0.2, 1.0, -0.1], [0.0, 0.5, 0.4]])
NET = np.array([[0.5, 0.1, 0.9], [0.0, 3.0, 1.0]])


@pytest.mark.parametrize(
    ("scale", "within_1"),
    [
        ("probabilities", NET),
        ("logits", np.exp(NET) / np.exp(NET).sum(axis=1, keepdims=True)),
        # the best label has 1, the worst 0, the others between
        ("any", np.array([[0.5, 0.0, 1.0], [0.0, 1.0, 1 / 3]])),
    ],
)
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_mean_of_all_scores(scale, within_1, weight):
    expected = weight * LINEAR + (1 - weight) * within_1
    np.testing.assert_allclose(fused({"scores": NET}, LINEAR, weight, scale)["scores"], expected)


def test_large_logits_and_equal_scores_stay_finite():
    large = fused({"scores": np.array([[1e4, -1e4]])}, np.zeros((1, 2)), 0, "logits")["scores"]
    np.testing.assert_allclose(large, [[1, 0]])
    equal = fused({"scores": np.full((1, 2), 7.0)}, np.zeros((1, 2)), 0, "any")["scores"]
    np.testing.assert_allclose(equal, [[1, 1]])


def test_of_best_labels_those_beyond_have_the_lowest_score():
    outputs = {
        "best_labels": np.array([[2, 0], [1, 3]]),
        "best_scores": np.array([[0.9, 0.4], [0.8, 0.2]]),
    }
    linear = np.array([[0.0, 0.1, 0.0, 1.0], [0.4, 0.0, 0.4, 0.0]])
    found = fused(outputs, linear, 0.5, "probabilities")
    # 0.2 0.25 0.45 0.7 and 0.3 0.4 0.3 0.1
    assert found["best_labels"].tolist() == [[3, 2], [1, 0]]
    np.testing.assert_allclose(found["best_scores"], [[0.7, 0.45], [0.4, 0.3]])


def test_the_best_labels_of_all_come_best_first_and_of_equal_ones_the_first():
    scores = np.random.default_rng(1).integers(0, 5, (30, 12)) / 4
    found = best_of(scores, 12)
    expected = np.argsort(-scores, axis=1, kind="stable")
    np.testing.assert_array_equal(found["best_labels"], expected)
    np.testing.assert_array_equal(found["best_scores"], np.take_along_axis(scores, expected, 1))
    few = best_of(scores, 4)
    np.testing.assert_array_equal(few["best_scores"], found["best_scores"][:, :4])
    assert best_of(scores, 100)["best_labels"].shape == (30, 12)
