"""Scores of a net and of the linear part as one score."""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, Union, get_args

import numpy as np

from textzoo.files import read_json
from textzoo.linear.matrices import read_array, write_array
from textzoo.metrics.calibration import sigmoid
from textzoo.metrics.ranking import best_labels
from textzoo.text.reader import Feeds

LINEAR_SCORES = "linear_scores"  # `[batch, labels]` among the feeds of a batch

# What a net's scores of labels are: between 0 and 1; logits of a softmax over labels; or anything.
Scale = Literal["probabilities", "logits", "any"]
# What is divided among words: a score, its logarithm as a probability, or its log-odds.
SumIs = Literal["score", "log_probability", "logit"]

_FILE, _LABELS = "fusion.json", "fusion_labels.npz"
_LEAST = 1e-6
_STEPS = 25  # of Newton's method
MOST_PAIRS = 5_000_000  # of rows and labels that a fusion is fitted to


class Mixed(NamedTuple):
    """A weighted mean of the linear scores and the net's, these between 0 and 1.

    Attributes:
        weight: of the linear scores, 0 to 1. With 1 the net need not be computed.
        scale: what the net's scores are.
    """

    weight: float
    scale: Scale = "probabilities"

    @property
    def factor(self) -> float:
        """By what a linear score counts."""
        return self.weight

    @property
    def needs_net(self) -> bool:
        """Whether the net's scores count."""
        return self.weight < 1

    @property
    def sum_is(self) -> SumIs:
        """What the sum of the linear part's term and the net's is."""
        return "score"

    def net_terms(self, net: np.ndarray) -> np.ndarray:
        """What the net's scores add to that sum, `[batch, labels]` like them."""
        return (1 - self.weight) * _within_1(net, self.scale)

    def scores(self, net: np.ndarray, linear: np.ndarray) -> np.ndarray:
        """The scores of all labels, `[batch, labels]` like the others."""
        return self.weight * linear + self.net_terms(net)


class Stacked(NamedTuple):
    """The probability that a logistic regression gives: sigmoid(a linear + b net + c).

    The net's logits are standardised label by label: how frequent a label is, is in them, and would
    count a second time (Menon et al.: Long-tail Learning via Logit Adjustment, ICLR 2021).
    Stacked generalisation: Wolpert, Neural Networks 5, 1992.

    Attributes:
        factor: a.
        net: b; not below 0.
        bias: c.
        labels: `[2, labels]` mean and deviation of each label's logit.
        scale: what the net's scores are.
    """

    factor: float
    net: float
    bias: float
    labels: np.ndarray
    scale: Scale

    @property
    def needs_net(self) -> bool:
        """Whether the net's scores count."""
        return True

    @classmethod
    def fit(cls, net: np.ndarray, linear: np.ndarray, truth: np.ndarray, scale: Scale) -> "Stacked":
        """What gives rows that neither has seen the least log loss.

        Args:
            net: `[rows, labels]` the net's scores.
            linear: of the same shape, like `truth`, 1 for the labels that a row has, else 0.
            truth: as said.
            scale: what the net's scores are.
        """
        logits = _logits(net, scale)
        labels = np.stack([logits.mean(axis=0), np.maximum(logits.std(axis=0), _LEAST)])
        columns = [linear.ravel(), _standard(logits, labels).ravel()]
        of_truth = truth.ravel()
        factor, own, bias = _logistic(columns, of_truth)
        if own < 0 or factor < 0:  # it speaks against itself: by chance
            kept = int(own >= 0)
            coefficients = [0.0, 0.0]
            coefficients[kept], bias = _logistic([columns[kept]], of_truth)
            factor, own = coefficients
        return cls(float(factor), float(own), float(bias), labels.astype(np.float32), scale)

    @property
    def sum_is(self) -> SumIs:
        """What the sum of both terms is, but for the bias."""
        return "logit"

    def net_terms(self, net: np.ndarray) -> np.ndarray:
        """What the net's scores add to that sum, `[batch, labels]` like them."""
        return self.net * _standard(_logits(net, self.scale), self.labels)

    def scores(self, net: np.ndarray, linear: np.ndarray) -> np.ndarray:
        """The scores of all labels, `[batch, labels]` like the others."""
        logits = self.factor * linear + self.net_terms(net) + self.bias
        return sigmoid(logits).astype(np.float32)


class NetAlone(NamedTuple):
    """A net without a linear part, on a scale on which terms can be added.

    Attributes:
        scale: what its scores are.
    """

    scale: Scale
    factor: float = 0.0  # by what a linear score counts

    @property
    def needs_net(self) -> bool:
        """Whether the net's scores count."""
        return True

    @property
    def sum_is(self) -> SumIs:
        """What `net_terms` are."""
        names: dict[Scale, SumIs] = {"probabilities": "logit", "logits": "log_probability"}
        return names.get(self.scale, "score")

    def net_terms(self, net: np.ndarray) -> np.ndarray:
        """Log-odds of probabilities, log-probabilities of a softmax's logits, or the scores."""
        return _logits(net, self.scale)


