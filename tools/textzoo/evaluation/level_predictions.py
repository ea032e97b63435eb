"""The level of each label of a text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textzoo.text.reader import Feeds


class LevelPredictions:
    """Names the level that is predicted for each label.

    Args:
        names: of the labels.
        top_k: how many labels to list, the highest levels first.
    """

    def __init__(self, names: Sequence[str], top_k: int):
        self._names = names
        self._top_k = top_k

    def of_batch(self, outputs: Feeds) -> list[dict[str, Any]]:
        """What is predicted for each text of a batch, from scores `[batch, labels, levels]`.

        Returns:
            `predicted`, the level of each label; `top`, tags `label:level` with scores.
        """
        return [self._of_text(scores) for scores in outputs["scores"]]

    def _of_text(self, scores: np.ndarray) -> dict[str, Any]:
        levels = scores.argmax(axis=1)
        expected = scores @ np.arange(scores.shape[1])
        top = [
            {"tag": f"{self._names[i]}:{levels[i]}", "score": round(float(scores[i, levels[i]]), 6)}
            for i in np.lexsort((-expected, -levels))[: self._top_k]
        ]
        return {"predicted": dict(zip(self._names, levels.tolist())), "top": top}
