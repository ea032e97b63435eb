"""One epoch of a small TagSpace on generated files of different lengths."""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import MODELS
from benchmarks.arguments import COUNT
from benchmarks.printing import print_lines, print_table
from benchmarks.watched_run import WatchedRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a folder, and for the numbers of rows."""
    parser.add_argument("--folder", type=Path, required=True, help="for generated files")
    parser.add_argument("--sizes", type=COUNT, nargs="+", default=[100_000, 5_000_000])


def table(folder: Path, sizes: list[int]) -> dict[int, dict[str, float]]:
    """Print and return speed, memory and seconds for each number of rows."""
    figures = one_epoch(folder, sizes)
    print("TagSpace (64 filters of width 3), one epoch, generated rows of 12 words, empty cache")
    print_table(
        ["rows", "rows/s in training", "peak memory, MB", "without mapped files", "whole run, s"],
        [[f"{n:,}", *(f"{figures[n][key]:.0f}" for key in figures[n])] for n in sizes],
    )
    keys = ("total_seconds", "peak_own_megabytes")
    print_lines("rows", sizes, {key: [figures[n][key] for n in sizes] for key in keys})
    return figures


def one_epoch(folder: Path, sizes: list[int]) -> dict[int, dict[str, float]]:
    """One epoch of a small TagSpace on generated files of different lengths.

    Each is a run of trainer.py with nothing in the cache. Speed and memory should not depend on
    the number of rows.
    """
    figures = {}
    for n_rows in sizes:
        place = folder / str(n_rows)
        place.mkdir(parents=True, exist_ok=True)
        _generate_rows(place / "train.tsv", n_rows)
        overrides = [
            f"runner.train_data_dir={place / 'train.tsv'}",
            *("runner.resume=none", "runner.valid_fraction=0", "runner.epochs=1"),
            *("runner.train_batch_size=256", "runner.print_interval=20"),
            *("hyper_parameters.hid_dim=64", "hyper_parameters.win_size=3"),
            "hyper_parameters.linear.features=none",
        ]
        with (
            tempfile.TemporaryDirectory(dir=place) as output,
            WatchedRun(MODELS / "tagspace" / "config.yaml", overrides, Path(output)) as run,
        ):
            speeds = [report["rows_per_second"] for report in run.reports("train")]
            total = time.perf_counter() - run.started
        figures[n_rows] = {
            "rows_per_second": statistics.median(speeds),
            "peak_megabytes": run.megabytes["VmHWM"],
            "peak_own_megabytes": run.megabytes["RssAnon"],
            "total_seconds": total,
        }
    return figures


def _generate_rows(path: Path, n_rows: int) -> None:
    """Rows of 12 words of 50,000, some of which hint at the row's tag."""
    if path.is_file():
        return
    random = np.random.default_rng(0)
    names = np.array([f"w{i}" for i in range(50_000)])
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, n_rows, 100_000):
            n = min(100_000, n_rows - first)
            tags = random.integers(20, size=n)
            words = (50_000 * random.random((n, 12)) ** 3).astype(int)  # low numbers are frequent
            words[:, :2] = (words[:, :2] // 20 * 20 + tags[:, None]) % 50_000
            file.writelines(
                f"tag{tag}\t{' '.join(row)}\n" for tag, row in zip(tags, names[words].tolist())
            )
