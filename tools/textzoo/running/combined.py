"""Runs made of others: several nets that score together, several processes that share a batch."""

from collections.abc import Sequence

import numpy as np
import paddle

from textzoo.distributed.collectives import all_rows, batch_rows, n_processes, own_feeds
from textzoo.running.run import InferenceRun
from textzoo.text.reader import Feeds


class AveragedRun:
    """Gives the mean of the scores of several runs; for inference only.

    A label that is not among the best ones of a run has a score of 0 there. The mean of all labels
    is held for a batch: `[batch, labels]`.
    """

    def __init__(self, runs: Sequence[InferenceRun], n_labels: int):
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


class SharedInference:
    """A run that shares each batch's rows among the processes and gives all of them all outputs.

    Args:
        run: what computes the rows of this process.
        divided: whether each process has a part of the weights: all compute all rows.
    """

    def __init__(self, run: InferenceRun, divided: bool = False):
        self.model = run.model
        self._run = run
        self._divided = divided

    def infer_step(self, feeds: Feeds) -> Feeds:
        """The model's outputs for one batch."""
        if n_processes() == 1 or self._divided:
            return self._run.infer_step(feeds)
        n_rows = batch_rows(feeds)
        outputs = self._run.infer_step(own_feeds(feeds))
        return {k: all_rows(paddle.to_tensor(v), n_rows).numpy() for k, v in outputs.items()}
