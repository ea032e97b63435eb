"""Whether one model is better than another on the same rows: compare.py."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from textzoo.called import command, program
from textzoo.commands.arguments import number_within
from textzoo.commands.cli import guarded
from textzoo.errors import UserError

if TYPE_CHECKING:
    from textzoo.evaluation.saved_results import SavedResults
    from textzoo.evaluation.significance import Difference

_RESAMPLES = 10_000


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Compare two evaluations."""
    parser = argparse.ArgumentParser(
        prog=program("compare"),
        description="How much better the second model is than the first on the same rows: the "
        "difference of each metric, its 95 %% interval (paired bootstrap over rows) and the p "
        "value of the approximate randomization test.",
    )
    for name in ("first", "second"):
        parser.add_argument(
            name,
            type=Path,
            metavar=name.upper(),
            help=f"what {program('infer')} wrote of the {name} model, its run's folder, or a study "
            f"of {program('tune')}",
        )
    parser.add_argument("--metrics", nargs="+", metavar="NAME", help="default: all of both")
    parser.add_argument(
        "--resamples",
        type=number_within(int, 100, 10_000_000),
        default=_RESAMPLES,
        metavar="N",
        help=f"how often rows are drawn; default: {_RESAMPLES}",
    )
    parser.add_argument("--seed", type=number_within(int, 0), default=0, help="default: 0")
    parsed = parser.parse_args(arguments)
    return guarded(program("compare"), lambda: compare(**vars(parsed)))


def compare(
    first: Path, second: Path, metrics: Optional[list[str]], resamples: int, seed: int
) -> None:
    """Read, compare, print a table and the final line `metrics: {json}`.

    Args:
        first: folder of one evaluation.
        second: of the other one.
        metrics: names; default: all that both tell.
        resamples: how often rows are drawn.
        seed: of what is drawn.

    Raises:
        UserError: there are no results, or they are of different rows.
    """
    from textzoo.evaluation.outcomes import outcomes_of
    from textzoo.evaluation.saved_results import SavedResults, check_same_rows
    from textzoo.evaluation.significance import differences
    from textzoo.metrics.names import printed

    ours, theirs = (SavedResults.read(_of_study(place)) for place in (first, second))
    check_same_rows(ours, theirs)
    names = _names(ours, theirs, metrics)
    our_rows, their_rows = outcomes_of([ours.rows, theirs.rows], names)
    ours.check_values(our_rows.of_all())
    theirs.check_values(their_rows.of_all())
    found = differences(our_rows, their_rows, resamples, seed)
    print(f"first: {ours.folder}\nsecond: {theirs.folder}\n{len(ours.texts)} rows")
    if untold := dict.fromkeys([*ours.untold, *theirs.untold]):
        print(f"not told row by row and left out: {', '.join(untold)}")
    _show(found)
    print(printed({name: own._asdict() for name, own in found.items()}))


def _of_study(place: Path) -> Path:
    """The folder of a study's best trial, as report.py takes it; of anything else the folder.

    Raises:
        UserError: nothing is evaluated in it.
    """
    from textzoo.evaluation.result_files import METRICS
    from textzoo.report.files import read_trials
    from textzoo.report.recorded import BEST_CONFIG, TRIALS, best_run

    found = best_run(place, [*read_trials(place / TRIALS)])
    if found == place or (place / METRICS).is_file():
        return place
    if not (found / "infer" / METRICS).is_file():
        raise UserError(
            f"{place}: is a study of {program('tune')}, whose best trial is not evaluated yet: "
            f"{command('infer')} -m {shlex.quote(str(place / BEST_CONFIG))}"
        )
    return found


def _names(first: "SavedResults", second: "SavedResults", asked: Optional[list[str]]) -> list[str]:
    """The metrics to compare by.

    Raises:
        UserError: one that is asked for is not told by both, or there are none.
    """
    from textzoo.evaluation.outcomes import same_labels_needed

    names = [name for name in first.metrics if name in second.metrics]
    if first.rows.n_labels != second.rows.n_labels:
        print(
            f"labels: the first model ranks {first.rows.n_labels}, the second "
            f"{second.rows.n_labels}: metrics that are means over labels are left out"
        )
        names = [name for name in names if not same_labels_needed(name)]
    if unknown := [name for name in asked or () if name not in names]:
        raise UserError(
            f"--metrics: received {unknown[0]}, expected some of {', '.join(names) or 'none'}: "
            "those that both evaluations tell row by row"
        )
    if not names:
        raise UserError(
            f"{first.folder} and {second.folder} have no metric in common, expected the same "
            "runner.metrics in both"
        )
    return asked or names


def _show(found: "dict[str, Difference]") -> None:
    width = max(len("metric"), *map(len, found))
    print(f"{'metric':{width}}   first  second  difference    95 % interval           p")
    for name, own in found.items():
        interval = f"{own.low:+.4f} to {own.high:+.4f}"
        print(
            f"{name:{width}}  {own.first:.4f}  {own.second:.4f}     {own.difference:+.4f}  "
            f"{interval}  {own.p:8.4f}"
        )
