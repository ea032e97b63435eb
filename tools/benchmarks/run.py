"""Measure the zoo against other ways to do the same: python tools/benchmark.py TABLE."""

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any, Optional

from benchmarks import (
    baselines,
    encoders,
    encoding,
    fasttext,
    index,
    inference,
    labels,
    large_indexes,
    latency,
    lengths,
    many_labels,
    processes,
    reach,
    rows,
    serve,
    settings,
    small_indexes,
    soak,
    start,
    suite,
    tagspace,
    xmlcnn,
)
from textzoo.devices import import_paddle
from textzoo.errors import UserError
from textzoo.files import check_output, write_lines

# Each is a file with what it measures as its docstring, `add_arguments`, and `table`, which takes
# these arguments, prints its figures and returns them.
TABLES = {
    table.__name__.rpartition(".")[2]: table
    for table in (
        *(tagspace, rows, xmlcnn, labels, encoders, index, serve, soak, latency),
        *(inference, processes, settings, reach, fasttext, encoding, start, lengths),
        *(baselines, many_labels, small_indexes, large_indexes),
    )
}
TABLES["all"] = suite


def main(arguments: Optional[list[str]] = None) -> int:
    """Print one table, and write it as JSON if asked to."""
    chosen = vars(argument_parser().parse_args(arguments))
    name, path = chosen.pop("table"), chosen.pop("json")
    import_paddle()
    print("machine:", json.dumps(machine()))
    try:
        if path:
            check_output(path, "--json")
        figures = TABLES[name].table(**chosen)
    except UserError as mistake:
        print(f"benchmark.py: {mistake}", file=sys.stderr)
        return 2
    if path:
        content = json.dumps({"machine": machine(), name: figures}, indent=1)
        write_lines(path, [content], "--json")
    return 0


def argument_parser() -> argparse.ArgumentParser:
    """The parser of the whole command: `table`, `json`, and what the table asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    tables = parser.add_subparsers(dest="table", required=True)
    for name, table in TABLES.items():
        table_parser = tables.add_parser(name, help=table.__doc__)
        table_parser.add_argument("--json", type=Path, help="also write the figures to this file")
        table.add_arguments(table_parser)
    return parser


def _processor() -> str:
    """Its name, and how many cores may be used."""
    from textzoo.devices import usable_cores

    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
    except OSError:  # no Linux
        pass
    return f"{name}, {usable_cores()} cores"


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import numpy
    import paddle

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "threads": os.environ["OMP_NUM_THREADS"],
        "python": platform.python_version(),
        "paddlepaddle": paddle.__version__,
        "numpy": numpy.__version__,
    }
