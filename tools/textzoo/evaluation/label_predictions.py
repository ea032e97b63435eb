"""What is predicted of labels that a text has or has not."""

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from textzoo.metrics.thresholds import _PREDICTABLE, Threshold, is_predicted


def best_labels(outputs: dict[str, np.ndarray], n_best: int) -> tuple[np.ndarray, np.ndarray]:
    """The best labels of each text and their scores, best first, both `[batch, n_best]` at most.

    Raises:
        FloatingPointError: a score is not finite.
    """
    if "scores" not in outputs:
        best, best_scores = outputs["best_labels"][:, :n_best], outputs["best_scores"][:, :n_best]
    else:
        scores = outputs["scores"]
        # A stable sort ranks equal scores by label id, as `gold_ranks` does.
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n_best]
        best_scores = np.take_along_axis(scores, best, axis=1)
    if not np.isfinite(best_scores).all():
        raise FloatingPointError("a score is not finite: the weights are damaged")
    return best, best_scores


def prediction(
    names: Sequence[str],
    labels: np.ndarray,
    scores: np.ndarray,
    top_k: int,
    threshold: Optional[Threshold],
) -> dict[str, Any]:
    """What is predicted for one text.

    Args:
        names: of all labels.
        labels: `[n]` best labels, best first; see `n_predictable`.
        scores: `[n]` their scores.
        top_k: how many of them to list.
        threshold: the score above which a label is predicted; None: there is no such score.

    Returns:
        `predicted`, names of labels, if there is a threshold; `top`, tags with scores.
    """
    found = {}
    if threshold is not None:
        chosen = labels[is_predicted(labels, scores, threshold)]
        found["predicted"] = [names[label] for label in chosen]
    found["top"] = [
        {"tag": names[label], "score": round(float(score), 6)}
        for label, score in zip(labels[:top_k], scores)
    ]
    return found


def predictions(
    names: Sequence[str], outputs: dict[str, np.ndarray], top_k: int, threshold: Optional[Threshold]
) -> list[dict[str, Any]]:
    """What is predicted for each text of a batch, from its outputs; see `prediction`."""
    labels, scores = best_labels(outputs, n_predictable(top_k, threshold))
    return [prediction(names, *row, top_k, threshold) for row in zip(labels, scores)]


def n_predictable(top_k: int, threshold: Optional[Threshold]) -> int:
    """How many of a text's best labels a prediction looks at."""
    return top_k if threshold is None else max(top_k, _PREDICTABLE)
