"""What is predicted of labels that have levels."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def prediction(names: Sequence[str], scores: np.ndarray, top_k: int) -> dict[str, Any]:
    """What is predicted for one text.

    Args:
        names: of the labels.
        scores: `[labels, levels]`.
        top_k: how many labels to list, the highest levels first.

    Returns:
        `predicted`, the level of each label; `top`, tags `label:level` with scores.
    """
    levels = scores.argmax(axis=1)
    expected = scores @ np.arange(scores.shape[1])
    top = [
        {"tag": f"{names[i]}:{levels[i]}", "score": round(float(scores[i, levels[i]]), 6)}
        for i in np.lexsort((-expected, -levels))[:top_k]
    ]
    return {"predicted": dict(zip(names, levels.tolist())), "top": top}


def predictions(
    names: Sequence[str], outputs: dict[str, np.ndarray], top_k: int, threshold: None = None
) -> list[dict[str, Any]]:
    """What is predicted for each text of a batch, from its outputs; see `prediction`."""
    return [prediction(names, scores, top_k) for scores in outputs["scores"]]
