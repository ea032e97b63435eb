"""The metrics of a training run on its validation rows."""

from typing import Any, Optional, Union

from textzoo.distributed.collectives import broadcast
from textzoo.evaluation.evaluator import Evaluator
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.levels import LevelMetrics
from textzoo.metrics.names import lower_is_better
from textzoo.metrics.thresholds import Threshold
from textzoo.running.combined import SharedInference
from textzoo.running.fused import FusedModel, FusedRun, Remembered
from textzoo.running.run import Run


class Validation:
    """Computes the metrics, of which every process computes its share.

    Args:
        run: as it is trained.
        evaluator: of the validation rows.
        names: of the metrics.
        threshold: the score above which a label is predicted; None: it is chosen each time.

    Raises:
        UserError: the reader lacks what a metric needs.
    """

    def __init__(
        self, run: Run, evaluator: Evaluator, names: list[str], threshold: Optional[Threshold]
    ):
        evaluator.metrics(names)  # what is missing for them stops the run before it begins
        self._run = SharedInference(run)
        self._evaluator = evaluator
        self._names = names
        self._threshold = threshold

    def __call__(self) -> dict[str, Any]:
        """The metrics by name, how many rows they are over, and the calibration of the scores."""
        return broadcast(_told(self._evaluator(self._run, self._names, self._threshold)))


_WEIGHTS = [round(0.1 * tenths, 1) for tenths in range(10, -1, -1)]


class FusedValidation:
    """The same with a linear part, whose weight is chosen by the metric that chooses `best`.

    Args:
        run: as it is trained.
        model: with the linear scores of the validation rows.
        evaluator: of these rows.
        names: of the metrics, first the one that chooses.
        threshold: see `Validation`.
        weight: of the linear scores; None: it is chosen each time.
    """

    def __init__(
        self,
        run: Run,
        model: FusedModel,
        evaluator: Evaluator,
        names: list[str],
        threshold: Optional[Threshold],
        weight: Optional[float],
    ):
        evaluator.metrics(names)
        self._net = SharedInference(run)
        self._model = model
        self._evaluator = evaluator
        self._names = names
        self._threshold = threshold
        self._weight = weight

    def alone(self) -> dict[str, Any]:
        """The metrics of the linear part alone."""
        return self._of_weight(self._net, 1.0, self._names, calibrated=True)

    def __call__(self) -> dict[str, Any]:
        """The metrics by name, how many rows they are over, calibration and linear weight."""
        best, net = self._weight, Remembered(self._net)
        if best is None:
            name = self._names[0]
            values = {w: self._of_weight(net, w, [name])[name] for w in _WEIGHTS}
            best = max(values, key=lambda w: -values[w] if lower_is_better(name) else values[w])
        return broadcast(self._of_weight(net, best, self._names, calibrated=True))

    def _of_weight(
        self,
        net: Union[SharedInference, Remembered],
        weight: float,
        names: list[str],
        calibrated: bool = False,
    ) -> dict[str, Any]:
        if isinstance(net, Remembered):
            net.again()
        run = FusedRun(net, self._model, weight)
        measured = self._evaluator(run, names, self._threshold)
        metrics = _told(measured) if calibrated else measured.result()
        return {**metrics, "linear_weight": weight}


def _told(measured: Union[LabelMetrics, LevelMetrics]) -> dict[str, Any]:
    """The metrics with `calibration`, a list of two numbers, of a model that scores labels."""
    calibration = measured.calibration()
    more = {"calibration": list(calibration)} if calibration else {}
    return {**measured.result(), **more}
