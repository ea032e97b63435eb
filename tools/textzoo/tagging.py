"""Evaluating and predicting with a model that scores labels for a text."""

import json
from collections.abc import Callable
from typing import Any, Optional, TextIO

import numpy as np

from textzoo.batching import inference_pools
from textzoo.cache import Rows
from textzoo.metrics import RankingMetrics, gold_ranks


def evaluate(
    run: Any,
    rows: Rows,
    chosen: np.ndarray,
    names: list[str],
    batch_size: int,
    predictions: Optional["Predictions"] = None,
) -> dict[str, float]:
    """Metrics over rows that carry labels; predictions for all rows.

    Args:
        run: `DygraphRun` or `StaticRun` of a model whose outputs have `scores`.
        rows: the encoded rows.
        chosen: `[n]` which of them to evaluate.
        names: the metrics to compute, see `RankingMetrics`.
        batch_size: rows per batch.
        predictions: written to, in the order of the file.

    Returns:
        The metrics by name, and `rows`, the number of labelled rows they are over.
    """
    metrics = RankingMetrics(names)
    text, labels = (rows.columns[name] for name in run.model.columns)
    for pool in inference_pools(text.lengths(chosen), batch_size):
        for batch in pool:
            numbers = chosen[batch]
            scores = run.infer_step(run.model.infer_feeds(rows.columns, numbers))["scores"]
            gold, counts = labels.padded(numbers, fill=-1)
            ranks = gold_ranks(scores, gold)
            labelled = counts > 0
            metrics.update(ranks[labelled], counts[labelled], scores.shape[1])
            if predictions:
                predictions.add(numbers, scores)
        if predictions:
            predictions.write_pool(rows)
        rows.release()
    return {**metrics.result(), "rows": metrics.rows} if metrics.rows else {"rows": 0}


class Predictions:
    """Writes one JSON object per row: what the row says, and its top labels with scores."""

    def __init__(
        self, file: TextIO, describe: Callable[[str], dict], label_names: list[str], top_k: int
    ):
        """Take the file, what a row's line says, the names of the labels, how many to list."""
        self._file = file
        self._describe = describe
        self._label_names = label_names
        self._top_k = min(top_k, len(label_names))
        self._pool: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, numbers: np.ndarray, scores: np.ndarray) -> None:
        """Note the best labels of a batch: row numbers `[batch]`, scores `[batch, labels]`."""
        top = best_labels(scores, self._top_k)
        self._pool.append((numbers, top, np.take_along_axis(scores, top, axis=1)))

    def write_pool(self, rows: Rows) -> None:
        """Write the rows noted since the last call, in the order of the file."""
        numbers, top, scores = (np.concatenate(parts) for parts in zip(*self._pool))
        names = self._label_names
        for i in np.argsort(numbers):
            best = [
                {"tag": names[label], "score": round(float(score), 6)}
                for label, score in zip(top[i], scores[i])
            ]
            row = {**self._describe(rows.line(int(numbers[i])).text), "top": best}
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._pool = []


def best_labels(scores: np.ndarray, k: int) -> np.ndarray:
    """The ids of the k highest scores, best first, `[batch, k]`; equal scores by label id.

    Args:
        scores: `[batch, labels]`.
        k: how many, at most the number of labels.
    """
    # Only what reaches the k-th highest score is sorted: there may be very many labels.
    threshold = np.partition(scores, -k, axis=1)[:, -k]
    best = np.empty((len(scores), k), np.int64)
    for row, (values, lowest) in enumerate(zip(scores, threshold)):
        reaching = np.flatnonzero(values >= lowest)
        best[row] = reaching[np.argsort(-values[reaching], kind="stable")][:k]
    return best
