"""The files that an evaluation leaves: predictions, metrics, scores, figures of each label."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from textzoo.errors import UserError
from textzoo.files import new_file

if TYPE_CHECKING:  # whoever reads results needs no Paddle
    from textzoo.evaluation.evaluator import Evaluator
    from textzoo.evaluation.score_matrix import ScoreMatrix
    from textzoo.metrics.calibration import Calibration
    from textzoo.metrics.thresholds import Threshold
    from textzoo.running.run import InferenceRun

PREDICTIONS, METRICS = "predictions.jsonl", "infer_metrics.json"


def write_results(
    output: Path,
    run: "InferenceRun",
    evaluator: "Evaluator",
    names: list[str],
    threshold: "Optional[Threshold]",
    scores: "Optional[ScoreMatrix]" = None,
    calibration: "Optional[Calibration]" = None,
) -> dict[str, Any]:
    """Evaluate a run into a folder: every prediction, the figures of each label, the scores.

    Args:
        output: the folder.
        run: what computes the outputs.
        evaluator: of the rows.
        names: of the metrics.
        threshold: the score above which a label is predicted, if there is one.
        scores: what is to have the best labels of each row, and is written too.
        calibration: what turns scores of labels into probabilities, if that is known.

    Returns:
        The metrics by name.

    Raises:
        UserError: the folder cannot be written.
    """
    with explained():
        with new_file(output / PREDICTIONS) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="\n", write_through=True)
            measured = evaluator(run, names, threshold, text, scores, calibration)
            metrics = measured.result()
            text.detach()
        if scores:
            scores.save(output / "scores.npz")
        if report := measured.report():
            report.save(output)
    return metrics


@contextmanager
def explained() -> Iterator[None]:
    """Say of a file that cannot be written what chose its place.

    Raises:
        UserError: in place of an `OSError`.
    """
    try:
        yield
    except OSError as failure:
        raise UserError(
            f"runner.infer_output_dir: cannot write {failure.filename}: {failure.strerror}; choose "
            "another folder with -o runner.infer_output_dir=PATH"
        ) from None
