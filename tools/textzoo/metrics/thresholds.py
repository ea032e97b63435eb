"""Metrics of predicted sets of labels: those whose score exceeds a threshold."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Union

import numpy as np

Threshold = Union[float, Sequence[float]]


class LabelReport(NamedTuple):
    """Figures per label, each `[labels]`: precision, recall, F1, and gold rows (`support`)."""

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray


class ThresholdCurve(NamedTuple):
    """What each threshold gives, each `[thresholds]`, the highest threshold first."""

    threshold: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


class ThresholdMetrics:
    """Collects scored labels batch by batch, then counts them at any threshold.

    The averages are those of scikit-learn with `zero_division=0`: `micro` over all pairs of row and
    label, `macro` over the model's labels, `weighted` over labels by their gold rows, `samples`
    over rows. A gold label that the model does not know is one that is never predicted; as it has
    no id, it counts in all of them but `macro`.

    `subset_accuracy` is the share of rows whose predicted labels are exactly the gold ones, and
    `hamming_loss` the share of all pairs of row and label on which both disagree.

    A threshold is a number, or `[labels]` numbers.
    """

    def __init__(self, n_labels: int):
        """Take the number of labels that the model knows."""
        self._n_labels = n_labels
        self._labels: list[np.ndarray] = []
        self._scores: list[np.ndarray] = []
        self._hits: list[np.ndarray] = []
        self._gold_counts: list[np.ndarray] = []
        self._support = np.zeros(n_labels, np.int64)

    def update(
        self, labels: np.ndarray, scores: np.ndarray, gold: np.ndarray, gold_counts: np.ndarray
    ) -> None:
        """Add a batch.

        Args:
            labels: `[batch, n]` labels that may be predicted; others never are.
            scores: `[batch, n]` their scores.
            gold: `[batch, longest]` label ids, -1 for unknown ones and for padding.
            gold_counts: `[batch]` gold labels of each row, unknown ones included.
        """
        hits = hits_among(labels, gold)
        self._labels.append(labels.astype(np.int32))
        self._scores.append(scores.astype(np.float32))
        self._hits.append(hits)
        self._gold_counts.append(gold_counts)
        self._support += np.bincount(gold[gold >= 0], minlength=self._n_labels)

    def beside(self, other: "ThresholdMetrics") -> "ThresholdMetrics":
        """Those of the rows of both."""
        both = ThresholdMetrics(self._n_labels)
        both._labels = self._labels + other._labels
        both._scores = self._scores + other._scores
        both._hits = self._hits + other._hits
        both._gold_counts = self._gold_counts + other._gold_counts
        both._support = self._support + other._support
        return both

    @property
    def n_gold(self) -> int:
        """How many labels all rows have together, unknown ones included."""
        return sum(int(counts.sum()) for counts in self._gold_counts)

    def best_threshold(self) -> float:
        """The threshold of the highest micro F1, between two scores; 0.5 without labels."""
        if not self.n_gold:
            return 0.5
        scores = np.concatenate([part.ravel() for part in self._scores])
        hits = np.concatenate([part.ravel() for part in self._hits])
        return _best_cut(scores, hits, self.n_gold)

    def best_thresholds(self, shrinkage: float = 0.0) -> list[float]:
        """For each label the threshold with its highest F1.

        For one that no row has, or that was never among those that may be predicted, 0.5; with a
        shrinkage the one for all.

        Args:
            shrinkage: a threshold of a label with n rows is the mean of its own, which counts n
                times, and of the one for all labels, which counts so often.
        """
        common = self.best_threshold() if shrinkage else 0.5
        labels, scores, hits = (
            np.concatenate([part.ravel() for part in parts])
            for parts in (self._labels, self._scores, self._hits)
        )
        order = np.argsort(labels, kind="stable")
        ends = np.cumsum(np.bincount(labels, minlength=self._n_labels))
        places = np.split(order, ends[:-1])
        cuts = [
            _best_cut(scores[own], hits[own], int(n_gold)) if n_gold and len(own) else common
            for own, n_gold in zip(places, self._support)
        ]
        own_share = [n / (n + shrinkage) if n else 1.0 for n in self._support.tolist()]
        return [share * cut + (1 - share) * common for share, cut in zip(own_share, cuts)]

    def result(self, names: list[str], threshold: Threshold) -> dict[str, float]:
        """The metrics of these names at a threshold."""
        values: dict[str, float] = {}
        for kind in {name.partition("_")[0] for name in names}:
            values |= getattr(self, f"_{kind}")(threshold)
        return {name: float(values[name]) for name in names}

    def report(self, threshold: Threshold) -> LabelReport:
        """The figures of each label at a threshold."""
        hits, predicted = self._counts(threshold)
        return LabelReport(**ratios(hits, predicted, self._support), support=self._support)

    def _micro(self, threshold: Threshold) -> dict[str, np.ndarray]:
        hits, predicted = self._counts(threshold)
        return _named("micro", ratios(hits.sum(), predicted.sum(), self.n_gold))

    def _macro(self, threshold: Threshold) -> dict[str, np.ndarray]:
        figures = ratios(*self._counts(threshold), self._support)
        return _named("macro", {kind: values.mean() for kind, values in figures.items()})

    def _weighted(self, threshold: Threshold) -> dict[str, np.ndarray]:
        figures = ratios(*self._counts(threshold), self._support)
        total = max(1, self.n_gold)
        return _named(
            "weighted", {k: values @ self._support / total for k, values in figures.items()}
        )

    def _samples(self, threshold: Threshold) -> dict[str, np.ndarray]:
        figures = ratios(*self._counts_of_rows(threshold))
        return _named("samples", {kind: values.mean() for kind, values in figures.items()})

    def _subset(self, threshold: Threshold) -> dict[str, np.ndarray]:
        hits, predicted, n_gold = self._counts_of_rows(threshold)
        return {"subset_accuracy": ((hits == predicted) & (hits == n_gold)).mean()}

    def _hamming(self, threshold: Threshold) -> dict[str, np.ndarray]:
        hits, predicted, n_gold = self._counts_of_rows(threshold)
        return {"hamming_loss": (predicted + n_gold - 2 * hits).mean() / self._n_labels}

    def _counts_of_rows(self, threshold: Threshold) -> list[np.ndarray]:
        """For each row how many labels are rightly predicted, predicted, and gold."""
        parts = [
            ((hits & chosen).sum(1), chosen.sum(1), counts)
            for hits, chosen, counts in zip(self._hits, self._chosen(threshold), self._gold_counts)
        ]
        return [np.concatenate(counts) for counts in zip(*parts)]

    def _chosen(self, threshold: Threshold) -> Iterator[np.ndarray]:
        for labels, scores in zip(self._labels, self._scores):
            yield is_predicted(labels, scores, threshold)

    def _counts(self, threshold: Threshold) -> tuple[np.ndarray, np.ndarray]:
        """For each label, how often it is rightly predicted and how often predicted."""
        hits, predicted = np.zeros((2, self._n_labels), np.int64)
        parts = zip(self._labels, self._chosen(threshold), self._hits)
        for labels, chosen, is_hit in parts:
            predicted += np.bincount(labels[chosen], minlength=self._n_labels)
            hits += np.bincount(labels[chosen & is_hit], minlength=self._n_labels)
        return hits, predicted


def hits_among(labels: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Which of these labels `[batch, n]` a row has, whose own are `[batch, longest]`."""
    hits = np.zeros(labels.shape, bool)
    for own in gold.T:
        hits |= labels == own[:, None]
    return hits


