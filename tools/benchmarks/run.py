"""Measure the zoo against other ways to do the same: python tools/benchmark.py TABLE."""

import argparse
import json
import math
import os
import platform
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

from benchmarks import costs as benchmark_costs
from benchmarks import encoders as benchmark_encoders
from benchmarks import index as benchmark_index
from benchmarks import inference as benchmark_inference
from benchmarks import runs as benchmark_runs
from benchmarks import serve as benchmark_serve
from benchmarks import tagspace as benchmark_tagspace
from benchmarks import xmlcnn as benchmark_xmlcnn
from benchmarks.printing import print_lines, print_table
from textzoo.devices import import_paddle, physical_cores
from textzoo.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


def tagspace(steps: int, peer_steps: int) -> dict[str, Any]:
    """Training steps of TagSpace against PaddleRec's formulation."""
    figures = benchmark_tagspace.against_conv1d(steps, peer_steps)
    ours, peer = figures["ours"], figures["peer"]
    print("TagSpace, PaddleRec's hyper-parameters, AG News, dynamic graph")
    print_table(
        ["formulation", "steps", "s/step (median)", "rows/s", "ratio"],
        [
            ["conv1d + max", peer_steps, f"{peer['seconds_per_step']:.3f}",
             f"{peer['rows_per_second']:.1f}", "1"],
            ["TextZoo", 2 * steps, f"{ours['seconds_per_step']:.4f}",
             f"{ours['rows_per_second']:.0f}", f"{figures['ratio']:.0f}"],
        ],
    )  # fmt: skip
    print(f"largest difference between their losses: {figures['largest_loss_difference']:.1e}")
    return figures


def rows(folder: Path, sizes: list[int]) -> dict[int, dict[str, float]]:
    """One epoch of a small TagSpace on generated files of different lengths."""
    figures = benchmark_tagspace.one_epoch(folder, sizes)
    print("TagSpace (64 filters of width 3), one epoch, generated rows of 12 words, empty cache")
    print_table(
        ["rows", "rows/s in training", "peak memory, MB", "without mapped files", "whole run, s"],
        [[f"{n:,}", *(f"{figures[n][key]:.0f}" for key in figures[n])] for n in sizes],
    )
    keys = ("total_seconds", "peak_own_megabytes")
    print_lines("rows", sizes, {key: [figures[n][key] for n in sizes] for key in keys})
    return figures


def xmlcnn(peer: Path, sizes: list[int], steps: int) -> list[dict[str, Any]]:
    """XML-CNN against the same net in PyTorch with dense targets, by number of labels."""
    print("XML-CNN, batches of 64 generated texts of 100 words, dynamic graph")
    return _label_table(benchmark_xmlcnn.against_torch(peer, sizes, steps))


def labels(sizes: list[int], steps: int) -> list[dict[str, Any]]:
    """XML-CNN with very many labels: full and sampled loss, top-5 inference."""
    print("XML-CNN, batches of 32 generated texts of 100 words, dynamic graph")
    figures = _label_table(benchmark_xmlcnn.full_and_sampled(sizes, steps))
    for way in dict.fromkeys(row["formulation"] for row in figures):
        rows = [row for row in figures if row["formulation"] == way]
        keys = ("seconds_per_step", "inference_seconds_per_step", "peak_megabytes")
        print_lines("labels", sizes, {f"{way}: {key}": [row[key] for row in rows] for key in keys})
    return figures


def serve(exported: Path, connections: list[int], requests: int) -> dict[str, Any]:
    """A served model under load from another process, and when there is too much of it."""
    figures = benchmark_serve.under_load(exported, connections, requests)
    overload = benchmark_serve.overloaded(exported, 2 * max(connections), requests)
    print(f"{exported}: {requests} requests of one text, in turn over each connection")
    print_table(
        ["connections", "room for texts", "answers/s", "p50, ms", "p99, ms", "statuses"],
        [
            [
                row["connections"],
                row.get("room", "enough"),
                f"{row['answers_per_second']:.0f}",
                f"{row['p50_ms']:.1f}",
                f"{row['p99_ms']:.1f}",
                ", ".join(f"{n} × {status}" for status, n in row["statuses"].items()),
            ]
            for row in [*figures, overload]
        ],
    )
    return {"load": figures, "overload": overload}


