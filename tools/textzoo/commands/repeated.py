"""A config trained several times, with other seeds or with parts of its rows: trainer.py."""

import argparse
import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Optional, Union

from textzoo.called import command
from textzoo.commands.arguments import number_within
from textzoo.errors import UserError, shown

if TYPE_CHECKING:
    from textzoo.config.schema import Runner
    from textzoo.metrics.spread import Spread

Seeds = Union[int, list[int]]  # how many, or which
Table = dict[str, "Spread"]  # of each metric

_LARGEST_SEED, _MOST = 2**32 - 1, 1000  # as `config.schema` has them
# What may say which checkpoint infer.py takes, and where it writes: each run has its own.
_OF_ONE_RUN = (
    *("infer_load_path", "infer_output_dir", "infer_ensemble"),
    *("infer_start_epoch", "infer_end_epoch"),
)


class Member(NamedTuple):
    """One of the runs.

    Attributes:
        name: of its folder, and of its column.
        folder: its `runner.model_save_path`.
        overrides: that make it.
    """

    name: str
    folder: Path
    overrides: list[str]


def add_repeats(parser: argparse.ArgumentParser) -> None:
    """Let a command take `--seeds` or `--folds`."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--seeds",
        type=_seeds,
        metavar="N",
        help="train N times, with runner.seed and those after it; or with these: 1,7,42",
    )
    group.add_argument(
        "--folds",
        type=number_within(int, 2, _MOST),
        metavar="K",
        help="cross-validation: train K times, each without another part of the training rows",
    )


def _seeds(text: str) -> Seeds:
    parts = text.split(",")
    if not all(map(_is_seed, parts)):
        problem = f"seeds from 0 to {_LARGEST_SEED}"
    elif len(parts) > 1 and len({*map(int, parts)}) < len(parts):
        problem = "each seed once"
    elif len(parts) == 1 and not 2 <= int(text) <= _MOST:
        problem = f"2 to {_MOST}"
    else:
        return int(text) if len(parts) == 1 else [*map(int, parts)]
    raise argparse.ArgumentTypeError(
        f"received {text[:40]}, expected how many seeds, or which, such as 3 or 1,7,42: {problem}"
    )


def _is_seed(text: str) -> bool:
    digits = text.strip()  # of thousands of them `int` makes no number
    return digits.isdecimal() and len(digits) <= 10 and int(digits) <= _LARGEST_SEED


def train_repeatedly(
    parsed: argparse.Namespace,
    train: Callable[[list[str]], int],
    infer: Callable[[list[str]], int],
) -> int:
    """Train and evaluate each of several runs, and tell how their metrics spread.

    A run that has ended is not trained again, one that was interrupted goes on.

    Args:
        parsed: the arguments, see `add_repeats`.
        train: trains by `-m` and `-o`; returns the exit status.
        infer: evaluates likewise.

    Returns:
        The exit status of the first that failed, or 0.

    Raises:
        UserError: the config leaves nothing to measure by, or a run's results cannot be read.
    """
    from textzoo.config.loading import load_config
    from textzoo.files import from_here

    runner = load_config(parsed.config, parsed.override)[0].runner
    _check(runner, bool(parsed.folds))
    members = _folds(runner, parsed.folds) if parsed.folds else _runs(runner, parsed.seeds)
    evaluates = bool(parsed.folds or runner.left_out_fold or runner.test_data)
    for number, member in enumerate(members, 1):
        print(
            f"--- {member.name} ({number} of {len(members)}): {from_here(member.folder)}",
            flush=True,
        )
        overrides = [*parsed.override, *member.overrides]
        given = ["-m", str(parsed.config), "-o", *overrides]
        if status := train(given) or (infer(given) if evaluates else 0):
            return status
    if parsed.folds:
        _tell_folds(parsed, members)
    else:
        _tell_seeds(members, evaluates)
    return 0


def _check(runner: "Runner", by_folds: bool) -> None:
    key = "--folds" if by_folds else "--seeds"
    if os.environ.get("PADDLE_TRAINERS_NUM", "1") != "1":
        raise UserError(
            f"{key}: received a process of a launcher, expected one that starts the others itself, "
            "with runner.processes"
        )
    if runner.resume not in ("auto", "none"):
        raise UserError(
            f"{key}: received runner.resume={runner.resume}, expected auto or none: each run goes "
            "on in its own folder"
        )
    if by_folds and runner.left_out_fold:
        raise UserError(
            f"{key}: received runner.left_out_fold={runner.left_out_fold}, expected null: each "
            "fold is left out in turn"
        )
    if str(runner.test_data) == "-" and not by_folds:
        raise UserError(f"{key}: received standard input as test data, which is read several times")
    has_validation = runner.valid_data or runner.valid_fraction or not runner.epochs
    if not (by_folds or runner.left_out_fold or runner.test_data or has_validation):
        raise UserError(
            f"{key}: there are neither test nor validation rows to measure by: set "
            "runner.test_data_dir, or -o runner.valid_fraction=0.1"
        )


def _runs(runner: "Runner", seeds: Seeds) -> list[Member]:
    if isinstance(seeds, int):
        seeds = [*range(runner.seed, runner.seed + seeds)]
    if seeds[-1] > _LARGEST_SEED:
        raise UserError(f"--seeds: received {seeds[-1]}, expected at most {_LARGEST_SEED}")
    place = runner.model_save_path / "seeds"
    return [_member(f"seed-{seed}", place, runner, f"seed={seed}") for seed in seeds]


def _folds(runner: "Runner", n_folds: int) -> list[Member]:
    place = runner.model_save_path / f"folds-{n_folds}"
    return [
        _member(f"fold-{fold}", place, runner, f"left_out_fold={fold}/{n_folds}")
        for fold in range(1, n_folds + 1)
    ]


def _member(name: str, place: Path, runner: "Runner", override: str) -> Member:
    from textzoo.config.variables import without_variables

    folder = place / name
    path = json.dumps(without_variables(str(folder)), ensure_ascii=False)
    of_one_run = [f"{key}=null" for key in _OF_ONE_RUN]
    if isinstance(runner.infer_checkpoint, Path):
        of_one_run.append("infer_checkpoint=null")
    own = [override, f"model_save_path={path}", *of_one_run]
    return Member(name, folder, [f"runner.{setting}" for setting in own])


def _tell_seeds(members: list[Member], evaluates: bool) -> None:
    from textzoo.report.recorded import SEEDS
    from textzoo.training.run_log import best_metrics

    tables = {}
    validation = [best_metrics(member.folder) for member in members]
    if all(validation):
        tables["validation"] = _table(validation)
    if evaluates:
        tables["test"] = _table([_evaluated(member) for member in members])
    place = members[0].folder.parent
    _write(place / SEEDS, members, tables, {})
    _show(members, tables)
    _tell_end(place / SEEDS)


def _tell_folds(parsed: argparse.Namespace, members: list[Member]) -> None:
    from textzoo.config.loading import build_reader, load_config
    from textzoo.data.dataset import Dataset
    from textzoo.evaluation.out_of_fold import out_of_fold, write_joined
    from textzoo.evaluation.saved_results import SavedResults
    from textzoo.files import from_here
    from textzoo.inference.choosing import chosen_checkpoints
    from textzoo.report.recorded import FOLDS
    from textzoo.training.checkpoint import load_checkpoint

    config, folder = load_config(parsed.config, [*parsed.override, *members[0].overrides])
    vocabulary = load_checkpoint(chosen_checkpoints(config.runner)[-1]).vocabulary
    reader = build_reader(config, folder, vocabulary)
    dataset = Dataset(config, folder)
    fold_of = dataset.folds(dataset.rows("train", reader, vocabulary), len(members))
    results = [SavedResults.read(member.folder) for member in members]
    joined = out_of_fold(results)
    place = members[0].folder.parent
    write_joined(results, fold_of, joined, place / "infer")
    tables = {"folds": _table([_evaluated(member) for member in members])}
    _write(place / FOLDS, members, tables, {"rows": len(fold_of), "out_of_fold": joined})
    _show(members, tables, joined)
    print(f"{len(fold_of)} rows, each out of its fold: {from_here(place / 'infer')}")
    _tell_end(place / FOLDS)


def _tell_end(written: Path) -> None:
    from textzoo.files import from_here

    print(from_here(written))
    print(f"next: {command('report')} {shlex.quote(str(from_here(written.parent)))}")


def _evaluated(member: Member) -> dict[str, float]:
    """The metrics that infer.py wrote."""
    from textzoo.evaluation.result_files import METRICS
    from textzoo.files import read_json

    found = read_json(member.folder / "infer" / METRICS)
    if not isinstance(found, dict):
        raise UserError(f"{member.folder / 'infer' / METRICS}: received {shown(found)}")
    return found


def _table(runs: list[dict[str, float]]) -> Table:
    """How each metric that all runs have spreads."""
    from textzoo.metrics.names import family
    from textzoo.metrics.spread import Spread

    names = [name for name in runs[0] if family(name) or family(name, "levels")]
    return {
        name: Spread.of([run[name] for run in runs])
        for name in names
        if all(name in run for run in runs)
    }


def _write(path: Path, members: list[Member], tables: dict[str, Table], more: dict) -> None:
    from textzoo.files import write_text

    told = {
        "runs": [member.name for member in members],
        **more,
        **{
            kind: {name: spread._asdict() for name, spread in table.items()}
            for kind, table in tables.items()
        },
    }
    write_text(path, json.dumps(told, indent=1) + "\n")


def _show(
    members: list[Member], tables: dict[str, Table], joined: Optional[dict[str, float]] = None
) -> None:
    """Print each table, with a column for what all rows together give if there is that."""
    names = [name for table in tables.values() for name in table]
    width = max(map(len, [*names, *tables]))
    columns = [member.name for member in members]
    widths = [max(7, len(name)) for name in columns]
    for kind, table in tables.items():
        head = [f"{kind:{width}}", *(f"{n:>{w}}" for n, w in zip(columns, widths))]
        head += [f"{'mean':>7}", f"{'std':>7}", f"{'min to max':>16}"]
        print("  ".join(head + ["out of fold"] * (joined is not None)))
        for name, own in table.items():
            cells = [f"{value:{w}.4f}" for value, w in zip(own.values, widths)]
            cells += [f"{own.mean:7.4f}", f"{own.std:7.4f}", f"{own.min:.4f} to {own.max:.4f}"]
            if joined is not None:
                cells.append(f"{joined[name]:11.4f}" if name in joined else f"{'':11}")
            print("  ".join([f"{name:{width}}", *cells]).rstrip())
