"""Training with one process and with several, on the rows of a config."""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.arguments import COUNT, add_config
from benchmarks.training_speed import Way, compare
from textzoo.devices import physical_cores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config, and how long to watch each run."""
    add_config(parser)
    parser.add_argument("--reports", type=COUNT, default=5, help="of speed, in each run")


def table(model: Path, override: list[str], reports: int) -> dict[str, dict[str, Any]]:
    """Print and return the speed of one thread, of all cores' threads, and of as many processes."""
    cores = physical_cores()
    ways = {
        f"{n} process{'es' * (n > 1)}, {threads} thread{'s' * (threads > 1)}": Way(
            [f"runner.processes={n}"], {"OMP_NUM_THREADS": str(threads)}
        )
        for n, threads in ((1, 1), (1, cores), (cores, 1))
    }
    return compare(model, override, reports, ways)
