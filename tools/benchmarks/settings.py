"""Training without each of the settings that TextZoo makes before it imports Paddle."""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.arguments import COUNT, add_config
from benchmarks.training_speed import Way, compare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config, how long to watch each run, and which script to run."""
    add_config(parser)
    parser.add_argument("--reports", type=COUNT, default=5, help="of speed, in each run")
    parser.add_argument("--script", default="trainer.py", help="or static_trainer.py")


def table(model: Path, override: list[str], reports: int, script: str) -> dict[str, dict[str, Any]]:
    """Print and return the speed with all settings, and without each of them."""
    variables = {
        "all": {},
        "freed memory given back": {"GLIBC_TUNABLES": ""},
        "slices as views": {"FLAGS_use_stride_kernel": "1"},
        "MKL left to itself": {"MKL_DEBUG_CPU_TYPE": ""},
    }
    if script == "static_trainer.py":
        variables["operators in several threads"] = {"FLAGS_new_executor_serial_run": "0"}
    ways = {name: Way([], each, script) for name, each in variables.items()}
    return compare(model, override, reports, ways)
