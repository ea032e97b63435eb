"""The results of all folds of a cross-validation as those of one evaluation of all rows."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from textzoo.errors import UserError
from textzoo.evaluation.outcomes import GivenRows, outcomes_of, same_labels_needed
from textzoo.evaluation.result_files import METRICS, PREDICTIONS, explained
from textzoo.evaluation.saved_results import SavedResults
from textzoo.files import new_file, write_text


def out_of_fold(folds: Sequence[SavedResults]) -> dict[str, float]:
    """The metrics of all rows together, each scored by the run that had not seen it.

    What the rows of a fold alone do not tell is left out, as is what hangs on the number of labels
    where they were searched among other texts.

    Args:
        folds: the results of each fold.
    """
    first, *others = (fold.rows for fold in folds)
    names = [name for name in folds[0].metrics if all(name in fold.metrics for fold in folds)]
    if any(other.n_labels != first.n_labels for other in others):
        names = [name for name in names if not same_labels_needed(name)]
    (outcomes,) = outcomes_of([_joined([fold.rows for fold in folds])], names)
    return {name: float(value[0]) for name, value in outcomes.of_all().items()}


def _joined(parts: Sequence[GivenRows]) -> GivenRows:
    first = parts[0]
    gold = [own for part in parts for own in part.gold]
    ranks = first.ranks and [own for part in parts for own in part.ranks or ()]
    predicted = first.predicted and [own for part in parts for own in part.predicted or ()]
    return GivenRows(gold, ranks, predicted, first.n_labels, first.is_graded)


def write_joined(
    folds: Sequence[SavedResults], fold_of: np.ndarray, metrics: dict[str, float], folder: Path
) -> None:
    """Write the results of all folds as infer.py writes those of one evaluation.

    Args:
        folds: the results of each fold.
        fold_of: `[rows]` the fold of each row of the training files.
        metrics: of all rows, see `out_of_fold`.
        folder: to write to.

    Raises:
        UserError: a fold has other rows, or the folder cannot be written.
    """
    with explained(), ExitStack() as stack:
        files = [stack.enter_context((fold.folder / PREDICTIONS).open("rb")) for fold in folds]
        with new_file(folder / PREDICTIONS) as joined:
            for fold in fold_of:
                joined.write(files[fold].readline())
            if tails := [file.name for file in files if file.readline()]:
                raise UserError(f"{tails[0]}: has other rows than the training files; run it again")
        facts = {"rows": sum(len(fold.texts) for fold in folds), "labels": folds[0].rows.n_labels}
        told = {**metrics, **facts, "checkpoint": "folds", "checkpoints": {}}
        write_text(folder / METRICS, json.dumps(told, indent=1) + "\n")
