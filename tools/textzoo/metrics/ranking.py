"""Ranking metrics, exact over the whole set, as fractions.

All of them follow from one thing: the place that each gold label takes when all labels are ranked
by score. A row counts once, whatever its number of gold labels, and a gold label that the model
does not know is never retrieved.
"""

from collections.abc import Callable
from typing import Union

import numpy as np

from textzoo.metrics.names import at, check_metric_names


def gold_ranks(scores: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """The rank of each gold label among all labels.

    Equal scores are ranked by label id, as a stable sort does, so that the ranks agree with the
    predictions that are written, and a model that scores everything alike gains nothing.

    Args:
        scores: `[batch, labels]`, finite.
        gold: `[batch, longest]` label ids; -1 for padding and for labels unknown to the model.

    Returns:
        `[batch, longest]` ranks from 1; infinity where `gold` is -1.
    """
    own = np.take_along_axis(scores, np.maximum(gold, 0), axis=1)
    labels = np.arange(scores.shape[1])
    ranks = np.empty(gold.shape)
    for column in range(gold.shape[1]):
        mine = own[:, column, None]
        before = (scores > mine) | ((scores == mine) & (labels < gold[:, column, None]))
        ranks[:, column] = 1 + before.sum(axis=1)
    return np.where(gold < 0, np.inf, ranks)


def ranks_among(best: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """The rank of each gold label in a list of the best ones.

    Args:
        best: `[batch, n]` label ids, best first.
        gold: `[batch, longest]` label ids; -1 for padding and for labels unknown to the model.

    Returns:
        `[batch, longest]` ranks from 1; infinity for those that are not in the list.
    """
    ranks = np.full(gold.shape, np.inf)
    for column in range(gold.shape[1]):
        found = best == gold[:, column, None]
        ranks[:, column] = np.where(found.any(axis=1), 1 + found.argmax(axis=1), np.inf)
    return ranks


def best_labels(scores: np.ndarray, k: int) -> np.ndarray:
    """The ids of the k highest scores, best first, `[batch, k]`; equal scores by label id.

    Args:
        scores: `[batch, labels]`.
        k: how many; of fewer labels, all.
    """
    if k >= scores.shape[1]:
        return np.argsort(-scores, axis=1, kind="stable")
    if not k:
        return np.empty((len(scores), 0), np.int64)
    # Only what reaches the k-th highest score is sorted: there may be very many labels.
    threshold = np.partition(scores, -k, axis=1)[:, -k]
    best = np.empty((len(scores), k), np.int64)
    for row, (values, lowest) in enumerate(zip(scores, threshold)):
        reaching = np.flatnonzero(values >= lowest)
        best[row] = reaching[np.argsort(-values[reaching], kind="stable")][:k]
    return best


class RankingMetrics:
    """Averages of ranking metrics over rows, fed batch by batch.

    - `accuracy`: a gold label ranks first among all labels.
    - `precision@k`: gold labels among the k best, divided by k.
    - `recall@k`: gold labels among the k best, divided by the row's gold labels.
    - `ndcg@k`: with gains of 1 and discounts 1 / log2(1 + rank) (Järvelin and Kekäläinen, 2002).
    - `mrr`: 1 / rank of the best gold label; 0 if the model knows none of them.
    - `pairwise_accuracy`: how often a gold label outranks a random other label: the exact
      expectation, over the row's gold labels and all true negatives.
    """

    def __init__(self, names: list[str]):
        """Take the names of the metrics.

        Raises:
            UserError: a name is not one of the above.
        """
        check_metric_names(names, "embeddings")
        self._names = names
        self._sums = dict.fromkeys(names, 0.0)
        self.rows = 0

    def update(self, ranks: np.ndarray, gold_counts: np.ndarray, n_labels: int) -> None:
        """Add a batch.

        Args:
            ranks: `[batch, longest]`, from `gold_ranks`.
            gold_counts: `[batch]` gold labels of each row, at least 1, unknown ones included.
            n_labels: how many labels the model ranks.
        """
        ranks = np.sort(ranks, axis=1)
        for name in self._names:
            self._sums[name] += float(of_rows(name, ranks, gold_counts, n_labels).sum())
        self.rows += len(ranks)

    def result(self) -> dict[str, float]:
        """Each metric, averaged over the rows seen."""
        return {name: total / max(1, self.rows) for name, total in self._sums.items()}


def of_rows(name: str, ranks: np.ndarray, gold_counts: np.ndarray, n_labels: int) -> np.ndarray:
    """A metric of each row, `[batch]`.

    Args:
        name: of the metric.
        ranks: `[batch, longest]`, the best first.
        gold_counts: `[batch]`, see `RankingMetrics.update`.
        n_labels: how many labels are ranked.
    """
    measure, k = at(name)
    functions: dict[str, Callable[[], np.ndarray]] = {
        "accuracy": lambda: ranks[:, 0] == 1,
        "mrr": lambda: 1 / ranks[:, 0],
        "pairwise_accuracy": lambda: _pairwise_accuracy(ranks, gold_counts, n_labels),
        "precision": lambda: (ranks <= k).sum(axis=1) / k,
        "recall": lambda: (ranks <= k).sum(axis=1) / gold_counts,
        "ndcg": lambda: dcg(ranks, k) / ideal_dcg(gold_counts, k),
    }
    return functions[measure]()


def _pairwise_accuracy(ranks: np.ndarray, counts: np.ndarray, n_labels: int) -> np.ndarray:
    """Sorted ranks: the i-th gold label has rank - 1 labels above it, i of them gold."""
    known = np.isfinite(ranks)
    gold_above = np.arange(ranks.shape[1])
    negatives = np.maximum(1, n_labels - known.sum(axis=1, keepdims=True))
    beaten = 1 - (np.where(known, ranks, 1) - 1 - gold_above) / negatives
    return np.where(known, beaten, 0).sum(axis=1) / counts


def dcg(ranks: np.ndarray, k: int, gains: Union[float, np.ndarray] = 1.0) -> np.ndarray:
    """Discounted cumulative gain (Järvelin and Kekäläinen, 2002, with base 2).

    Args:
        ranks: `[rows, gold]` ranks from 1; infinity for what was not found.
        k: how many ranks count.
        gains: of what is found, of the shape of `ranks`.

    Returns:
        `[rows]` the sum of gains / log2(1 + rank) over ranks up to k.
    """
    return np.where(ranks <= k, gains / np.log2(1 + ranks), 0).sum(axis=1)


def ideal_dcg(counts: np.ndarray, k: int) -> np.ndarray:
    """The highest `dcg` with gains of 1 of rows that have so many things to find, `[rows]`."""
    return np.cumsum(1 / np.log2(2 + np.arange(k)))[np.minimum(counts, k) - 1]
