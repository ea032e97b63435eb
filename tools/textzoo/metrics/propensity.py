"""Metrics that count a rare label for more, exact over the whole set, as fractions.

Jain, Prabhu, Varma: Extreme Multi-label Loss Functions for Recommendation, Tagging, Ranking and
Other Missing Label Applications, KDD 2016.
"""

import numpy as np

from textzoo.metrics.names import at
from textzoo.metrics.ranking import dcg, ideal_dcg


def inverse_propensities(counts: np.ndarray, n_rows: int, a: float, b: float) -> np.ndarray:
    """One over the chance that a label of a text was noticed and noted (section 5.1).

    Args:
        counts: `[labels]` training rows with each label.
        n_rows: number of training rows.
        a: A of the paper, 0.55 for most data sets.
        b: B of the paper, 1.5 for most data sets.

    Returns:
        `[labels]` 1 + C (count + B)^-A with C = (log n_rows - 1) (B + 1)^A, of one or two rows 0.
    """
    c = max(0.0, np.log(n_rows) - 1) * (b + 1) ** a
    return 1 + c * (counts + b) ** -a


class PropensityMetrics:
    """Propensity-scored metrics over rows, fed batch by batch.

    - `psp@k`: the sum of the weights of the gold labels among the k best;
    - `psndcg@k`: the same with discounts of 1 / log2(1 + rank), each row divided by the sum of the
      discounts that its number of gold labels allows.

    Both are summed over all rows and divided by what a perfect ranking would reach.
    """

    def __init__(self, names: list[str], weights: np.ndarray, unknown_weight: float):
        """Take the names of the metrics and the weights of the labels.

        Args:
            names: such as `psp@3`.
            weights: `[labels]`, from `inverse_propensities`.
            unknown_weight: of a label that training did not have.
        """
        self._names = names
        self._weights = np.append(weights, unknown_weight)  # an id of -1 finds the last one
        self._reached = dict.fromkeys(names, 0.0)
        self._possible = dict.fromkeys(names, 0.0)

    def update(self, ranks: np.ndarray, gold: np.ndarray, gold_counts: np.ndarray) -> None:
        """Add a batch.

        Args:
            ranks: `[batch, longest]` of each gold label.
            gold: `[batch, longest]` label ids, -1 for unknown ones and for padding.
            gold_counts: `[batch]` gold labels of each row, unknown ones included.
        """
        is_label = np.arange(gold.shape[1]) < gold_counts[:, None]
        weights = np.where(is_label, self._weights[gold], 0)
        ideal = -np.sort(-weights, axis=1)
        ideal_ranks = np.broadcast_to(np.arange(1, gold.shape[1] + 1), gold.shape)
        for name in self._names:
            self._reached[name] += _gain(name, ranks, weights, gold_counts)
            self._possible[name] += _gain(name, ideal_ranks, ideal, gold_counts)

    def result(self) -> dict[str, float]:
        """Each metric over the rows seen."""
        return {name: self._reached[name] / max(self._possible[name], 1e-9) for name in self._names}


def _gain(name: str, ranks: np.ndarray, weights: np.ndarray, gold_counts: np.ndarray) -> float:
    measure, k = at(name)
    if measure == "psndcg":
        return float((dcg(ranks, k, weights) / ideal_dcg(gold_counts, k)).sum())
    return float(np.where(ranks <= k, weights, 0).sum())
