"""How long an exported model takes for one text, in process, by the engine."""

import argparse
import itertools
import time
from pathlib import Path

import numpy as np

from benchmarks.arguments import COUNT
from benchmarks.printing import print_table
from textzoo.running.engines import is_installed
from textzoo.serving import Encoder, Tagger
from textzoo.serving.manifest import read_manifest

_WARMING = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for an exported model, and for how many texts to wait."""
    parser.add_argument("--exported", type=Path, required=True, help="from export.py")
    parser.add_argument("--requests", type=COUNT, default=500, help="of one text, by each engine")
    parser.add_argument("--trust-code", action="store_true", help="as serve.py takes it")


def table(exported: Path, requests: int, trust_code: bool) -> dict[str, dict[str, float]]:
    """Print and return the milliseconds from a text to its answer, encoding included."""
    figures = one_by_one(exported, requests, trust_code)
    print(f"{exported}: {requests} texts, one after the other")
    print_table(
        ["engine", "p50, ms", "p99, ms"],
        [[name, f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}"] for name, row in figures.items()],
    )
    return figures


def one_by_one(folder: Path, n_texts: int, trust_code: bool) -> dict[str, dict[str, float]]:
    """The median and the 99th percentile of each engine whose format the folder holds."""
    manifest = read_manifest(folder)
    asked = {}
    for name in filter(is_installed, manifest.formats):
        if manifest.kind == "embeddings":
            asked[name] = Encoder.load(folder, name, trust_code).encode
        else:
            asked[name] = Tagger.load(folder, name, trust_code).predict
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for text in itertools.islice(itertools.cycle(manifest.examples), _WARMING + n_texts):
        for name, ask in asked.items():  # in turn, so that a slow minute is shared
            started = time.perf_counter()
            ask([text])
            seconds[name].append(time.perf_counter() - started)
    figures = {}
    for name, each in seconds.items():
        p50, p99 = np.percentile(each[_WARMING:], [50, 99])
        figures[name] = {"p50_ms": 1000 * float(p50), "p99_ms": 1000 * float(p99)}
    return figures