def is_predicted(labels: np.ndarray, scores: np.ndarray, threshold: Threshold) -> np.ndarray:
    """Which of these labels score above their threshold; all of the same shape."""
    limits = np.asarray(threshold, np.float32)
    return scores > (limits[labels] if limits.ndim else limits)


def threshold_curve(scores: np.ndarray, hits: np.ndarray, n_gold: int) -> ThresholdCurve:
    """Micro precision, recall and F1 of predicting what scores at least so much.

    Args:
        scores: `[n]` of labels of any rows.
        hits: `[n]` whether the row has the label.
        n_gold: how many labels all rows have together.

    Returns:
        A point for each different score.
    """
    order = np.argsort(-scores, kind="stable")
    scores = scores[order].astype(np.float64)
    last = np.append(scores[1:] != scores[:-1], True)  # equal scores are predicted together
    figures = ratios(np.cumsum(hits[order])[last], 1 + np.flatnonzero(last), n_gold)
    return ThresholdCurve(scores[last], **figures)


def _best_cut(scores: np.ndarray, hits: np.ndarray, n_gold: int) -> float:
    """Half-way between two scores, where what is above has the highest F1."""
    cuts = threshold_curve(scores, hits, n_gold)
    lowest = cuts.threshold[-1]
    following = np.append(cuts.threshold[1:], min(0.0, 2 * lowest))
    # Nothing lies between a lowest score of 0 and the end.
    best = int(np.argmax(np.where(cuts.threshold == following, -1, cuts.f1)))
    above, below = cuts.threshold[best], following[best]
    middle = (above + below) / 2
    # Between neighbouring float32 there is none, and the middle may be rounded to the upper one.
    return float(middle if np.float32(middle) < above else below)


def _named(average: str, figures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{average}_{kind}": value for kind, value in figures.items()}


def ratios(
    hits: np.ndarray, predicted: np.ndarray, gold: Union[np.ndarray, int]
) -> dict[str, np.ndarray]:
    """Precision, recall and F1; 0 where there is nothing to divide by."""
    return {
        "precision": hits / np.maximum(predicted, 1),
        "recall": hits / np.maximum(gold, 1),
        "f1": 2 * hits / np.maximum(predicted + gold, 1),
    }
