"""A run with a linear part beside its net."""

from typing import Optional

import numpy as np

from textzoo.data.text_vectors import VECTORS
from textzoo.linear.fitting import LeftOut
from textzoo.linear.fusion import LINEAR_SCORES, Fusion, best_of, fused, parted
from textzoo.linear.part import LinearPart
from textzoo.running.model import Model
from textzoo.running.run import InferenceRun
from textzoo.text.ragged import Columns
from textzoo.text.reader import CHARACTERS, Feeds


class FusedModel(Model):
    """A model whose feeds for inference have the linear scores, too.

    Args:
        model: the net's.
        linear: the linear part.
        left_out: the scores of these rows, in place of those that the linear part gives.

    Attributes:
        linear: as given.
    """

    def __init__(self, model: Model, linear: LinearPart, left_out: Optional[LeftOut] = None):
        super().__init__(model.hyper_parameters, model.n_best)
        self.kind, self.metrics = model.kind, model.metrics
        self.text_column, self.label_column = model.text_column, model.label_column
        self.of_the_batch = model.of_the_batch
        self.score_scale, self.best_alone = model.score_scale, model.best_alone
        self.net_feeds = model.infer_feeds
        self.linear, self._left_out = linear, left_out

    def infer_feeds(self, columns: Columns, rows: np.ndarray) -> Feeds:
        """See `Model.infer_feeds`."""
        return {
            **self.net_feeds(columns, rows),
            LINEAR_SCORES: self._scores(columns, rows),
        }

    def _scores(self, columns: Columns, rows: np.ndarray) -> np.ndarray:
        if self._left_out is None:
            return linear_scores(self.linear, columns, rows)
        return self._left_out.scores[np.searchsorted(self._left_out.rows, rows)]


def linear_scores(linear: LinearPart, columns: Columns, rows: np.ndarray) -> np.ndarray:
    """The scores that a linear part gives some rows, `[rows, labels]`.

    Embeddings that columns have, see `add_vectors`, are not computed anew.
    """
    characters = columns[CHARACTERS].chosen(rows)
    if VECTORS not in columns:
        return linear.scores(characters)
    vectors = columns[VECTORS].chosen(rows).values.reshape(len(rows), -1)
    return linear.scores(characters, vectors)


class FusedRun:
    """Gives scores made of those of a net and of the linear part; for inference only.

    Args:
        net: of the net; it is not computed where the linear scores alone count.
        model: with the linear part.
        fusion: what makes one score of two.

    Attributes:
        net, linear, fusion: as given.
    """

    def __init__(self, net: InferenceRun, model: FusedModel, fusion: Fusion):
        self.model: Model = model
        self.linear, self.fusion = model.linear, fusion
        self.net = net

    def of(self, run: InferenceRun, linear: LinearPart) -> "FusedRun":
        """The same of another run of the net, and of another linear part."""
        return FusedRun(run, FusedModel(run.model, linear), self.fusion)

    def infer_step(self, feeds: Feeds) -> Feeds:
        """See `InferenceRun.infer_step`."""
        feeds, linear = parted(feeds)
        if self.fusion.needs_net:
            return fused(self.net.infer_step(feeds), linear, self.fusion)
        return best_of(linear, self.model.n_best) if self.model.best_alone else {"scores": linear}


class Remembered:
    """What a net gave for batches, to be gone through again; for inference only.

    Args:
        model: the net's, see `FusedModel`.
    """

    def __init__(self, model: Model):
        self.model = model
        self._outputs: list[Feeds] = []
        self._next = 0

    def add(self, outputs: Feeds) -> None:
        """Note the next batch."""
        self._outputs.append(outputs)

    def infer_step(self, feeds: Feeds) -> Feeds:
        """The outputs noted for the next batch."""
        self._next += 1
        return self._outputs[self._next - 1]


class BothScores:
    """Gives the outputs of a net, and the linear scores beside them; for inference only.

    Args:
        run: of the net.
        model: with the linear part.
        remembered: what is to note the net's outputs.
    """

    def __init__(self, run: InferenceRun, model: FusedModel, remembered: Remembered):
        self.model: Model = model
        self._run = run
        self._remembered = remembered

    def infer_step(self, feeds: Feeds) -> Feeds:
        """See `InferenceRun.infer_step`."""
        feeds, linear = parted(feeds)
        outputs = self._run.infer_step(feeds)
        self._remembered.add(outputs)
        return {**outputs, LINEAR_SCORES: linear}