def _label_table(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    print_table(
        ["labels", "formulation", "s/step (median)", "top-5 inference, s/step", "peak memory, MB"],
        [
            [
                f"{row['labels']:,}",
                row["formulation"],
                f"{row['seconds_per_step']:.3f}",
                f"{row['inference_seconds_per_step']:.3f}",
                f"{row['peak_megabytes']:.0f}",
            ]
            for row in figures
        ],
    )
    return figures


def encoders(peer: Path, steps: int, seed: int) -> dict[str, Any]:
    """Training of transformers from random weights against PyTorch, on real texts."""
    figures = {}
    for table in (
        benchmark_encoders.batchneg,
        benchmark_encoders.hardestneg,
        benchmark_encoders.multilabel,
    ):
        print(table.__doc__)
        figures[table.__name__] = ways = table(peer, steps, seed)
        keys = list(next(iter(ways.values())))
        cells = [[name, *(f"{way[key]:.3f}" for key in keys)] for name, way in ways.items()]
        print_table(["", *keys], cells)
    return figures


def index(
    vectors: Optional[Path], sizes: list[int], queries: int, peer: Optional[Path], milvus: bool
) -> dict[str, Any]:
    """The index against hnswlib and faiss: build, queries per second, overlap with the exact 50."""
    import numpy as np

    sets = {str(vectors): np.load(vectors)} if vectors else {}
    sets.update({f"{n:,} generated": benchmark_index.generated_vectors(n, 256) for n in sizes})
    figures = {}
    for name, rows in sets.items():
        chosen = np.random.default_rng(0).choice(len(rows), queries, replace=False)
        figures[name] = ways = benchmark_index.compared(rows, rows[chosen], 50, peer, milvus)
        print(f"{name}: {rows.shape[0]:,} vectors of width {rows.shape[1]}, {queries} queries")
        print_table(
            ["", "build, s", "queries/s", "overlap"],
            [[way, *(f"{value:.4g}" for value in row.values())] for way, row in ways.items()],
        )
    return figures


def inference(
    model: Path, override: list[str], rows: int, peer: Optional[Path]
) -> dict[str, dict[str, float]]:
    """The engines that infer.py can compute with, on the rows of a config."""
    figures = benchmark_inference.engines(model, override, rows, peer)
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


def processes(model: Path, override: list[str], reports: int) -> dict[str, dict[str, Any]]:
    """Training with one process and with several, on the rows of a config."""
    cores = physical_cores()
    ways = {
        f"{n} process{'es' * (n > 1)}, {threads} thread{'s' * (threads > 1)}": (
            [*override, f"runner.processes={n}"],
            {"OMP_NUM_THREADS": str(threads)},
            reports,
        )
        for n, threads in ((1, 1), (1, cores), (cores, 1))
    }
    return _speeds(model, override, ways)


def settings(model: Path, override: list[str], reports: int, script: str) -> dict[str, Any]:
    """Training without each of the settings that TextZoo makes before it imports Paddle."""
    variables = {
        "all": {},
        "freed memory given back": {"GLIBC_TUNABLES": ""},
        "slices as views": {"FLAGS_use_stride_kernel": "1"},
        "MKL left to itself": {"MKL_DEBUG_CPU_TYPE": ""},
    }
    if script == "static_trainer.py":
        variables["operators in several threads"] = {"FLAGS_new_executor_serial_run": "0"}
    ways = {name: (override, each, reports, script) for name, each in variables.items()}
    return _speeds(model, override, ways)


def _speeds(
    model: Path, override: list[str], ways: dict[str, tuple[Any, ...]]
) -> dict[str, dict[str, Any]]:
    """Training speed by each of some ways, twice, there and back: arguments of `speed`."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for name in [*ways, *reversed(ways)]:
        runs[name].append(benchmark_runs.speed(model, *ways[name]))
    means = {
        name: {
            "rows_per_second": statistics.mean(run["rows_per_second"] for run in both),
            "peak_megabytes_of_a_process": both[0]["peak_megabytes_of_a_process"],
        }
        for name, both in runs.items()
    }
    print(f"{model} {' '.join(override)}: training, each way twice")
    first = next(iter(means.values()))["rows_per_second"]
    print_table(
        ["", "rows/s", "ratio", "peak memory of a process, MB"],
        [
            [
                name,
                f"{row['rows_per_second']:.0f}",
                f"{row['rows_per_second'] / first:.2f}",
                f"{row['peak_megabytes_of_a_process'] or math.nan:.0f}",
            ]
            for name, row in means.items()
        ],
    )
    return means


def reach(model: Path, override: list[str], metric: str, value: float) -> dict[str, Any]:
    """Seconds from the start of trainer.py, nothing cached, to a metric on validation rows."""
    figures = benchmark_runs.seconds_to_reach(model, override, metric, value)
    print(f"{model} {' '.join(override)}: {metric} {value}: {figures}")
    return figures


def fasttext(model: Path, peer: Path, epochs: list[int]) -> dict[str, dict[str, float]]:
    """A config of tagspace against fastText: seconds to an accuracy on test rows."""
    figures = benchmark_runs.against_fasttext(model, peer, epochs)
    print(f"{model} and fastText, words as they are")
    columns = ["training_seconds", "whole_command_seconds", "whole_command_seconds_cached"]
    print_table(
        ["", "accuracy", "training, s", "whole command, s", "again, s"],
        [
            [
                name,
                f"{row['accuracy']:.4f}",
                *(f"{row[key]:.2f}" if key in row else "" for key in columns),
            ]
            for name, row in figures.items()
        ],
    )
    return figures


def encoding(model: Path, override: list[str]) -> dict[str, dict[str, float]]:
    """Text to ids on the training files of a config."""
    figures = benchmark_costs.encoding(model, override)
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


def start(model: Path, override: list[str]) -> dict[str, float]:
    """From the start of trainer.py to the end of its first step."""
    figures = benchmark_costs.start(model, override)
    print(f"{model}: start of training")
    print_table(["", "seconds"], [[name, f"{value:.2f}"] for name, value in figures.items()])
    return figures


def lengths(model: Path, override: list[str], sizes: list[int], batch: int) -> dict[str, Any]:
    """A training step by the number of tokens of every text."""
    figures = benchmark_costs.lengths(model, override, sizes, batch)
    print(f"{model}: batches of {batch} generated texts, dynamic graph")
    keys = ("seconds_per_step", "inference_seconds_per_step")
    print_table(
        ["tokens", "s/step (median)", "inference, s/step"],
        [[n, *(f"{row[key]:.3f}" for key in keys)] for n, row in figures.items()],
    )
    columns = {key: [row[key] for row in figures.values()] for key in keys}
    print_lines("tokens", sizes, columns)
    return figures


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import numpy
    import paddle

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "threads": os.environ["OMP_NUM_THREADS"],
        "python": platform.python_version(),
        "paddlepaddle": paddle.__version__,
        "numpy": numpy.__version__,
    }


def main() -> int:
    """Print one table, and write it as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    tables = parser.add_subparsers(dest="table", required=True)
    parsers = {table: tables.add_parser(table.__name__, help=_summary(table)) for table in TABLES}
    for table_parser in parsers.values():
        table_parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parsers[tagspace].add_argument("--steps", type=int, default=100, help="steps of ours")
    parsers[tagspace].add_argument("--peer-steps", type=int, default=5, help="steps of the peer")
    parsers[rows].add_argument("--folder", type=Path, required=True, help="for generated files")
    parsers[rows].add_argument("--sizes", type=int, nargs="+", default=[100_000, 5_000_000])
    parsers[xmlcnn].add_argument("--peer", type=Path, required=True, help=_PEERS)
    parsers[encoders].add_argument("--peer", type=Path, required=True, help=_PEERS)
    parsers[encoders].add_argument("--steps", type=int, default=60)
    parsers[encoders].add_argument("--seed", type=int, default=1)
    parsers[serve].add_argument("--exported", type=Path, required=True, help="from export.py")
    parsers[serve].add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parsers[serve].add_argument("--requests", type=int, default=2000, help="of each row")
    parsers[index].add_argument("--vectors", type=Path, help="embeddings.npy of an index")
    parsers[index].add_argument("--sizes", type=int, nargs="*", default=[100_000])
    parsers[index].add_argument("--queries", type=int, default=1000)
    parsers[fasttext].add_argument(
        "-m", "--model", type=Path, default=ROOT / "models" / "tagspace" / "config_fast.yaml"
    )
    parsers[fasttext].add_argument("--peer", type=Path, required=True, help=_PEERS)
    parsers[fasttext].add_argument("--epochs", type=int, nargs="+", default=[3, 4, 5])
    parsers[lengths].add_argument("--sizes", type=int, nargs="+", default=[16, 32, 64, 128, 256])
    parsers[lengths].add_argument("--batch", type=int, default=32, help="texts")
    for table in (inference, processes, settings, reach, encoding, start, lengths):
        parsers[table].add_argument("-m", "--model", type=Path, required=True, help="a config")
        parsers[table].add_argument("-o", "--override", nargs="+", default=[], help="key=value")
    parsers[inference].add_argument("--rows", type=int, default=2000)
    parsers[inference].add_argument("--peer", type=Path, help=f"{_PEERS}, for encoders")
    for table in (processes, settings):
        parsers[table].add_argument("--reports", type=int, default=5, help="of speed, in each run")
    parsers[settings].add_argument("--script", default="trainer.py", help="or static_trainer.py")
    parsers[reach].add_argument("--metric", required=True)
    parsers[reach].add_argument("--value", type=float, required=True)
    parsers[index].add_argument("--peer", type=Path, help=f"{_PEERS}, for faiss")
    parsers[index].add_argument("--milvus", action="store_true", help="Milvus Lite as well")
    for table, sizes in ((xmlcnn, [90, 100_000]), (labels, [670_091])):
        parsers[table].add_argument("--sizes", type=int, nargs="+", default=sizes)
        parsers[table].add_argument("--steps", type=int, default=10)
    arguments = vars(parser.parse_args())
    name, path = arguments.pop("table"), arguments.pop("json")
    import_paddle()
    print("machine:", json.dumps(machine()))
    try:
        figures = {table.__name__: table for table in TABLES}[name](**arguments)
    except UserError as mistake:
        print(f"benchmark.py: {mistake}", file=sys.stderr)
        return 2
    if path:
        content = json.dumps({"machine": machine(), name: figures}, indent=1)
        path.write_text(content + "\n", encoding="utf-8")
    return 0


def _summary(table: Callable[..., dict[str, Any]]) -> str:
    return table.__doc__.splitlines()[0]


TABLES = [
    *(tagspace, rows, xmlcnn, labels, encoders, index, serve),
    *(inference, processes, settings, reach, fasttext, encoding, start, lengths),
]
_PEERS = "a Python with tools/benchmarks/peers/requirements.txt"

if __name__ == "__main__":
    sys.exit(main())
