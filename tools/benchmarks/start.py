"""From the start of trainer.py to the end of its first step."""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.arguments import add_config
from benchmarks.printing import print_table
from benchmarks.watched_run import WatchedRun

_REPEATS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config."""
    add_config(parser)


def table(model: Path, override: list[str]) -> dict[str, float]:
    """Print and return the seconds with nothing cached and with text encoded before."""
    figures = seconds_to_first_step(model, override)
    print(f"{model}: start of training")
    print_table(["", "seconds"], [[name, f"{value:.2f}"] for name, value in figures.items()])
    return figures


def seconds_to_first_step(config: Path, overrides: list[str]) -> dict[str, float]:
    """Seconds from the start of trainer.py to the end of its first step, medians of three."""
    figures: dict[str, list[float]] = {"nothing cached": [], "text encoded before": []}
    for _ in range(_REPEATS):
        with tempfile.TemporaryDirectory() as place:
            for seconds in figures.values():
                settings = [*overrides, "runner.print_interval=1", "runner.resume=none"]
                with WatchedRun(config, settings, Path(place)) as run:
                    next(run.reports("train"))
                    seconds.append(time.perf_counter() - run.started)
                (Path(place) / "metrics.jsonl").unlink()
    return {name: statistics.median(seconds) for name, seconds in figures.items()}
