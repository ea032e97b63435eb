"""Likely label errors, by hand and as cleanlab finds them."""

import numpy as np
import pytest

from textzoo.metrics.calibration import scaled_softmax
from textzoo.metrics.confident_learning import label_errors, pair_errors


def noisy(seed, n_rows=300, n_labels=4):
    """Probabilities, and labels of which some are not the ones that they were drawn for."""
    random = np.random.default_rng(seed)
    given = random.integers(n_labels, size=n_rows)
    scores = random.normal(size=(n_rows, n_labels))
    scores[np.arange(n_rows), given] += 2
    flipped = random.random(n_rows) < 0.1
    given[flipped] = random.integers(n_labels, size=flipped.sum())
    return scaled_softmax(scores, given), given


def test_a_row_of_which_another_label_is_confident_is_likely_wrong():
    """By hand: the mean self-confidences are (0.9 + 0.8 + 0.1) / 3 and (0.7 + 0.6) / 2."""
    first = np.array([0.9, 0.8, 0.1, 0.3, 0.4])
    found = label_errors(np.stack([first, 1 - first], axis=1), np.array([0, 0, 0, 1, 1]))
    assert found.rows.tolist() == [2]  # 0.9 reaches 0.65; of no row that has 1 is 0 above 0.6
    assert found.suggested.tolist() == [1]
    assert found.self_confidence.tolist() == pytest.approx([0.1])


def test_a_row_below_all_thresholds_is_left_alone():
    """By hand: 0.6 of the second label does not reach 0.65, the mean of the rows that have it."""
    first = np.array([0.9, 0.8, 0.4, 0.3, 0.4])
    found = label_errors(np.stack([first, 1 - first], axis=1), np.array([0, 0, 0, 1, 1]))
    assert found.rows.tolist() == []


def test_the_likeliest_errors_come_first():
    found = label_errors(*noisy(0))
    assert len(found.rows) > 5
    assert (np.diff(found.self_confidence) >= 0).all()


def test_a_label_is_missing_or_wrong_by_its_own_thresholds():
    """By hand: rows with the label have 0.8 in the mean, others 0.75 that they have it not."""
    given = np.array([[1], [1], [1], [0], [0], [0], [0]])
    chances = np.array([[1.0], [1.0], [0.4], [0.1], [0.0], [0.0], [0.9]])
    found = pair_errors(chances, given)
    assert list(zip(found.rows, found.labels)) == [(6, 0)]  # 0.6 does not reach 0.75
    assert found.self_confidence.tolist() == pytest.approx([0.1])
    chances[2] = 0.2  # now the means are 0.733 and 0.75: 0.8 reaches the latter
    found = pair_errors(chances, given)
    assert found.rows.tolist() == [6, 2]
    assert found.self_confidence.tolist() == pytest.approx([0.1, 0.2])


def test_a_label_that_all_rows_have_or_none_is_not_judged():
    chances = np.array([[0.9, 0.2], [0.1, 0.9]])
    assert len(pair_errors(chances, np.array([[1, 0], [1, 0]])).rows) == 0


@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_cleanlab(seed):
    filters = pytest.importorskip("cleanlab.filter")
    of_several = pytest.importorskip("cleanlab.multilabel_classification.filter")
    chances, given = noisy(seed)
    how = {"filter_by": "confident_learning", "n_jobs": 1}
    theirs = filters.find_label_issues(
        given, chances, return_indices_ranked_by="self_confidence", **how
    )
    assert label_errors(chances, given).rows.tolist() == theirs.tolist()
    random = np.random.default_rng(seed)
    truth = random.random(chances.shape) < 0.3
    chances = np.clip(0.2 + 0.6 * truth + 0.2 * random.normal(size=truth.shape), 0.01, 0.99)
    truth ^= random.random(truth.shape) < 0.1
    labels = [np.flatnonzero(row).tolist() for row in truth]
    theirs = of_several.find_multilabel_issues_per_class(labels, chances, **how)
    found = pair_errors(chances, truth)
    ours = np.zeros(truth.shape, bool)
    ours[found.rows, found.labels] = True
    np.testing.assert_array_equal(ours, theirs)
