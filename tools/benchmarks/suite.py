"""The tables of doc/benchmarks.md, measured on one machine: python tools/benchmark.py all."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np

from benchmarks import MODELS, TOOLS
from benchmarks.arguments import COUNT, PEER
from benchmarks.printing import markdown_table
from textzoo.commands.arguments import number_within
from textzoo.errors import UserError
from textzoo.files import read_json, write_text

_SPEEDS = ("rows_per_second", "queries_per_second", "texts_per_second")  # the more the better
_COSTS = ("seconds_per_step", "seconds", "total_seconds")  # the fewer the better
_NAMING = ("labels",)  # numbers that name a row
_TIMES = "times as fast"


class Job(NamedTuple):
    """A table to measure.

    Attributes:
        table: its name.
        arguments: of `benchmark.py`; `PEER` stands for the Python of the peers.
        rounds: how often it is measured, unless the command says: in turn with the others.
        compares: whether its rows are ways to do the same, of which the first one is what the
            others are compared with.
    """

    table: str
    arguments: Sequence[str] = ()
    rounds: int = 3
    compares: bool = True

    @property
    def needs_peer(self) -> bool:
        """Whether it cannot be measured without the peers."""
        return "PEER" in self.arguments


def _of(model: str, config: str = "config_bigdata.yaml", *overrides: str) -> list[str]:
    """A config of a model, with overrides."""
    return ["-m", str(MODELS / model / config), *(["-o", *overrides] if overrides else [])]


_SMALL = "hyper_parameters.encoder.config=small"
JOBS = {
    "tagspace": Job("tagspace"),
    "xmlcnn": Job("xmlcnn", ["--peer", "PEER"]),
    "encoders": Job("encoders", ["--peer", "PEER", "--steps", "20"]),
    "inference_tagspace": Job("inference", _of("tagspace")),
    "inference_xmlcnn": Job("inference", _of("xmlcnn", "config_reuters.yaml")),
    "inference_multilabel": Job("inference", _of("multilabel")),
    "inference_batchneg": Job(
        "inference", [*_of("batchneg", "config_transformer.yaml", _SMALL), "--peer", "PEER"]
    ),
    "processes_tagspace": Job("processes", _of("tagspace", "config_paddlerec.yaml"), 1),
    "processes_batchneg": Job(
        "processes",
        _of("batchneg", "config_transformer.yaml", _SMALL, "runner.print_interval=2"),
        1,
    ),
    "processes_multilabel": Job(
        "processes", _of("multilabel", "config_bigdata.yaml", "runner.print_interval=5"), 1
    ),
    "settings": Job(
        "settings", _of("batchneg", "config_bigdata.yaml", "runner.print_interval=3"), 1
    ),
    "start": Job("start", _of("tagspace"), compares=False),
    "lengths": Job("lengths", _of("multilabel", "config.yaml"), compares=False),
    "index": Job("index", ["--sizes", "100000", "--peer", "PEER"], 1),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a peer, for a folder, how often, and for what."""
    parser.add_argument("--peer", type=Path, help=f"{PEER}; without it, what needs it is left out")
    parser.add_argument(
        "--folder",
        type=Path,
        required=True,
        help="where the figures of each round are kept, and tables and medians written; what is "
        "there is not measured again",
    )
    parser.add_argument("--rounds", type=number_within(int, 1, 100), help="of each table")
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS), metavar="NAME")
    parser.add_argument("--threads", type=COUNT, help="default: one a core")


