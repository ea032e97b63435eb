"""Table of benchmark.py: the same batches through every engine, and through PyTorch."""

import os
import statistics
import time
from pathlib import Path
from typing import Any, Optional

import numpy as np

from benchmarks.encoders import sizes
from benchmarks.peer_processes import run_peer

_REPEATS = 5


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
    from textzoo.data.dataset import load_data
    from textzoo.running.building import build_run, initialise
    from textzoo.running.predictor import Predictor

    config, folder = load_config(config, overrides)
    data = load_data(config, folder, None)
    arguments = net_arguments(config, data.reader)
    columns = dict(data.train_rows.columns)
    if "query" in columns:  # what a reader of pairs calls a text without its pair
        columns["text"] = columns["query"]
    dygraph = build_run("dygraph", config, folder, arguments)
    initialise(dygraph, config, data.reader)
    static = build_run("static", config, folder, arguments)
    static.set_parameters(dygraph.parameters())
    rows = np.arange(min(n_rows, len(data.train_rows)))
    lengths = columns[dygraph.model.columns[0]].lengths(rows)
    batches = [
        dygraph.model.infer_feeds(columns, batch)
        for pool in inference_pools(lengths, config.runner.infer_batch_size)
        for batch in pool
    ]
    runs = {
        "dygraph": dygraph,
        "static": static,
        "predictor": Predictor(static),
        "predictor, bfloat16": Predictor(static, "bfloat16"),
        "predictor, int8": Predictor(static, "int8"),
    }
    expected = [dygraph.infer_step(feeds) for feeds in batches]
    figures, seconds = {}, {name: [] for name in runs}
    for name, run in runs.items():
        outputs = [run.infer_step(feeds) for feeds in batches]  # warms up
        figures[name] = {
            "largest_difference": max(
                float(np.abs(values - wanted[key]).max())
                for output, wanted in zip(outputs, expected)
                for key, values in output.items()
                if values.dtype == np.float32
            )
        }
    for _ in range(_REPEATS):  # in turn, so that a slow minute of the machine is shared
        for name, run in runs.items():
            started = time.perf_counter()
            for feeds in batches:
                run.infer_step(feeds)
            seconds[name].append(time.perf_counter() - started)
    for name, row in figures.items():
        row["rows_per_second"] = len(rows) / statistics.median(seconds[name])
    if peer:
        speeds = run_peer(peer, "inference.py", _facts(dygraph.net.encoder, batches, arguments))
        figures.update({f"PyTorch, {k}": {"rows_per_second": v} for k, v in speeds.items()})
    return figures


def _facts(encoder: Any, batches: list[dict[str, Any]], arguments: dict[str, Any]) -> dict:
    return {
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "repeats": _REPEATS,
        "vocab_size": arguments["vocab_size"],
        "sizes": sizes(encoder.architecture),
        "batches": [
            [row[:n].tolist() for row, n in zip(batch["tokens"], batch["lengths"])]
            for batch in batches
        ],
    }
