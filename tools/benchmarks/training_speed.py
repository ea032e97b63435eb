"""Training speed of a config by several ways to run it, as trainer.py reports it."""

import math
import statistics
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.printing import print_table
from benchmarks.watched_run import WatchedRun
from textzoo.errors import UserError

_WARM_UP = 2  # reports of speed that are left out


class Way(NamedTuple):
    """One way to train: overrides of the config, variables of the environment, the script."""

    overrides: list[str]
    variables: dict[str, str]
    script: str = "trainer.py"


def compare(
    model: Path, override: list[str], reports: int, ways: dict[str, Way]
) -> dict[str, dict[str, Any]]:
    """Print and return the speed by each way, trained twice, there and back.

    Args:
        model: a config.
        override: of its keys, in every way.
        reports: how many reports of speed, each run's median of which counts.
        ways: by their names; the first is what the others are compared with.
    """
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for name in [*ways, *reversed(ways)]:
        runs[name].append(_speed(model, override, reports, ways[name]))
    means = {
        name: {
            "rows_per_second": statistics.mean(run["rows_per_second"] for run in both),
            "peak_megabytes_of_a_process": both[0]["peak_megabytes_of_a_process"],
        }
        for name, both in runs.items()
    }
    print(f"{model} {' '.join(override)}: training, each way twice")
    first = next(iter(means.values()))["rows_per_second"]
    print_table(
        ["", "rows/s", "ratio", "peak memory of a process, MB"],
        [
            [
                name,
                f"{row['rows_per_second']:.0f}",
                f"{row['rows_per_second'] / first:.2f}",
                f"{row['peak_megabytes_of_a_process'] or math.nan:.0f}",
            ]
            for name, row in means.items()
        ],
    )
    return means


def _speed(config: Path, override: list[str], n_reports: int, way: Way) -> dict[str, Any]:
    """Training rows per second, the median of so many reports, and memory."""
    overrides = [*override, *way.overrides, "runner.resume=none"]
    speeds: list[float] = []
    with (
        tempfile.TemporaryDirectory() as place,
        WatchedRun(config, overrides, Path(place), way.variables, way.script) as run,
    ):
        for report in run.reports("train"):
            speeds.append(report["rows_per_second"])
            if len(speeds) == _WARM_UP + n_reports:
                break
    if len(speeds) <= _WARM_UP:
        raise UserError(f"{config}: {len(speeds)} report(s) of speed: lower runner.print_interval")
    return {
        "rows_per_second": statistics.median(speeds[_WARM_UP:]),
        "peak_megabytes_of_a_process": run.megabytes["VmHWM"] or None,
    }
