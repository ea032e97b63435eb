"""Evaluating a model that gives each label one of several levels."""

from typing import Optional, TextIO

import numpy as np

from textzoo.config.schema import Runner
from textzoo.data.cache import Rows
from textzoo.evaluation.level_predictions import LevelPredictions
from textzoo.evaluation.predictions import PredictionFile
from textzoo.evaluation.row_outputs import pools_of_outputs
from textzoo.evaluation.score_matrix import ScoreMatrix
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.levels import LevelMetrics
from textzoo.metrics.thresholds import Threshold
from textzoo.running.model import check_outputs
from textzoo.running.run import InferenceRun
from textzoo.text.reader import Reader


class LevelEvaluator:
    """Compares the level of each label with the row's; see `Evaluator`."""

    def __init__(self, runner: Runner, reader: Reader, rows: Rows, chosen: np.ndarray):
        self._runner = runner
        self._reader = reader
        self._rows = rows
        self._chosen = chosen

    @property
    def n_labels(self) -> int:
        """See `Evaluator.n_labels`."""
        return len(self._reader.label_names)

    def metrics(self, names: list[str], threshold: Optional[Threshold] = None) -> LevelMetrics:
        """See `Evaluator.metrics`; levels have no threshold."""
        return LevelMetrics(names, self._reader.label_names)

    def __call__(
        self,
        run: InferenceRun,
        names: list[str],
        threshold: Optional[Threshold] = None,
        predictions: Optional[TextIO] = None,
        scores: Optional[ScoreMatrix] = None,
        calibration: Optional[Calibration] = None,
    ) -> LevelMetrics:
        """See `Evaluator.__call__`; a matrix of scores is for models that score labels."""
        metrics = self.metrics(names)
        named = LevelPredictions(self._reader.label_names, self._runner.top_k)
        file = PredictionFile(predictions, self._reader) if predictions else None
        levels = self._rows.columns[run.model.label_column]
        batch_size = self._runner.infer_batch_size
        for pool in pools_of_outputs(run, self._rows, self._chosen, batch_size):
            for numbers, outputs in pool:
                n_labels = len(self._reader.label_names)
                check_outputs(run.model, outputs, {"scores": (len(numbers), n_labels, None)})
                metrics.update(levels.padded(numbers)[0], outputs["scores"])
                if file:
                    file.add(numbers, named.of_batch(outputs))
            if file:
                file.end_pool(self._rows)
        return metrics
