"""Cosines and lexical scores as one score: Bruch, Gai and Ingber 2023.

An Analysis of Fusion Functions for Hybrid Retrieval (ACM TOIS 42): a convex combination of scores
that are normalised query by query. Here each kind is standardised over all texts that are
searched, so that a score does not hang on how many candidates there are.
"""

from collections.abc import Iterable

import numpy as np

_LEAST = 1e-6  # deviation: below it the texts are all alike


def standardised(scores: np.ndarray) -> np.ndarray:
    """The scores of each query with mean 0 and deviation 1 over all texts; 0 if all are alike.

    Args:
        scores: `[queries, texts]`, float32, which the result takes the place of.
    """
    scores -= scores.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    deviations = np.sqrt(np.einsum("qn,qn->q", scores, scores) / scores.shape[1])
    scores /= np.where(deviations > _LEAST, deviations, np.inf)[:, None].astype(np.float32)
    return scores


def mixed(cosines: np.ndarray, lexical: np.ndarray, weight: float) -> np.ndarray:
    """One score of two that are standardised: `(1 - weight) cosines + weight lexical`."""
    return np.float32(1 - weight) * cosines + np.float32(weight) * lexical


class CosineMoments:
    """Mean and deviation of a query's cosines with all texts, without computing these.

    Args:
        blocks: the embeddings of all texts, some `[texts, width]` at a time.
    """

    def __init__(self, blocks: Iterable[np.ndarray]):
        n, total, products = 0, np.float64(0), np.float64(0)
        for block in blocks:
            rows = block.astype(np.float64)  # of which little is left without the mean
            n, total, products = n + len(rows), total + rows.sum(axis=0), products + rows.T @ rows
        self._mean = total / n
        self._covariance = products / n - np.outer(self._mean, self._mean)

    def standardised(self, cosines: np.ndarray, query: np.ndarray) -> np.ndarray:
        """Some cosines of a query as `standardised` makes them of all.

        Args:
            cosines: `[n]`, float32.
            query: `[width]`.
        """
        deviation = np.sqrt(max(float(query @ self._covariance @ query), 0.0))
        if deviation <= _LEAST:
            return np.zeros_like(cosines)
        return ((cosines - query @ self._mean) / deviation).astype(np.float32)
