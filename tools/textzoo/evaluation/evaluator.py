"""How a model is evaluated: by labels or levels that it scores, or by what its embeddings recall.

A model says which: `graded = True` has levels, `embeds = True` embeds pairs of texts.
"""

import functools
from collections.abc import Sequence
from typing import Any, Literal, Optional, TextIO

import numpy as np

from textzoo.config.schema import Runner
from textzoo.data.cache import Rows
from textzoo.evaluation import embeddings as retrieval
from textzoo.evaluation import labels as tagging
from textzoo.evaluation import levels
from textzoo.metrics.ranking import RankingMetrics
from textzoo.metrics.thresholds import Threshold


class Evaluation:
    """Evaluates runs of one model on the same rows.

    Args:
        model: the folder's model.
        runner: the config's `runner` block.
        reader: the model's reader.
        rows: the encoded rows.
        chosen: `[n]` which of them to evaluate.
    """

    def __init__(self, model: Any, runner: Runner, reader: Any, rows: Rows, chosen: np.ndarray):
        self._runner = runner
        self._rows = rows
        self._chosen = chosen
        self._kind = levels if is_graded(model) else tagging
        self._labels = reader
        self._evaluate = functools.partial(self._kind.evaluate, batch_size=runner.infer_batch_size)
        if embeds(model):
            self._labels = retrieval.load_corpus(runner, reader, rows, chosen)
            self._evaluate = functools.partial(
                retrieval.evaluate, corpus=self._labels, n_best=runner.top_k
            )

    def metrics(self, names: list[str], threshold: Optional[Threshold] = None) -> Any:
        """Metrics by these names, to be filled by one call."""
        return self._kind.Metrics(names, self._runner, self._labels, threshold)

    def predictions(self, file: TextIO, threshold: Optional[Threshold] = None) -> Any:
        """What writes predictions to a file."""
        return self._kind.Predictions(file, self._labels, self._runner.top_k, threshold)

    def __call__(self, run: Any, metrics: Any, results: Sequence[Any] = ()) -> dict[str, float]:
        """The metrics of a run, which `results`, such as predictions, look at as well."""
        return self._evaluate(run, self._rows, self._chosen, metrics, results=results)


def check_metric_names(model: Any, names: list[str]) -> None:
    """Refuse names of metrics that this kind of model does not have.

    Raises:
        UserError: naming the first one, and all that there are.
    """
    if is_graded(model):
        levels.check_metric_names(names)
    elif embeds(model):
        RankingMetrics(names)
    else:
        tagging.check_metric_names(names)


def kind(model: Any) -> Literal["embeddings", "levels", "tags"]:
    """What a model gives for a text."""
    return "embeddings" if embeds(model) else "levels" if is_graded(model) else "tags"


def is_graded(model: Any) -> bool:
    """Whether a model gives each label one of several levels."""
    return getattr(model, "graded", False)


def embeds(model: Any) -> bool:
    """Whether a model embeds texts."""
    return getattr(model, "embeds", False)
