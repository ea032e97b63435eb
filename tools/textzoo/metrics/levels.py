"""Metrics of predicted levels."""

from collections.abc import Sequence
from typing import Optional

import numpy as np

from textzoo.metrics.label_table import LabelTable
from textzoo.metrics.names import check_metric_names


class LevelMetrics:
    """Metrics of predicted levels, each the mean over labels, fed batch by batch.

    - `level_accuracy`: how often the level is right.
    - `level_error`: the mean distance between predicted and gold level.
    - `macro_f1`: the mean F1 over the levels that occur, among gold or predicted ones.
    - `subset_accuracy`: how often the levels of all labels of a row are right.

    Args:
        names: of the metrics.
        label_names: of the labels.

    Raises:
        UserError: a name is none of these.
    """

    def __init__(self, names: list[str], label_names: Sequence[str]):
        check_metric_names(names, "levels")
        self._names = names
        self._label_names = label_names
        self._confusion: Optional[np.ndarray] = None
        self._n_rows = self._n_exact = 0

    def update(self, gold: np.ndarray, scores: np.ndarray) -> None:
        """Add a batch: gold levels `[batch, labels]`, scores `[batch, labels, levels]`."""
        n_labels, n_levels = scores.shape[1:]
        predicted = scores.argmax(axis=2)
        cells = (np.arange(n_labels) * n_levels + gold) * n_levels + predicted
        counts = np.bincount(cells.ravel(), minlength=n_labels * n_levels**2)
        counts = counts.reshape(n_labels, n_levels, n_levels)
        self._confusion = counts if self._confusion is None else self._confusion + counts
        self._n_rows += len(gold)
        self._n_exact += int((gold == predicted).all(axis=1).sum())

    def result(self) -> dict[str, float]:
        """The metrics by name in the order asked for, and `rows`."""
        values = {name: float(figures.mean()) for name, figures in self._figures().items()}
        values["subset_accuracy"] = self._n_exact / self._n_rows
        return {**{name: values[name] for name in self._names}, "rows": self._n_rows}

    def calibration(self) -> None:
        """Scores of levels are not calibrated."""

    def report(self) -> LabelTable:
        """The figures of each label."""
        figures = self._figures()
        labels = {
            label: {name: float(values[i]) for name, values in figures.items()}
            for i, label in enumerate(self._label_names)
        }
        means = {name: float(values.mean()) for name, values in figures.items()}
        return LabelTable(labels, {"macro avg": means})

    def _figures(self) -> dict[str, np.ndarray]:
        """The figures of each label, `[labels]`."""
        counts = self._confusion
        if counts is None:
            raise ValueError("levels: no row was evaluated, expected at least one")
        right = np.diagonal(counts, axis1=1, axis2=2)
        both = counts.sum(axis=1) + counts.sum(axis=2)
        f1 = 2 * right / np.maximum(both, 1)
        levels = np.arange(counts.shape[1])
        distances = np.abs(levels[:, None] - levels)
        return {
            "level_accuracy": right.sum(axis=1) / self._n_rows,
            "level_error": (counts * distances).sum(axis=(1, 2)) / self._n_rows,
            "macro_f1": f1.sum(axis=1) / (both > 0).sum(axis=1),
        }
