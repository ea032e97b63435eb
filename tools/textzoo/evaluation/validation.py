"""The metrics of a training run on its validation rows."""

from collections.abc import Callable
from typing import Any, Optional, Union

import numpy as np

from textzoo.config.schema import Runner
from textzoo.data.cache import Rows
from textzoo.distributed.collectives import broadcast
from textzoo.evaluation.evaluator import Evaluator
from textzoo.evaluation.row_outputs import pools_of_outputs
from textzoo.linear.fitting import LeftOut
from textzoo.linear.fusion import (
    ALONE,
    LINEAR_SCORES,
    MOST_PAIRS,
    Fusion,
    Stacked,
    all_scores,
    best_of,
    probabilities,
)
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.levels import LevelMetrics
from textzoo.metrics.thresholds import Threshold
from textzoo.running.combined import SharedInference
from textzoo.running.fused import BothScores, FusedModel, FusedRun, Remembered
from textzoo.running.run import InferenceRun, Run
from textzoo.text.ragged import truth_of


class Validation:
    """Computes the metrics, of which every process computes its share.

    Args:
        run: as it is trained.
        evaluator: of the validation rows.
        names: of the metrics.
        threshold: the score above which a label is predicted; None: it is chosen each time.
        compiled: gives what computes in the place of the run, with the weights that it has now.

    Raises:
        UserError: the reader lacks what a metric needs.
    """

    def __init__(
        self,
        run: Run,
        evaluator: Evaluator,
        names: list[str],
        threshold: Optional[Threshold],
        compiled: Optional[Callable[[], InferenceRun]] = None,
    ):
        evaluator.metrics(names)  # what is missing for them stops the run before it begins
        self._run = run
        self._evaluator = evaluator
        self._names = names
        self._threshold = threshold
        self._compiled = compiled

    def __call__(self) -> dict[str, Any]:
        """The metrics by name, how many rows they are over, and the calibration of the scores."""
        run = self._compiled() if self._compiled else self._run
        shared = SharedInference(run, bool(self._run.shards))
        return broadcast(_told(self._evaluator(shared, self._names, self._threshold)))


class FusedValidation:
    """The same with a linear part; what makes one score of two is fitted to the validation rows.

    Args:
        run: as it is trained.
        model: with the linear scores of the validation rows.
        evaluator: of these rows.
        rows: that hold them.
        chosen: `[n]` which they are.
        names: of the metrics.
        runner: the config's `runner` block.
        fusion: what makes one score of two; None: it is fitted each time.
        others: the linear scores of training rows that the net learns from; thresholds are chosen
            on them, too, which are so the better the more rows a label has. None: there are none.

    Attributes:
        fusion: what the last evaluation made one score with.
    """

    def __init__(
        self,
        run: Run,
        model: FusedModel,
        evaluator: Evaluator,
        rows: Rows,
        chosen: np.ndarray,
        names: list[str],
        runner: Runner,
        fusion: Optional[Fusion] = None,
        others: Optional[LeftOut] = None,
    ):
        evaluator.metrics(names)
        self._others = others
        self._of_others: dict[bool, tuple[np.ndarray, ...]] = {}
        self.fusion = fusion or ALONE
        self._fits = fusion is None
        self._net = SharedInference(run, bool(run.shards))
        self._model = model
        self._evaluator = evaluator
        self._rows, self._chosen = rows, chosen
        self._names = names
        self._batch_size = runner.infer_batch_size
        self._threshold = None if isinstance(runner.threshold, str) else runner.threshold

    def alone(self) -> dict[str, Any]:
        """The metrics of the linear part alone."""
        self.fusion = ALONE
        return self._metrics(self._net)

    def __call__(self) -> dict[str, Any]:
        """The metrics by name, how many rows they are over, and the calibration of the scores."""
        if not self._fits:
            return broadcast(self._metrics(self._net))
        net = Remembered(self._net.model)
        self.fusion = self._fitted(net)
        return broadcast(self._metrics(net))

    def _metrics(self, net: InferenceRun) -> dict[str, Any]:
        run = FusedRun(net, self._model, self.fusion)
        measured = self._evaluator(run, self._names, self._threshold)
        if self._others and isinstance(measured, LabelMetrics):
            if run.fusion.needs_net not in self._of_others:  # they are the same each time
                self._of_others[run.fusion.needs_net] = self._best_of(self._others)
            measured.choose_on(*self._of_others[run.fusion.needs_net])
        return _told(measured)

    def _best_of(self, others: LeftOut) -> tuple[np.ndarray, ...]:
        """What thresholds are chosen on of other rows, see `LabelMetrics.choose_on`."""
        labels = self._rows.columns[self._model.label_column]
        gold, counts = labels.padded(others.rows, fill=-1)
        scores = others.scores
        if self.fusion.needs_net:
            scores = probabilities(scores, truth_of(labels, others.rows, scores.shape[1]))
        best = best_of(scores, self._model.n_best)
        return best["best_labels"], best["best_scores"], gold, counts

    def _fitted(self, net: Remembered) -> Stacked:
        """A fusion for the net as it is; what it gives is remembered."""
        both = BothScores(self._net, self._model, net)
        labels = self._rows.columns[self._model.label_column]
        parts: list[tuple[np.ndarray, ...]] = []
        for pool in pools_of_outputs(both, self._rows, self._chosen, self._batch_size):
            for numbers, outputs in pool:
                linear = outputs[LINEAR_SCORES]
                some = slice(None, None, 1 + linear.shape[1] * len(self._chosen) // MOST_PAIRS)
                own = all_scores(outputs, linear.shape[1])[some]
                parts.append((own, linear[some], truth_of(labels, numbers[some], own.shape[1])))
        scores, linear, truth = (np.concatenate(part) for part in zip(*parts))
        return Stacked.fit(scores, linear, truth, self._model.score_scale)


def _told(measured: Union[LabelMetrics, LevelMetrics]) -> dict[str, Any]:
    """The metrics with `calibration`, a list of two numbers, of a model that scores labels."""
    calibration = measured.calibration()
    more = {"calibration": list(calibration)} if calibration else {}
    return {**measured.result(), **more}
