"""Probabilities of labels from their scores, and how far they can be trusted."""

from typing import NamedTuple, Optional

import numpy as np

N_BINS = 15
_MOST_PAIRS = 2_000_000
_MOST_STEPS, _MOST_HALVINGS = 100, 40


class Calibration(NamedTuple):
    """Turns a score into the probability that the text has the label: `sigmoid(a * score + b)`.

    Source: Platt, Probabilistic outputs for support vector machines, 1999, fitted by the method of
    Lin, Lin and Weng, A note on Platt's probabilistic outputs, 2007.
    """

    a: float
    b: float

    @classmethod
    def fit(cls, scores: np.ndarray, hits: np.ndarray) -> "Calibration":
        """The one of the highest likelihood for rows that the model was not trained on.

        Args:
            scores: `[pairs]` of a row and a label, at least one.
            hits: `[pairs]` whether the row has the label.
        """
        n_hits = int(hits.sum())
        n_others = len(hits) - n_hits
        # Platt's targets: with 1 and 0, `a` were infinite where a score parts hits from others.
        targets = np.where(hits, (n_hits + 1) / (n_hits + 2), 1 / (n_others + 2))
        middle, spread = np.mean(scores, dtype=float), np.std(scores, dtype=float) or 1.0
        inputs = np.stack([(scores - middle) / spread, np.ones(len(scores))])
        weights = np.array([0.0, np.log((n_hits + 1) / (n_others + 1))])
        loss = _loss(weights @ inputs, targets)
        for _ in range(_MOST_STEPS):
            probabilities = sigmoid(weights @ inputs)
            gradient = inputs @ (probabilities - targets)
            hessian = (inputs * (probabilities * (1 - probabilities))) @ inputs.T
            step = -np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
            gain = -gradient @ step
            if gain < 1e-12 * len(scores):
                break
            for halvings in range(_MOST_HALVINGS):
                rate = 0.5**halvings
                tried = _loss((weights + rate * step) @ inputs, targets)
                if tried <= loss - 1e-4 * rate * gain:
                    break
            else:
                break
            weights, loss = weights + rate * step, tried
        a = weights[0] / spread
        return cls(float(a), float(weights[1] - a * middle))

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """The probabilities of scores, of their shape."""
        return sigmoid(self.a * scores.astype(np.float64) + self.b)


def scaled_softmax(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The softmax of scores times the factor that gives some labels the highest likelihood.

    Temperature scaling: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, 4.2.

    Args:
        scores: `[rows, labels]` of rows that the model was not fitted to.
        labels: `[rows]` the label of each.

    Returns:
        Probabilities, `[rows, labels]`.
    """
    some = slice(None, None, 1 + scores.size // _MOST_PAIRS)
    known, own = scores[some].astype(np.float64), labels[some]
    factor = 1 / max(float(known.std()), 1e-12)
    for _ in range(_MOST_STEPS):
        chances = softmax(factor * known)
        mean = (chances * known).sum(axis=1)
        slope = (known[np.arange(len(own)), own] - mean).mean()
        curvature = ((chances * known**2).sum(axis=1) - mean**2).mean()
        # Not further than twice or half: far from the best factor the slope is flat.
        wanted = factor + slope / max(float(curvature), 1e-12)
        before, factor = factor, float(np.clip(wanted, factor / 2, factor * 2))
        if abs(factor - before) < 1e-6 * before:
            break
    return softmax(factor * scores)


def softmax(scores: np.ndarray) -> np.ndarray:
    """The softmax of each row, `[rows, labels]`."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class CalibrationPairs:
    """Collects scores of labels batch by batch; of very many rows every second, fourth and so on.

    Args:
        most: pairs of a row and a label that are kept.
    """

    def __init__(self, most: int = _MOST_PAIRS):
        self._most = most
        self._every = 1
        self._n_rows = 0
        self._scores: list[np.ndarray] = []
        self._hits: list[np.ndarray] = []

    def update(self, scores: np.ndarray, hits: np.ndarray) -> None:
        """Add a batch: scores, and whether the row has the label, both `[batch, n]`."""
        first = -self._n_rows % self._every
        self._n_rows += len(scores)
        self._scores.append(scores[first :: self._every].astype(np.float32))
        self._hits.append(hits[first :: self._every])
        while sum(part.size for part in self._hits) > self._most and self._every < self._n_rows:
            self._every *= 2
            self._scores = [np.concatenate(self._scores)[::2]]
            self._hits = [np.concatenate(self._hits)[::2]]

    def fitted(self) -> Optional[Calibration]:
        """The calibration that is fitted to them; None: there are no pairs."""
        scores = np.concatenate([np.empty(0), *(part.ravel() for part in self._scores)])
        hits = np.concatenate([np.empty(0, bool), *(part.ravel() for part in self._hits)])
        return Calibration.fit(scores, hits) if len(scores) else None


class Reliability:
    """How often labels are right whose probability is about so much: in bins of equal width.

    Source: Guo et al., On calibration of modern neural networks, 2017, section 2.

    Attributes:
        counts: `[bins]` pairs of a row and a label.
        hits: `[bins]` how many of them are right.
    """

    def __init__(self, n_bins: int = N_BINS):
        self.counts, self.hits = np.zeros((2, n_bins), np.int64)
        self._sums = np.zeros(n_bins)

    def update(self, probabilities: np.ndarray, hits: np.ndarray) -> None:
        """Add pairs: their probability, and whether the row has the label, of one shape."""
        n_bins = len(self.counts)
        places = np.minimum((probabilities * n_bins).astype(np.int64), n_bins - 1).ravel()
        self.counts += np.bincount(places, minlength=n_bins)
        self.hits += np.bincount(places[hits.ravel()], minlength=n_bins)
        self._sums += np.bincount(places, probabilities.ravel(), n_bins)

    @property
    def probabilities(self) -> np.ndarray:
        """`[bins]` the mean probability of each bin's pairs; 0 where there are none."""
        return self._sums / np.maximum(self.counts, 1)

    @property
    def shares(self) -> np.ndarray:
        """`[bins]` the share of each bin's pairs that is right; 0 where there are none."""
        return self.hits / np.maximum(self.counts, 1)

    @property
    def expected_error(self) -> float:
        """The expected calibration error: how far both are apart in the mean over all pairs."""
        return float(np.abs(self._sums - self.hits).sum() / max(1, self.counts.sum()))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-logits)), of any size."""
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1, small) / (1 + small)


def _loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """The negative logarithm of the likelihood of targets between 0 and 1."""
    return float(np.sum(np.logaddexp(0, logits) - targets * logits))
