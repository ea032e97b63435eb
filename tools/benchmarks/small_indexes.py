"""Indexes in fewer bits and fewer numbers: size, queries per second, and what they still find.

Time is that of processors: it changes little with what else a machine does.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.arguments import COUNT, add_config
from benchmarks.printing import print_table
from textzoo.config.schema import IndexSettings
from textzoo.data.corpus import Entry
from textzoo.errors import UserError
from textzoo.index.folder_index import FolderIndex

if TYPE_CHECKING:
    from textzoo.inference.embedder import Embedder

_FOUND = 10  # texts that are looked at of each query's, its own left out
_WAYS = (("exact", "float32"), ("exact", "int8"), ("exact", "binary"))
_GRAPHS = (("hnsw", "float32"), ("hnsw", "int8"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config with a checkpoint, a corpus and test pairs; widths to cut off at."""
    parser.add_argument("--widths", type=COUNT, nargs="*", default=[], help="beside the full one")
    parser.add_argument("--rescore", type=COUNT, nargs="+", default=[10], help="rescore_multiplier")
    parser.add_argument("--hnsw", action="store_true", help="graphs of the full width as well")
    parser.add_argument("--rounds", type=COUNT, default=3, help="in which all are asked in turn")
    add_config(parser)


def table(
    model: Path,
    override: list[str],
    widths: list[int],
    rescore: list[int],
    hnsw: bool,
    rounds: int,
) -> dict[str, dict[str, float]]:
    """Print and return the figures of each index."""
    from textzoo.data.corpus import read_entries
    from textzoo.inference.embedder import Embedder

    embedder = Embedder(model, override)
    golds, corpus = _golds(embedder), embedder.config.runner.corpus_file
    if corpus is None:
        raise UserError(f"{model}: runner.corpus_file: missing; expected a path")
    entries = read_entries(corpus, "runner.corpus_file")
    vectors = embedder([entry.text for entry in entries], "title")
    queries = embedder(list(golds))
    print(f"{model}: {len(entries)} texts, {len(golds)} queries")
    with tempfile.TemporaryDirectory() as folder:
        chosen = _settings(Path(folder), vectors.shape[1], widths, rescore, hnsw)
        figures = _measured(chosen, entries, vectors, queries, golds, rounds)
    print_table(
        ["", "MB", "build, s", "queries/s", "overlap@10", "recall@10"],
        [[name, *(f"{value:.4g}" for value in row.values())] for name, row in figures.items()],
    )
    return figures


def _golds(embedder: "Embedder") -> dict[str, set[str]]:
    """What each query of the test pairs is to find; one that is to find itself is none."""
    from textzoo.data.encoding import Refusals
    from textzoo.data.input_files import good_lines, test_pair_files

    files, refusals = test_pair_files(embedder.config), Refusals(embedder.config.runner.bad_lines)
    golds: dict[str, set[str]] = {}
    for _, pair in good_lines(files, embedder.reader, refusals):
        if pair.query != pair.title:
            golds.setdefault(pair.query, set()).add(pair.title)
    return golds


def _settings(
    folder: Path, full: int, widths: list[int], rescore: list[int], hnsw: bool
) -> dict[str, tuple[int, IndexSettings]]:
    """The indexes to make by what they are called, the exact one of whole vectors first."""
    chosen = {}
    for width in dict.fromkeys([full, *widths]):
        for backend, dtype in [*_WAYS, *_GRAPHS] if hnsw and width == full else _WAYS:
            for times in rescore if dtype == "binary" else [1]:
                name = f"{width} {dtype}" + f" x {times}" * (dtype == "binary")
                name += ", graph" * (backend == "hnsw")
                keys = {"backend": backend, "dtype": dtype, "rescore_multiplier": times}
                path = folder / str(len(chosen))
                chosen[name] = width, IndexSettings.model_validate({**keys, "path": path})
    return chosen


def _measured(
    chosen: dict[str, tuple[int, IndexSettings]],
    entries: list[Entry],
    vectors: np.ndarray,
    queries: np.ndarray,
    golds: dict[str, set[str]],
    rounds: int,
) -> dict[str, dict[str, float]]:
    """The figures of each index, as it is when it was written and read again."""
    figures, made = {}, {}
    for name, (width, settings) in chosen.items():
        started = time.process_time()
        index = FolderIndex(settings, width, {"checkpoint": {}})
        index.add(entries, cut(vectors, width))
        index.commit()
        figures[name] = {
            "megabytes": _megabytes(settings.path or Path()),
            "build_seconds": time.process_time() - started,
        }
        made[name] = FolderIndex.load(settings.path or Path(), settings)
    seconds: dict[str, list[float]] = {name: [] for name in made}
    best: dict[str, dict[str, list[str]]] = {}
    for _ in range(rounds):
        for name, index in made.items():
            asked = cut(queries, chosen[name][0])
            started = time.process_time()
            hits = index.nearest(asked, _FOUND + 1)
            seconds[name].append(time.process_time() - started)
            best[name] = {
                query: [hit.text for hit in row if hit.text != query][:_FOUND]
                for query, row in zip(golds, hits)
            }
    truth = best[next(iter(best))]
    for name, found in best.items():
        shares = [len(set(texts) & set(truth[query])) / _FOUND for query, texts in found.items()]
        recalls = [
            len(golds[query] & set(texts)) / len(golds[query]) for query, texts in found.items()
        ]
        figures[name] |= {
            "queries_per_second": len(golds) / statistics.median(seconds[name]),
            "overlap@10": float(np.mean(shares)),
            "recall@10": float(np.mean(recalls)),
        }
    return figures


def cut(vectors: np.ndarray, width: int) -> np.ndarray:
    """The first numbers of vectors of length 1, of length 1 again."""
    if width == vectors.shape[1]:
        return vectors
    return vectors[:, :width] / np.linalg.norm(vectors[:, :width], axis=1, keepdims=True)


def _megabytes(folder: Path) -> float:
    """The size of an index without its texts."""
    files = (file for file in folder.iterdir() if file.name != "texts.json")
    return sum(file.stat().st_size for file in files) / 1e6
