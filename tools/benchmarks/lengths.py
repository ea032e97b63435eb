"""A training step by the number of tokens of every text."""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arguments import COUNT, add_config
from benchmarks.printing import print_lines, print_table

_REPEATS = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config, and for the sizes of batches."""
    parser.add_argument("--sizes", type=COUNT, nargs="+", default=[16, 32, 64, 128, 256])
    parser.add_argument("--batch", type=COUNT, default=32, help="texts")
    add_config(parser)


def table(model: Path, override: list[str], sizes: list[int], batch: int) -> dict[int, Any]:
    """Print and return the seconds of a step for each number of tokens."""
    figures = seconds_by_length(model, override, sizes, batch)
    print(f"{model}: batches of {batch} generated texts, dynamic graph")
    keys = ("seconds_per_step", "inference_seconds_per_step")
    print_table(
        ["tokens", "s/step (median)", "inference, s/step"],
        [[n, *(f"{row[key]:.3f}" for key in keys)] for n, row in figures.items()],
    )
    columns = {key: [row[key] for row in figures.values()] for key in keys}
    print_lines("tokens", sizes, columns)
    return figures


def seconds_by_length(
    config: Path, overrides: list[str], sizes: list[int], batch: int
) -> dict[int, Any]:
    """Seconds of a training step and of inference by the number of tokens of every text."""
    from textzoo.config.loading import load_config
    from textzoo.data.dataset import Dataset
    from textzoo.running.building import build_run
    from textzoo.text.ragged import Ragged
    from textzoo.training.loop import seed_step

    figures = {}
    for size in sizes:
        loaded, folder = load_config(config, [*overrides, f"reader.max_len={size}"])
        data = Dataset(loaded, folder).for_training()
        run = build_run("dygraph", loaded, folder, data.reader, loaded.optimizer)
        model, rows = run.model, np.arange(batch)
        columns = dict(data.train_rows.columns)
        n_ids = int(columns[model.text_column].values.max()) + 1
        random = np.random.default_rng(0)
        # The label of a text's own may be a second text.
        names = [model.text_column, *([model.label_column] if model.kind == "embeddings" else [])]
        for name in names:
            columns[name] = Ragged.of(random.integers(1, n_ids, (batch, size)).tolist())
        columns["text"] = columns[model.text_column]
        feeds = model.train_feeds(columns, rows, seed_step(0, 0))
        texts = model.infer_feeds(columns, rows)
        figures[size] = {
            "seconds_per_step": _median(run.train_step, [feeds], 0.0),
            "inference_seconds_per_step": _median(run.infer_step, texts),
        }
    return figures


def _median(step: Callable, *arguments: Any) -> float:
    step(*arguments)  # warms up
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        step(*arguments)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
