"""Tables of benchmark.py of what a step costs: encoding text, starting, longer texts."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.watched_run import WatchedRun

_CHUNK_SECONDS = 5.0  # text by text: as many rows as this takes
_REPEATS = 3


def encoding(config: Path, overrides: list[str]) -> dict[str, dict[str, float]]:
    """Rows per second from text to ids: line by line in Python, many at a time, on all cores."""
    from textzoo.config.loading import build_reader, load_config
    from textzoo.data.cache import Cache, fitted_vocabulary, reader_identity
    from textzoo.data.encoding import encoded_parts
    from textzoo.data.input_files import input_files
    from textzoo.devices import usable_cores
    from textzoo.text.lines import read_lines

    loaded, folder = load_config(config, overrides)
    cache = Cache(loaded.runner.cache_dir, "error")
    files = input_files(loaded.runner.train_data_dir, "runner.train_data_dir", cache)
    identity = reader_identity(folder.reader, loaded.reader)
    vocabulary = fitted_vocabulary(files, build_reader(loaded, folder), {}, identity, cache)
    reader = build_reader(loaded, folder, vocabulary)

    started, n_rows = time.perf_counter(), 0
    for path in files:
        for line in read_lines(path):
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


def start(config: Path, overrides: list[str]) -> dict[str, float]:
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


def lengths(config: Path, overrides: list[str], sizes: list[int], batch: int) -> dict[int, Any]:
    """Seconds of a training step and of inference by the number of tokens of every text."""
    from textzoo.config.loading import load_config, net_arguments
    from textzoo.data.dataset import load_data
    from textzoo.running.building import build_run
    from textzoo.text.ragged import Column
    from textzoo.training.loop import seed_step

    figures = {}
    for size in sizes:
        loaded, folder = load_config(config, [*overrides, f"reader.max_len={size}"])
        data = load_data(loaded, folder, None)
        run = build_run(
            "dygraph", loaded, folder, net_arguments(loaded, data.reader), loaded.optimizer
        )
        model, rows = run.model, np.arange(batch)
        columns = dict(data.train_rows.columns)
        n_ids = int(columns[model.columns[0]].values.max()) + 1
        random = np.random.default_rng(0)
        for name in model.columns:
            if name in ("words", "tokens", "query", "title"):
                ids = random.integers(1, n_ids, (batch, size)).tolist()
                columns[name] = Column.of(ids)
        columns["text"] = columns[model.columns[0]]
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
    for _ in range(2 * _REPEATS):
        started = time.perf_counter()
        step(*arguments)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
