"""Indexes of many vectors: lists and codes of faiss beside a graph and 8 bits.

Time is that of processors: it changes little with what else a machine does.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Optional

import numpy as np
import pydantic

from benchmarks.arguments import COUNT
from benchmarks.index import check_enough, generated_vectors, read_vectors
from benchmarks.printing import print_table
from textzoo.config.schema import IndexSettings
from textzoo.data.corpus import Entry
from textzoo.index.folder_index import FolderIndex

_FOUND = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for vectors or how many to generate, for queries, and for the forms of faiss."""
    parser.add_argument("--vectors", type=Path, help="embeddings.npy of an index")
    parser.add_argument("--size", type=COUNT, default=200_000, help="vectors to generate if none")
    parser.add_argument("--queries", type=COUNT, default=500)
    parser.add_argument("--faiss", type=_factory, nargs="+", default=["auto"], help="index.faiss")
    parser.add_argument("--nprobe", type=COUNT, nargs="+", default=[32], help="index.nprobe")
    parser.add_argument("--hnsw", action="store_true", help="a graph as well")


def _factory(text: str) -> str:
    """Read an argument that is a value of `index.faiss`."""
    try:
        return IndexSettings(faiss=text).faiss
    except pydantic.ValidationError as failure:
        problem = failure.errors()[0]["msg"].removeprefix("Value error, ")
        raise argparse.ArgumentTypeError(problem) from None


def table(
    vectors: Optional[Path],
    size: int,
    queries: int,
    faiss: list[str],
    nprobe: list[int],
    hnsw: bool,
) -> dict[str, dict[str, float]]:
    """Print and return the figures of each index; queries are vectors with some noise."""
    rows = read_vectors(vectors) if vectors else generated_vectors(size, 256)
    check_enough(rows, queries, _FOUND)
    random = np.random.default_rng(1)
    asked = rows[random.choice(len(rows), queries, replace=False)]
    asked = asked + random.standard_normal(asked.shape, np.float32) / rows.shape[1] ** 0.5 / 2
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    ways = {"exact": {"backend": "exact"}, "exact, int8": {"backend": "exact", "dtype": "int8"}}
    ways |= {f"faiss, {one}": {"backend": "faiss", "faiss": one} for one in faiss}
    if hnsw:
        ways["hnsw"] = {"backend": "hnsw"}
    entries = [Entry(str(i), str(i)) for i in range(len(rows))]
    figures: dict[str, dict[str, float]] = {}
    truth = None
    for name, keys in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            settings = IndexSettings.model_validate({**keys, "path": Path(folder, "index")})
            started = time.process_time()
            index = FolderIndex(settings, rows.shape[1], {"checkpoint": {}})
            index.add(entries, rows)
            index.commit()
            seconds = time.process_time() - started
            megabytes = sum(file.stat().st_size for file in Path(folder, "index").iterdir()) / 1e6
            for probed in nprobe if keys["backend"] == "faiss" else [None]:
                if probed:
                    settings.nprobe = probed
                started = time.process_time()
                found = index.search(asked, _FOUND)[0].tolist()
                speed = len(asked) / (time.process_time() - started)
                truth = truth or found
                shares = [len(set(a) & set(b)) / _FOUND for a, b in zip(found, truth)]
                figures[name + (f", nprobe {probed}" if probed else "")] = {
                    "megabytes": megabytes,
                    "build_seconds": seconds,
                    "queries_per_second": speed,
                    "overlap@10": float(np.mean(shares)),
                }
    print(f"{len(rows):,} vectors of width {rows.shape[1]}, {queries} queries")
    print_table(
        ["", "MB", "build, s", "queries/s", "overlap@10"],
        [[name, *(f"{value:.4g}" for value in row.values())] for name, row in figures.items()],
    )
    return figures
