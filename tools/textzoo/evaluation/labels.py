"""Evaluating a model that scores labels for a text."""

from typing import Optional, TextIO

import numpy as np

from textzoo.config.schema import Runner
from textzoo.data.cache import Rows
from textzoo.evaluation.label_predictions import LabelPredictions, best_labels
from textzoo.evaluation.predictions import PredictionFile
from textzoo.evaluation.row_outputs import pools_of_outputs
from textzoo.evaluation.score_matrix import ScoreMatrix
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.ranking import gold_ranks, ranks_among
from textzoo.metrics.thresholds import Threshold
from textzoo.running.model import check_outputs
from textzoo.running.run import InferenceRun
from textzoo.text.reader import Feeds, Reader


class LabelEvaluator:
    """Ranks each row's labels among all; see `Evaluator`. Rows need not all be labelled."""

    def __init__(self, runner: Runner, reader: Reader, rows: Rows, chosen: np.ndarray):
        self._runner = runner
        self._reader = reader
        self._rows = rows
        self._chosen = chosen

    @property
    def n_labels(self) -> int:
        """See `Evaluator.n_labels`."""
        return len(self._reader.label_names)

    def metrics(self, names: list[str], threshold: Optional[Threshold] = None) -> LabelMetrics:
        """See `Evaluator.metrics`."""
        return LabelMetrics(names, self._runner, self._reader, threshold)

    def __call__(
        self,
        run: InferenceRun,
        names: list[str],
        threshold: Optional[Threshold] = None,
        predictions: Optional[TextIO] = None,
        scores: Optional[ScoreMatrix] = None,
        calibration: Optional[Calibration] = None,
    ) -> LabelMetrics:
        """See `Evaluator.__call__`."""
        metrics = LabelMetrics(names, self._runner, self._reader, threshold, calibration)
        named = LabelPredictions(
            self._reader.label_names, self._runner.top_k, threshold, calibration
        )
        file = PredictionFile(predictions, self._reader) if predictions else None
        labels = self._rows.columns[run.model.label_column]
        batch_size = self._runner.infer_batch_size
        for pool in pools_of_outputs(run, self._rows, self._chosen, batch_size):
            for numbers, outputs in pool:
                gold, counts = labels.padded(numbers, fill=-1)
                check_outputs(run.model, outputs, self._shapes(outputs, len(numbers)))
                best, best_scores = best_labels(outputs, run.model.n_best)
                ranks = _ranks(outputs, best, gold)
                metrics.update(ranks, gold, counts, best, best_scores)
                if file:
                    file.add_ranked(numbers, named.of_best(best, best_scores), ranks, counts)
                if scores:
                    scores.add(numbers, best, best_scores)
            if file:
                file.end_pool(self._rows)
        return metrics

    def _shapes(self, outputs: Feeds, n_rows: int) -> dict[str, tuple[Optional[int], ...]]:
        if "best_labels" in outputs:
            return {"best_labels": (n_rows, None), "best_scores": (n_rows, None)}
        return {"scores": (n_rows, len(self._reader.label_names))}


def _ranks(outputs: Feeds, best: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """The ranks of the gold labels: among all where all are scored, else among the best."""
    return gold_ranks(outputs["scores"], gold) if "scores" in outputs else ranks_among(best, gold)
