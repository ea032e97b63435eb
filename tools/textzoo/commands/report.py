"""Training runs as one HTML file: report.py."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from textzoo.called import program
from textzoo.commands.arguments import number_within
from textzoo.commands.cli import guarded

_PORT = 8001  # serve has the one before


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
        help=f"runner.model_save_path of a run, the folder of a study of {program('tune')}, or of "
        "the runs of --seeds or --folds",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="default: report.html in RUN_DIR; of several runs, comparison.html in the first one",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="serve the report on this machine instead, while the runs go on: the page follows "
        "them; a run that has not begun is waited for",
    )
    parser.add_argument(
        "--port",
        type=number_within(int, 0, 65_535),
        metavar="N",
        help=f"of --watch; 0: any free one; default: {_PORT}",
    )
    parsed = parser.parse_args(arguments)
    if parsed.watch and parsed.output:
        parser.error("--output: is not written with --watch")
    if parsed.port is not None and not parsed.watch:
        parser.error("--port: is for --watch")

    def run() -> None:
        if parsed.watch:
            from textzoo.report.watching import watch

            watch(parsed.folders, _PORT if parsed.port is None else parsed.port)
            return
        from textzoo.report.page import report

        report(parsed.folders, parsed.output)

    return guarded(name, run)
