"""The best labels of a text, and those that score above a threshold."""

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from textzoo.metrics import ranking
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.names import PREDICTABLE
from textzoo.metrics.thresholds import Threshold, is_predicted
from textzoo.text.reader import Feeds


class LabelPredictions:
    """Names the labels that are predicted.

    Args:
        names: of all labels.
        top_k: how many of the best labels to list.
        threshold: the score above which a label is predicted; None: there is no such score.
        calibration: what turns scores into probabilities; None: there are none.
    """

    def __init__(
        self,
        names: Sequence[str],
        top_k: int,
        threshold: Optional[Threshold] = None,
        calibration: Optional[Calibration] = None,
    ):
        self._names = names
        self._top_k = top_k
        self._threshold = threshold
        self._calibration = calibration
        self._n_best = top_k if threshold is None else max(top_k, PREDICTABLE)

    def of_batch(self, outputs: Feeds) -> list[dict[str, Any]]:
        """What is predicted for each text of a batch, from the net's outputs."""
        return self.of_best(*best_labels(outputs, self._n_best))

    def of_best(self, labels: np.ndarray, scores: np.ndarray) -> list[dict[str, Any]]:
        """What is predicted for each text of a batch.

        Args:
            labels: `[batch, n]` best labels, best first.
            scores: `[batch, n]` their scores.

        Returns:
            `predicted`, names of labels, if there is a threshold; `top`, tags with scores,
            and with probabilities, if there is a calibration.
        """
        n_best = self._n_best
        return [self._of_text(*row) for row in zip(labels[:, :n_best], scores[:, :n_best])]

    def _of_text(self, labels: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
        found = {}
        if self._threshold is not None:
            chosen = labels[is_predicted(labels, scores, self._threshold)]
            found["predicted"] = [self._names[label] for label in chosen]
        found["top"] = [
            {"tag": self._names[label], "score": round(float(score), 6)}
            for label, score in zip(labels[: self._top_k], scores)
        ]
        if self._calibration is not None:
            for best, probability in zip(found["top"], self._calibration(scores)):
                best["probability"] = round(float(probability), 6)
        return found


def best_labels(outputs: Feeds, n_best: int) -> tuple[np.ndarray, np.ndarray]:
    """The best labels of each text and their scores, best first, both `[batch, n_best]` at most."""
    if "scores" not in outputs:
        return outputs["best_labels"][:, :n_best], outputs["best_scores"][:, :n_best]
    scores = outputs["scores"]
    best = ranking.best_labels(scores, n_best)
    return best, np.take_along_axis(scores, best, axis=1)
