"""Metrics of predicted sets of labels: those whose score exceeds a threshold."""

import re
from typing import NamedTuple

import numpy as np

NAME = re.compile(r"(micro|macro|weighted|samples)_(precision|recall|f1)")


class LabelReport(NamedTuple):
    """Figures per label, each `[labels]`: precision, recall, F1, and gold rows (`support`)."""

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray


class ThresholdMetrics:
    """Collects scored labels batch by batch, then counts them at any threshold.

    The averages are those of scikit-learn with `zero_division=0`: `micro` over all pairs of row and
    label, `macro` over the model's labels, `weighted` over labels by their gold rows, `samples`
    over rows. A gold label that the model does not know is one that is never predicted; as it has
    no id, it counts in all of them but `macro`.
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
        hits = np.zeros(labels.shape, bool)
        for own in gold.T:
            hits |= labels == own[:, None]
        self._labels.append(labels.astype(np.int32))
        self._scores.append(scores.astype(np.float32))
        self._hits.append(hits)
        self._gold_counts.append(gold_counts)
        self._support += np.bincount(gold[gold >= 0], minlength=self._n_labels)

    def best_threshold(self) -> float:
        """The threshold with the highest micro F1: half-way between two scores."""
        scores = np.concatenate([part.ravel() for part in self._scores])
        order = np.argsort(-scores, kind="stable")
        scores = scores[order].astype(np.float64)
        hits = np.cumsum(np.concatenate([part.ravel() for part in self._hits])[order])
        n_gold = sum(int(counts.sum()) for counts in self._gold_counts)
        f1 = 2 * hits / (np.arange(1, len(hits) + 1) + n_gold)
        following = np.append(scores[1:], 0.0)
        f1[scores == following] = -1  # equal scores are predicted together
        best = int(np.argmax(f1))
        return float((scores[best] + following[best]) / 2)

    def result(self, names: list[str], threshold: float) -> dict[str, float]:
        """The metrics of these names at a threshold."""
        values: dict[str, float] = {}
        averages = {name: NAME.fullmatch(name).groups() for name in names}
        for average in {average for average, _ in averages.values()}:
            measured = getattr(self, f"_{average}")(threshold)
            values |= {f"{average}_{kind}": float(value) for kind, value in measured.items()}
        return {name: values[name] for name in names}

    def report(self, threshold: float) -> LabelReport:
        """The figures of each label at a threshold."""
        hits, predicted = self._counts(threshold)
        return LabelReport(*_ratios(hits, predicted, self._support).values(), self._support)

    def _micro(self, threshold: float) -> dict[str, np.ndarray]:
        hits, predicted = self._counts(threshold)
        n_gold = sum(counts.sum() for counts in self._gold_counts)
        return _ratios(hits.sum(), predicted.sum(), n_gold)

    def _macro(self, threshold: float) -> dict[str, np.ndarray]:
        ratios = _ratios(*self._counts(threshold), self._support)
        return {kind: values.mean() for kind, values in ratios.items()}

    def _weighted(self, threshold: float) -> dict[str, np.ndarray]:
        ratios = _ratios(*self._counts(threshold), self._support)
        n_gold = sum(counts.sum() for counts in self._gold_counts)
        return {kind: values @ self._support / max(1, n_gold) for kind, values in ratios.items()}

    def _samples(self, threshold: float) -> dict[str, np.ndarray]:
        parts = zip(self._scores, self._hits, self._gold_counts)
        rows = [
            _ratios((hits & (scores > threshold)).sum(1), (scores > threshold).sum(1), counts)
            for scores, hits, counts in parts
        ]
        return {kind: np.concatenate([row[kind] for row in rows]).mean() for kind in rows[0]}

    def _counts(self, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """For each label, how often it is rightly predicted and how often predicted."""
        hits, predicted = np.zeros((2, self._n_labels), np.int64)
        for labels, scores, is_hit in zip(self._labels, self._scores, self._hits):
            chosen = scores > threshold
            predicted += np.bincount(labels[chosen], minlength=self._n_labels)
            hits += np.bincount(labels[chosen & is_hit], minlength=self._n_labels)
        return hits, predicted


def _ratios(hits: np.ndarray, predicted: np.ndarray, gold: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall and F1; 0 where there is nothing to divide by."""
    return {
        "precision": hits / np.maximum(predicted, 1),
        "recall": hits / np.maximum(gold, 1),
        "f1": 2 * hits / np.maximum(predicted + gold, 1),
    }