def table(
    peer: Optional[Path],
    folder: Path,
    rounds: Optional[int],
    only: list[str],
    threads: Optional[int],
) -> dict[str, Any]:
    """Measure what has not been measured, write the tables, and return their medians.

    Raises:
        UserError: some could not be measured; or what an earlier call has left is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = {name: JOBS[name] for name in only if peer or not JOBS[name].needs_peer}
    for name in (name for name in only if name not in jobs):
        print(f"{name}: left out: needs --peer")
    failed: dict[str, str] = {}
    for number in range(1, 1 + max((rounds or job.rounds for job in jobs.values()), default=0)):
        for name, job in jobs.items():
            path = folder / f"{name}-{number}.json"
            if number <= (rounds or job.rounds) and not path.exists() and name not in failed:
                began = time.monotonic()
                failed.update(_measure(name, job, path, peer, threads))
                print(f"{path.stem}: {time.monotonic() - began:.0f} s", flush=True)
    found, texts = {}, []
    for name, job in jobs.items():
        if measured := _rounds(folder, name):
            if any(content["machine"] != measured[0]["machine"] for content in measured):
                failed[name] = (
                    f"its rounds in {folder} were measured in different ways: remove them"
                )
                continue
            figures = [content[job.table] for content in measured]
            found[name] = medians(figures)
            content = {"machine": measured[0]["machine"], name: found[name]}
            write_text(folder / f"{name}.json", json.dumps(content, indent=1) + "\n")
            texts.append(f"<!-- {name} -->\n\n{rendered(figures, job.compares)}\n")
    write_text(folder / "tables.md", "\n".join(texts))
    print(folder / "tables.md")
    if failed:
        told = "\n  ".join(f"{name}: {why}" for name, why in failed.items())
        raise UserError(f"{len(failed)} table(s) could not be measured:\n  {told}")
    return found


def _measure(
    name: str, job: Job, path: Path, peer: Optional[Path], threads: Optional[int]
) -> dict[str, str]:
    """Measure a table in a process of its own; its name with what went wrong, if it failed."""
    given = [str(peer) if argument == "PEER" else argument for argument in job.arguments]
    part = path.with_suffix(".part")
    command = [sys.executable, str(TOOLS / "benchmark.py"), job.table, *given, "--json", str(part)]
    variables = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        return {name: (done.stderr.strip().splitlines() or ["no output"])[-1]}
    part.replace(path)
    return {}


def _rounds(folder: Path, name: str) -> list[dict[str, Any]]:
    """What was written of each round."""
    paths = sorted(
        folder.glob(f"{name}-*.json"), key=lambda path: int(path.stem.rpartition("-")[2])
    )
    found = []
    for path in paths:
        try:
            content = read_json(path)
            found.append({key: content[key] for key in ("machine", JOBS[name].table)})
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(f"{path}: is damaged; remove it, to have it measured again") from None
    return found


def records(figures: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict]]:
    """What a table returned, as rows: what names each, and its numbers.

    Args:
        figures: numbers by name, however deep in blocks and lists; a text in a block names it, and
            numbers that have no name are of the table as a whole and left out.
        names: of the blocks around.
    """
    if isinstance(figures, list):
        for each in figures:
            yield from records(each, names)
        return
    own = tuple(
        str(value) for key, value in figures.items() if isinstance(value, str) or key in _NAMING
    )
    numbers = {
        key: value
        for key, value in figures.items()
        if type(value) in (int, float) and key not in _NAMING
    }
    if numbers and (names or own):
        yield (*names, *own), numbers
    for key, value in figures.items():
        if isinstance(value, (dict, list)):
            yield from records(value, (*names, *own, key))


def medians(rounds: Sequence[Any]) -> Any:
    """Figures of the form of each round, each number the median of theirs."""
    first = rounds[0]
    if isinstance(first, dict):
        return {key: medians([each[key] for each in rounds if key in each]) for key in first}
    if isinstance(first, list):
        return [medians(each) for each in zip(*rounds)]
    return float(np.median(rounds)) if type(first) in (int, float) else first


def rendered(rounds: Sequence[Any], compares: bool = True) -> str:
    """A table of Markdown: medians, the least and the greatest, and ratios to the first way.

    A ratio is of the same round. The first way is the first row among those whose names have the
    same beginning.

    Args:
        rounds: what the table returned in each.
        compares: whether there are ratios.
    """
    by_round = [dict(records(figures)) for figures in rounds]
    rows = by_round[0]
    figures = list(dict.fromkeys(key for numbers in rows.values() for key in numbers))
    speed = next((key for key in (*_SPEEDS, *_COSTS) if compares and key in figures), None)
    depth = max(map(len, rows))
    cells = []
    for names, numbers in rows.items():
        told = [_spread([each[names][key] for each in by_round]) if key in numbers else ""
                for key in figures]  # fmt: skip
        if speed:
            first = next(name for name in rows if name[:-1] == names[:-1])
            told.append(_ratio(by_round, names, first, speed))
        cells.append([*names, *[""] * (depth - len(names)), *told])
    header = [*[""] * depth, *(key.replace("_", " ") for key in figures)]
    return markdown_table([*header, *([_TIMES] if speed else [])], cells)


def _ratio(
    by_round: Sequence[dict], names: tuple[str, ...], first: tuple[str, ...], speed: str
) -> str:
    if names == first or any(
        speed not in each[names] or not each[names][speed] for each in by_round
    ):
        return ""
    ratios = [each[names][speed] / each[first][speed] for each in by_round]
    return _spread([1 / ratio if speed in _COSTS else ratio for ratio in ratios])


def _spread(values: Sequence[float]) -> str:
    """The median; of several values with the least and the greatest."""
    middle = f"{np.median(values):,.4g}"
    if len(values) == 1 or min(values) == max(values):
        return middle
    return f"{middle} ({min(values):,.4g} to {max(values):,.4g})"
