"""Evaluating and predicting with a model that scores labels for a text."""

import json
from collections.abc import Sequence
from typing import Any, Optional, TextIO

import numpy as np

from textzoo.data.batching import inference_pools
from textzoo.data.cache import Rows
from textzoo.evaluation.label_predictions import best_labels, n_predictable, prediction
from textzoo.metrics.labels import Metrics
from textzoo.metrics.ranking import gold_ranks, ranks_among
from textzoo.metrics.thresholds import Threshold


def evaluate(
    run: Any,
    rows: Rows,
    chosen: np.ndarray,
    metrics: Metrics,
    batch_size: int,
    results: Sequence[Any] = (),
) -> dict[str, float]:
    """Metrics over rows that carry labels; results for all rows.

    Args:
        run: `DygraphRun` or `StaticRun` of a model whose outputs have `scores` of all labels, or
            `best_labels` with `best_scores`.
        rows: the encoded rows.
        chosen: `[n]` which of them to evaluate.
        metrics: the metrics to compute.
        batch_size: rows per batch.
        results: such as `Predictions` and `ScoreMatrix`, given the best labels of each batch.

    Returns:
        The metrics by name, and `rows`, the number of labelled rows they are over.
    """
    text, labels = (rows.columns[name] for name in run.model.columns)
    for pool in inference_pools(text.lengths(chosen), batch_size):
        for batch in pool:
            numbers = chosen[batch]
            outputs = run.infer_step(run.model.infer_feeds(rows.columns, numbers))
            gold, counts = labels.padded(numbers, fill=-1)
            ranks, best, scores = _ranking(outputs, gold, run.model.n_best)
            for result in results:
                result.add(numbers, best, scores)
            metrics.update(ranks, gold, counts, best, scores)
        for result in results:
            result.end_pool(rows)
        rows.release()
    return metrics.result()


def _ranking(
    outputs: dict[str, np.ndarray], gold: np.ndarray, n_best: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ranks of the gold labels, the best labels, and their scores."""
    if "scores" not in outputs:
        best, scores = best_labels(outputs, n_best)
        return ranks_among(best, gold), best, scores
    return gold_ranks(outputs["scores"], gold), *best_labels(outputs, n_best)


class Predictions:
    """Writes one JSON object per row: what the row says, and its top labels with scores."""

    def __init__(
        self, file: TextIO, reader: Any, top_k: int, threshold: Optional[Threshold] = None
    ):
        """Take where to write, and the threshold above which labels are `predicted`, if any."""
        self._file = file
        self._reader = reader
        self._top_k = top_k
        self._threshold = threshold
        self._n_kept = n_predictable(top_k, threshold)
        self._pool: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, numbers: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> None:
        """Note a batch: row numbers `[batch]`; labels and scores `[batch, n]`, best first."""
        self._pool.append((numbers, labels[:, : self._n_kept], scores[:, : self._n_kept]))

    def end_pool(self, rows: Rows) -> None:
        """Write the rows noted since the last call, in the order of the file."""
        numbers, top, scores = (np.concatenate(parts) for parts in zip(*self._pool))
        names = self._reader.label_names
        for i in np.argsort(numbers):
            row = self._reader.describe(rows.line(int(numbers[i])).text)
            row |= prediction(names, top[i], scores[i], self._top_k, self._threshold)
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._pool = []
