"""Likely errors among given labels, from probabilities of rows that a model did not see.

Confident learning: Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset
Labels, Journal of Artificial Intelligence Research 70, 2021. A class counts for a row where its
probability is at least the mean of those that the rows given it have (sections 3.1 and 3.2); what
is off the diagonal of the confident joint is likely an error. Where several classes count, the most
probable of all is taken, and a row whose given label is the most probable is left alone, both as
cleanlab 2 has it.
"""

from typing import NamedTuple

import numpy as np

_ROUNDING = 1e-6  # by which a probability may miss its threshold


class LabelErrors(NamedTuple):
    """Rows whose label is likely wrong, the likeliest first.

    Attributes:
        rows: `[n]`.
        suggested: `[n]` the label that each rather has.
        self_confidence: `[n]` the probability of the label that it was given.
    """

    rows: np.ndarray
    suggested: np.ndarray
    self_confidence: np.ndarray


class PairErrors(NamedTuple):
    """Pairs of a row and a label that are likely wrong: given and not so, or missing.

    Attributes:
        rows: `[n]`.
        labels: `[n]`.
        self_confidence: `[n]` the probability of what was given: the label, or its absence.
    """

    rows: np.ndarray
    labels: np.ndarray
    self_confidence: np.ndarray


def label_errors(probabilities: np.ndarray, given: np.ndarray) -> LabelErrors:
    """The likely errors where each row has one label, by self-confidence.

    Args:
        probabilities: `[rows, labels]`, of a model that was fitted without the row.
        given: `[rows]` the label of each.
    """
    rows = np.arange(len(given))
    own = probabilities[rows, given]
    n_labels = probabilities.shape[1]
    n_rows = np.bincount(given, minlength=n_labels)
    sums = np.bincount(given, weights=own, minlength=n_labels)
    thresholds = np.where(n_rows > 0, sums / np.maximum(n_rows, 1), np.inf)
    counts = probabilities >= thresholds - _ROUNDING
    n_counting = counts.sum(axis=1)
    best = probabilities.argmax(axis=1)
    suggested = np.where(n_counting > 1, best, counts.argmax(axis=1))
    found = np.flatnonzero((n_counting > 0) & (suggested != given) & (best != given))
    found = found[np.argsort(own[found], kind="stable")]
    return LabelErrors(found, suggested[found], own[found])


def pair_errors(probabilities: np.ndarray, truth: np.ndarray) -> PairErrors:
    """The likely errors where a row has any number of labels, each against the rest.

    Args:
        probabilities: `[rows, labels]` that a row has a label, of a model that was fitted without
            the row.
        truth: `[rows, labels]` whether it was given it.
    """
    truth = truth.astype(bool)
    n_with = truth.sum(axis=0)
    with_label = _mean(np.where(truth, probabilities, 0), n_with)
    without = _mean(np.where(truth, 0, 1 - probabilities), len(truth) - n_with)
    is_with = probabilities >= with_label - _ROUNDING
    is_without = 1 - probabilities >= without - _ROUNDING
    rather_has = probabilities > 0.5
    suggested = np.where(is_with & is_without, rather_has, is_with)
    wrong = (is_with | is_without) & (suggested != truth) & (rather_has != truth)
    rows, labels = np.nonzero(wrong)
    chosen = probabilities[rows, labels]
    confidence = np.where(truth[rows, labels], chosen, 1 - chosen)
    order = np.argsort(confidence, kind="stable")
    return PairErrors(rows[order], labels[order], confidence[order])


def _mean(chosen: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Means over rows, infinite of none."""
    return np.where(n > 0, chosen.sum(axis=0) / np.maximum(n, 1), np.inf)
