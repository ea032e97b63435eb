"""Scores of a net and of the linear part as one score."""

from typing import Literal

import numpy as np

from textzoo.text.reader import Feeds

LINEAR_SCORES = "linear_scores"  # `[batch, labels]` among the feeds of a batch

# What a net's scores of labels are: between 0 and 1; logits of a softmax over labels; or anything.
Scale = Literal["probabilities", "logits", "any"]


def fused(outputs: Feeds, linear: np.ndarray, weight: float, scale: Scale) -> Feeds:
    """The weighted mean of the linear scores and the net's, these between 0 and 1.

    Args:
        outputs: of the net for a batch, see `Model.infer_forward`.
        linear: `[batch, labels]` the linear scores.
        weight: theirs; 0 to 1.
        scale: what the net's scores are.

    Returns:
        Of the form of `outputs`. A label that is not among the net's best has their lowest score.
    """
    if "scores" in outputs:
        return {"scores": weight * linear + (1 - weight) * _within_1(outputs["scores"], scale)}
    best, scores = outputs["best_labels"], outputs["best_scores"]
    net = np.repeat(scores[:, -1:], linear.shape[1], axis=1)
    np.put_along_axis(net, best, scores, axis=1)
    return best_of(weight * linear + (1 - weight) * net, best.shape[1])


def best_of(scores: np.ndarray, n_best: int) -> Feeds:
    """The best labels of each row with their scores, best first; of equal ones the first."""
    n_best = min(n_best, scores.shape[1])
    places = np.argpartition(-scores, n_best - 1, axis=1)[:, :n_best]
    places.sort(axis=1)
    own = np.take_along_axis(scores, places, axis=1)
    order = np.argsort(-own, axis=1, kind="stable")
    return {
        "best_labels": np.take_along_axis(places, order, axis=1),
        "best_scores": np.take_along_axis(own, order, axis=1),
    }


def _within_1(scores: np.ndarray, scale: Scale) -> np.ndarray:
    if scale == "probabilities":
        return scores
    scores = scores - scores.max(axis=1, keepdims=True)
    if scale == "logits":
        scores = np.exp(scores)
        return scores / scores.sum(axis=1, keepdims=True)
    return 1 - scores / np.minimum(scores.min(axis=1, keepdims=True), -1e-12)
