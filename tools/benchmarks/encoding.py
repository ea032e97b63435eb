"""Text to ids on the training files of a config."""

import argparse
import statistics
import time
from pathlib import Path

from benchmarks.arguments import add_config
from benchmarks.printing import print_table

_CHUNK_SECONDS = 5.0  # text by text: as many rows as this takes
_REPEATS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config."""
    add_config(parser)


def table(model: Path, override: list[str]) -> dict[str, dict[str, float]]:
    """Print and return the rows per second of each way to encode."""
    figures = rows_per_second(model, override)
    print(f"{model}: encoding text")
    slowest = figures["line by line"]["rows_per_second"]
    print_table(
        ["", "rows/s", "ratio"],
        [
            [name, f"{row['rows_per_second']:.0f}", f"{row['rows_per_second'] / slowest:.1f}"]
            for name, row in figures.items()
        ],
    )
    return figures


def rows_per_second(config: Path, overrides: list[str]) -> dict[str, dict[str, float]]:
    """Rows per second from text to ids: line by line in Python, many at a time, on all cores."""
    from textzoo.config.loading import build_reader, load_config
    from textzoo.data.dataset import Dataset
    from textzoo.data.encoding import encoded_parts
    from textzoo.devices import usable_cores
    from textzoo.text.records import layout_of, read_rows

    loaded, folder = load_config(config, overrides)
    dataset = Dataset(loaded, folder)
    files = dataset.files("train")
    reader = build_reader(loaded, folder, dataset.vocabulary())

    started, n_rows = time.perf_counter(), 0
    for path in files:
        for line in read_rows(layout_of(path, reader), path):
            reader.encode(line.text, True)
            n_rows += 1
            if time.perf_counter() - started > _CHUNK_SECONDS:
                break
    speeds = {"line by line": n_rows / (time.perf_counter() - started)}
    for workers in dict.fromkeys((1, usable_cores())):
        seconds = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            n_rows = sum(
                len(part.places) for part in encoded_parts(files, reader, True, "error", workers)
            )
            seconds.append(time.perf_counter() - started)
        name = f"many lines at a time, {workers} process{'es' * (workers > 1)}"
        speeds[name] = n_rows / statistics.median(seconds)
    return {name: {"rows_per_second": speed} for name, speed in speeds.items()}
