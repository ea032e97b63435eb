"""The metrics of a training run on its validation rows."""

from typing import Any, Optional

from textzoo.distributed.collectives import broadcast
from textzoo.evaluation.evaluator import Evaluator
from textzoo.metrics.thresholds import Threshold
from textzoo.running.combined import SharedInference
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
        """The metrics by name, and how many rows they are over."""
        return broadcast(self._evaluator(self._run, self._names, self._threshold).result())
