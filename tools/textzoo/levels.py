"""Evaluating and predicting with a model that gives each label one of several levels.

The same names as in `tagging`, which is for labels that a text has or has not.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Optional, TextIO

import numpy as np

from textzoo.batching import inference_pools
from textzoo.cache import Rows
from textzoo.errors import UserError
from textzoo.label_report import LabelTable
from textzoo.schema import Runner

NAME = re.compile(r"level_accuracy|level_error|macro_f1|subset_accuracy")


class Metrics:
    """Metrics of predicted levels, each the mean over labels, fed batch by batch.

    - `level_accuracy`: how often the level is right.
    - `level_error`: the mean distance between predicted and gold level.
    - `macro_f1`: the mean F1 over the levels that occur, among gold or predicted ones.
    - `subset_accuracy`: how often the levels of all labels of a row are right.
    """

    def __init__(self, names: list[str], runner: Runner, reader: Any, threshold: None = None):
        """Take the names of the metrics.

        Raises:
            UserError: a name is none of these.
        """
        check_metric_names(names)
        self._names = names
        self._label_names = reader.label_names
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


def check_metric_names(names: list[str]) -> None:
    """Refuse unknown names of metrics.

    Raises:
        UserError: naming the first unknown one, and all that there are.
    """
    for name in names:
        if not NAME.fullmatch(name):
            raise UserError(
                f"runner.metrics: received {name!r}, expected of rows with levels "
                + NAME.pattern.replace("|", ", ")
            )


def evaluate(
    run: Any,
    rows: Rows,
    chosen: np.ndarray,
    metrics: Metrics,
    batch_size: int,
    results: Sequence[Any] = (),
) -> dict[str, float]:
    """Metrics over rows, and results for them; arguments as for `tagging.evaluate`."""
    text, levels = (rows.columns[name] for name in run.model.columns)
    for pool in inference_pools(text.lengths(chosen), batch_size):
        for batch in pool:
            numbers = chosen[batch]
            scores = run.infer_step(run.model.infer_feeds(rows.columns, numbers))["scores"]
            if not np.isfinite(scores).all():
                raise FloatingPointError("a score is not finite: the weights are damaged")
            metrics.update(levels.padded(numbers)[0], scores)
            for result in results:
                result.add(numbers, scores)
        for result in results:
            result.end_pool(rows)
        rows.release()
    return metrics.result()


class Predictions:
    """Writes one JSON object per row: what the row says, and the level of every label."""

    def __init__(self, file: TextIO, reader: Any, top_k: int, threshold: None = None):
        """Take where to write; `top` lists so many labels, the highest levels first."""
        self._file = file
        self._reader = reader
        self._top_k = top_k
        self._pool: list[tuple[int, np.ndarray]] = []

    def add(self, numbers: np.ndarray, scores: np.ndarray) -> None:
        """Note a batch: row numbers `[batch]`; scores `[batch, labels, levels]`."""
        self._pool += zip(numbers.tolist(), scores)

    def end_pool(self, rows: Rows) -> None:
        """Write the rows noted since the last call, in the order of the file."""
        names = self._reader.label_names
        for number, scores in sorted(self._pool, key=lambda pair: pair[0]):
            row = self._reader.describe(rows.line(number).text)
            row |= prediction(names, scores, self._top_k)
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._pool = []


def prediction(names: Sequence[str], scores: np.ndarray, top_k: int) -> dict[str, Any]:
    """What is predicted for one text.

    Args:
        names: of the labels.
        scores: `[labels, levels]`.
        top_k: how many labels to list, the highest levels first.

    Returns:
        `predicted`, the level of each label; `top`, tags `label:level` with scores.
    """
    levels = scores.argmax(axis=1)
    expected = scores @ np.arange(scores.shape[1])
    top = [
        {"tag": f"{names[i]}:{levels[i]}", "score": round(float(scores[i, levels[i]]), 6)}
        for i in np.lexsort((-expected, -levels))[:top_k]
    ]
    return {"predicted": dict(zip(names, levels.tolist())), "top": top}


def predictions(
    names: Sequence[str], outputs: dict[str, np.ndarray], top_k: int, threshold: None = None
) -> list[dict[str, Any]]:
    """What is predicted for each text of a batch, from its outputs; see `prediction`."""
    return [prediction(names, scores, top_k) for scores in outputs["scores"]]