def probabilities(linear: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What a logistic regression makes of linear scores alone; arguments as of `Stacked.fit`."""
    some = slice(None, None, 1 + linear.size // MOST_PAIRS)
    factor, bias = _logistic([linear[some].ravel()], truth[some].ravel())
    return sigmoid(factor * linear + bias).astype(np.float32)


Fusion = Union[Mixed, Stacked]
ALONE = Mixed(1.0)  # the linear scores


def parted(feeds: Feeds) -> tuple[Feeds, np.ndarray]:
    """What the net takes of the feeds of a batch, and the linear scores among them."""
    return {k: v for k, v in feeds.items() if k != LINEAR_SCORES}, feeds[LINEAR_SCORES]


def fused(outputs: Feeds, linear: np.ndarray, fusion: Fusion) -> Feeds:
    """The outputs of a batch.

    Args:
        outputs: of the net, see `Model.infer_forward`.
        linear: `[batch, labels]` the linear scores.
        fusion: what makes one score of two.

    Returns:
        Of the form of `outputs`. A label that is not among the net's best has their lowest score.
    """
    if "scores" in outputs:
        return {"scores": fusion.scores(outputs["scores"], linear)}
    net = all_scores(outputs, linear.shape[1])
    return best_of(fusion.scores(net, linear), outputs["best_labels"].shape[1])


def all_scores(outputs: Feeds, n_labels: int) -> np.ndarray:
    """The scores of all labels; of one that is not among the net's best their lowest one."""
    if "scores" in outputs:
        return outputs["scores"]
    scores = np.repeat(outputs["best_scores"][:, -1:], n_labels, axis=1)
    np.put_along_axis(scores, outputs["best_labels"], outputs["best_scores"], axis=1)
    return scores


def best_of(scores: np.ndarray, n_best: int) -> Feeds:
    """The best labels of each row with their scores, best first; of equal ones the first."""
    best = best_labels(scores, n_best)
    return {"best_labels": best, "best_scores": np.take_along_axis(scores, best, axis=1)}


def save_fusion(fusion: Fusion, folder: Path) -> None:
    """Write what `load_fusion` reads."""
    facts: dict[str, Any] = fusion._asdict()
    labels: Optional[np.ndarray] = facts.pop("labels", None)
    (folder / _FILE).write_text(json.dumps(facts), encoding="utf-8")
    if labels is not None:
        write_array(folder / _LABELS, labels)


def load_fusion(folder: Path, n_labels: int) -> Fusion:
    """Read what `save_fusion` wrote.

    Raises:
        ValueError: it is damaged, or of another number of labels.
    """
    try:
        facts = read_json(folder / _FILE)
        numbers = [value for key, value in facts.items() if key != "scale"]
        if not np.isfinite(numbers).all() or facts["scale"] not in get_args(Scale):
            raise ValueError(f"{_FILE}: is not as it was saved")
        if "weight" in facts:
            return Mixed(**facts)
        labels = read_array(folder / _LABELS, "f", 2)
        if labels.shape != (2, n_labels) or not np.isfinite(labels).all():
            raise ValueError(
                f"received {labels.shape}, expected finite numbers of {n_labels} labels"
            )
        return Stacked(**facts, labels=labels)
    except (OSError, TypeError, KeyError, AttributeError) as failure:
        raise ValueError(f"{type(failure).__name__}: {failure}") from None


def _within_1(scores: np.ndarray, scale: Scale) -> np.ndarray:
    if scale == "probabilities":
        return scores
    scores = scores - scores.max(axis=1, keepdims=True)
    if scale == "logits":
        scores = np.exp(scores)
        return scores / scores.sum(axis=1, keepdims=True)
    return 1 - scores / np.minimum(scores.min(axis=1, keepdims=True), -1e-12)


def _logits(scores: np.ndarray, scale: Scale) -> np.ndarray:
    if scale == "any":
        return scores
    if scale == "logits":
        shifted = scores - scores.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    scores = np.clip(scores, _LEAST, 1 - _LEAST)
    return np.log(scores / (1 - scores))


def _standard(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Logits less their label's mean, over its deviation, times the mean of all deviations."""
    means, deviations = labels
    return (logits - means) * (deviations.mean() / deviations)


def _logistic(columns: list[np.ndarray], truth: np.ndarray) -> np.ndarray:
    """The coefficients of a logistic regression, and its bias, by Newton's method."""
    rows = np.stack([*columns, np.ones(len(truth))], axis=1).astype(np.float64)
    coefficients = np.zeros(rows.shape[1])
    coefficients[-1] = -np.log(1 / np.clip(truth.mean(), _LEAST, 1 - _LEAST) - 1)
    small = 1e-3 * np.eye(rows.shape[1])  # keeps what is right everywhere finite
    for _ in range(_STEPS):
        found = sigmoid(rows @ coefficients)
        slope = rows.T @ (found - truth) + small @ coefficients
        curvature = (rows * (found * (1 - found))[:, None]).T @ rows + small
        step = np.linalg.solve(curvature, slope)
        coefficients -= step / max(1.0, np.abs(step).max() / 5)
        if np.abs(step).max() < 1e-6:
            break
    return coefficients
