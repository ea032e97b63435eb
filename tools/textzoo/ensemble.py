"""Several trained nets that score together."""

from typing import Any

import numpy as np

from textzoo.checkpoint import Checkpoint
from textzoo.dygraph import Feeds
from textzoo.errors import UserError


class AveragedRun:
    """Gives the mean of the scores of several runs; for inference only.

    A label that is not among the best ones of a run has a score of 0 there. The mean of all labels
    is held for a batch: `[batch, labels]`.
    """

    def __init__(self, runs: list[Any], n_labels: int):
        self.model = runs[0].model
        self._runs = runs
        self._n_labels = n_labels

    def infer_step(self, feeds: Feeds) -> Feeds:
        """The mean scores of all labels for one batch."""
        return {"scores": np.mean([self._scores(run.infer_step(feeds)) for run in self._runs], 0)}

    def _scores(self, outputs: Feeds) -> np.ndarray:
        if "scores" in outputs:
            return outputs["scores"]
        best, scores = outputs["best_labels"], outputs["best_scores"]
        everything = np.zeros((len(best), self._n_labels), scores.dtype)
        np.put_along_axis(everything, best, scores, axis=1)
        return everything


def check_same_vocabulary(checkpoints: list[Checkpoint]) -> None:
    """Refuse checkpoints that were not trained with one vocabulary.

    Raises:
        UserError: two of them were trained with other vocabularies.
    """
    first = checkpoints[0]
    for other in checkpoints[1:]:
        if _vocabulary(other) != _vocabulary(first):
            raise UserError(
                f"runner.infer_ensemble: {other.path} has another vocabulary than {first.path}; "
                "expected checkpoints trained on the same data"
            )


def _vocabulary(checkpoint: Checkpoint) -> dict[str, str]:
    digests = checkpoint.facts["sha256"]
    return {name: digest for name, digest in digests.items() if name.startswith("vocabulary/")}
