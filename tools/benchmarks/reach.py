"""Seconds from the start of trainer.py, nothing cached, to a metric on validation rows."""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.arguments import add_config
from benchmarks.watched_run import WatchedRun
from textzoo.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config, and for the value of a metric that is to be reached."""
    add_config(parser)
    parser.add_argument("--metric", required=True)
    parser.add_argument("--value", type=float, required=True)


def table(model: Path, override: list[str], metric: str, value: float) -> dict[str, Any]:
    """Print and return the seconds to this value of the metric."""
    figures = seconds_to_reach(model, override, metric, value)
    print(f"{model} {' '.join(override)}: {metric} {value}: {figures}")
    return figures


def seconds_to_reach(
    config: Path, overrides: list[str], metric: str, value: float
) -> dict[str, Any]:
    """Seconds from the start of trainer.py, with nothing in the cache, to a validation metric.

    Returns:
        `seconds` and the number of `steps`, None if it was not reached; `best`, the highest value.
    """
    best, found = 0.0, {"seconds": None, "steps": None}
    with (
        tempfile.TemporaryDirectory() as place,
        WatchedRun(config, overrides, Path(place)) as run,
    ):
        for report in run.reports("evaluation"):
            if metric not in report:
                raise UserError(f"{metric}: not among the metrics {', '.join(report)}")
            best = max(best, report[metric])
            if report[metric] >= value:
                seconds = time.perf_counter() - run.started
                found = {"seconds": seconds, "steps": report["step"]}
                break
    return {**found, "best": best}
