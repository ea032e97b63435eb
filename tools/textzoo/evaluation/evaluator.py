"""How a model is evaluated: by labels or levels it scores, or by what its embeddings recall."""

from typing import Optional, Protocol, TextIO, Union

import numpy as np

from textzoo.config.schema import IndexSettings, Runner
from textzoo.data.cache import Rows
from textzoo.evaluation.embeddings import EmbeddingEvaluator
from textzoo.evaluation.labels import LabelEvaluator
from textzoo.evaluation.levels import LevelEvaluator
from textzoo.evaluation.score_matrix import ScoreMatrix
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.levels import LevelMetrics
from textzoo.metrics.names import Kind
from textzoo.metrics.thresholds import Threshold
from textzoo.running.run import InferenceRun
from textzoo.text.reader import Embed, Reader


class Evaluator(Protocol):
    """Evaluates runs of one model on the same rows."""

    @property
    def n_labels(self) -> int:
        """How many labels, or texts of a corpus, are ranked."""
        ...

    def metrics(
        self, names: list[str], threshold: Optional[Threshold] = None
    ) -> Union[LabelMetrics, LevelMetrics]:
        """Metrics by these names, to be filled by one call.

        Raises:
            UserError: the reader lacks what one of them needs.
        """
        ...

    def __call__(
        self,
        run: InferenceRun,
        names: list[str],
        threshold: Optional[Threshold] = None,
        predictions: Optional[TextIO] = None,
        scores: Optional[ScoreMatrix] = None,
        calibration: Optional[Calibration] = None,
    ) -> Union[LabelMetrics, LevelMetrics]:
        """Evaluate a run.

        Args:
            run: what computes the outputs.
            names: of the metrics to compute.
            threshold: the score above which a label is predicted; None: it is chosen on these rows.
            predictions: where to write what is predicted for each row.
            scores: what is to have the best labels of each row.
            calibration: what turns scores of labels into probabilities, if that is known.

        Returns:
            The metrics, filled.
        """
        ...


def evaluator_of(
    kind: Kind,
    runner: Runner,
    reader: Reader,
    rows: Rows,
    chosen: np.ndarray,
    index: Optional[IndexSettings] = None,
    embed_texts: Optional[Embed] = None,
    n_others: int = 0,
) -> Evaluator:
    """The evaluator of a kind of model.

    Args:
        kind: what the model gives for a text.
        runner: the config's `runner` block.
        reader: the model's reader, with its vocabulary.
        rows: the encoded rows.
        chosen: `[n]` which of them to evaluate.
        index: how embeddings are searched; default: as the config's default says.
        embed_texts: what embeds texts; default: the run that is evaluated.
        n_others: how many texts of the corpus embeddings are searched among, beside the titles of
            the rows; 0: all.
    """
    if kind == "embeddings":
        return EmbeddingEvaluator(runner, reader, rows, chosen, index, embed_texts, n_others)
    if kind == "levels":
        return LevelEvaluator(runner, reader, rows, chosen)
    return LabelEvaluator(runner, reader, rows, chosen)
