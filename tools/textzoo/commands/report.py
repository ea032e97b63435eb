"""Training runs as one HTML file: report.py."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from textzoo.called import program
from textzoo.commands.cli import guarded


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Training runs as one HTML file."""
    name = program("report")
    parser = argparse.ArgumentParser(
        prog=name,
        description="Write what training runs have left as one HTML file; of several runs, "
        "compare them.",
    )
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="RUN_DIR",
        help="runner.model_save_path of a run, or the folder of a study of tune.py",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="default: report.html in RUN_DIR; of several runs, comparison.html in the first one",
    )
    parsed = parser.parse_args(arguments)

    def run() -> None:
        from textzoo.report.page import report

        report(parsed.folders, parsed.output)

    return guarded(name, run)
