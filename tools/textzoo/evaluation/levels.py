"""Evaluating and predicting with a model that gives each label one of several levels.

The same names as in `tagging`, which is for labels that a text has or has not.
"""

import json
from collections.abc import Sequence
from typing import Any, TextIO

import numpy as np

from textzoo.data.batching import inference_pools
from textzoo.data.cache import Rows
from textzoo.evaluation.level_predictions import prediction
from textzoo.metrics.levels import Metrics


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
