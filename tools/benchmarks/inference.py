"""The engines that infer.py can compute with, on the rows of a config."""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any, Optional

import numpy as np

from benchmarks.arguments import COUNT, PEER, add_config
from benchmarks.peer_processes import run_peer, transformers_sizes
from benchmarks.printing import print_table

_REPEATS = 5
Outputs = dict[str, np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config, for the number of rows, and for a peer."""
    add_config(parser)
    parser.add_argument("--rows", type=COUNT, default=2000)
    parser.add_argument("--peer", type=Path, help=f"{PEER}, for encoders")


def table(
    model: Path, override: list[str], rows: int, peer: Optional[Path]
) -> dict[str, dict[str, float]]:
    """Print and return the speed of each engine, and how far its outputs are off."""
    figures = engines(model, override, rows, peer)
    print(f"{model}: inference, a new run's weights")
    slowest = figures["dygraph"]["rows_per_second"]
    print_table(
        ["engine", "rows/s", "ratio", "largest difference"],
        [
            [
                name,
                f"{row['rows_per_second']:.0f}",
                f"{row['rows_per_second'] / slowest:.2f}",
                f"{row['largest_difference']:.1e}" if "largest_difference" in row else "",
            ]
            for name, row in figures.items()
        ],
    )
    return figures


def engines(
    config: Path, overrides: list[str], n_rows: int, peer: Optional[Path]
) -> dict[str, dict[str, float]]:
    """Rows per second of each engine, and how far its outputs are from those of dynamic graph.

    Args:
        config: of the model; its weights are those of a new run.
        overrides: of the config's keys.
        n_rows: how many training rows to score, in batches of similar length.
        peer: the Python of an environment with PyTorch, to embed the same batches; for models with
            an encoder of tokens.
    """
    from textzoo.config.loading import load_config, net_arguments
    from textzoo.data.batching import inference_pools
    from textzoo.data.dataset import Dataset
    from textzoo.running.building import build_run, initialise
    from textzoo.running.predictor import Predictor, supports_bfloat16

    loaded, folder = load_config(config, overrides)
    data = Dataset(loaded, folder).for_training()
    columns = dict(data.train_rows.columns)
    if "query" in columns:  # what a reader of pairs calls a text without its pair
        columns["text"] = columns["query"]
    dygraph = build_run("dygraph", loaded, folder, data.reader)
    initialise(dygraph, loaded, data.reader)
    static = build_run("static", loaded, folder, data.reader)
    static.set_parameters(dygraph.parameters())
    rows = np.arange(min(n_rows, len(data.train_rows)))
    lengths = columns[dygraph.model.text_column].lengths(rows)
    batches = [
        dygraph.model.infer_feeds(columns, batch)
        for pool in inference_pools(lengths, loaded.runner.infer_batch_size)
        for batch in pool
    ]
    runs = {
        "dygraph": dygraph,
        "static": static,
        "predictor": Predictor(static),
        "predictor, int8": Predictor(static, "int8"),
    }
    if supports_bfloat16():
        runs["predictor, bfloat16"] = Predictor(static, "bfloat16")
    expected = [dygraph.infer_step(feeds) for feeds in batches]
    differences = {  # which also warms up
        name: _largest_difference(expected, [run.infer_step(feeds) for feeds in batches])
        for name, run in runs.items()
    }
    seconds = _median_seconds(runs, batches)
    figures = {
        name: {
            "largest_difference": differences[name],
            "rows_per_second": len(rows) / seconds[name],
        }
        for name in runs
    }
    if peer:
        vocab_size = net_arguments(loaded, data.reader)["vocab_size"]
        speeds = run_peer(peer, "inference.py", _facts(dygraph.net.encoder, vocab_size, batches))
        figures.update({f"PyTorch, {k}": {"rows_per_second": v} for k, v in speeds.items()})
    return figures


def _largest_difference(expected: list[Outputs], outputs: list[Outputs]) -> float:
    return max(
        float(np.abs(values - wanted[key]).max())
        for output, wanted in zip(outputs, expected)
        for key, values in output.items()
        if values.dtype == np.float32
    )


def _median_seconds(runs: dict[str, Any], batches: list[dict[str, Any]]) -> dict[str, float]:
    """Of each run for all batches."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(_REPEATS):  # in turn, so that a slow minute of the machine is shared
        for name, run in runs.items():
            started = time.perf_counter()
            for feeds in batches:
                run.infer_step(feeds)
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(each) for name, each in seconds.items()}


def _facts(encoder: Any, vocab_size: int, batches: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "repeats": _REPEATS,
        "vocab_size": vocab_size,
        "sizes": transformers_sizes(encoder.architecture),
        "batches": [
            [row[:n].tolist() for row, n in zip(batch["tokens"], batch["lengths"])]
            for batch in batches
        ],
    }
