"""The index against hnswlib and faiss: build, queries per second, overlap with the exact 50."""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, Optional

import numpy as np

from benchmarks.arguments import COUNT, PEER
from benchmarks.peer_processes import run_peer
from benchmarks.printing import print_table
from textzoo.config.schema import IndexSettings, Runner
from textzoo.data.corpus import Entry
from textzoo.devices import n_threads
from textzoo.errors import UserError
from textzoo.files import reason
from textzoo.index.folder_index import FolderIndex
from textzoo.index.opening import index_settings, new_index
from textzoo.index.vectors import read_matrix


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for vectors or how many to generate, for queries, and for others to compare with."""
    parser.add_argument("--vectors", type=Path, help="embeddings.npy of an index")
    parser.add_argument("--sizes", type=COUNT, nargs="*", default=[100_000])
    parser.add_argument("--queries", type=COUNT, default=1000)
    parser.add_argument("--peer", type=Path, help=f"{PEER}, for faiss")
    parser.add_argument("--milvus", action="store_true", help="Milvus Lite as well")


def table(
    vectors: Optional[Path], sizes: list[int], queries: int, peer: Optional[Path], milvus: bool
) -> dict[str, Any]:
    """Print and return what each way to find the nearest vectors costs, and how many it finds."""
    sets = {str(vectors): read_vectors(vectors)} if vectors else {}
    sets.update({f"{n:,} generated": generated_vectors(n, 256) for n in sizes})
    figures = {}
    for name, rows in sets.items():
        check_enough(rows, queries, 50)
        chosen = np.random.default_rng(0).choice(len(rows), queries, replace=False)
        figures[name] = ways = compared(rows, rows[chosen], 50, peer, milvus)
        print(f"{name}: {rows.shape[0]:,} vectors of width {rows.shape[1]}, {queries} queries")
        print_table(
            ["", "build, s", "queries/s", "overlap"],
            [[way, *(f"{value:.4g}" for value in row.values())] for way, row in ways.items()],
        )
    return figures


def compared(
    vectors: np.ndarray, queries: np.ndarray, k: int, peer: Optional[Path], milvus: bool
) -> dict[str, dict[str, Any]]:
    """Building an index, its queries per second, and how many of the exact k nearest it finds.

    Args:
        vectors: `[texts, width]`, of length 1.
        queries: `[queries, width]`, of length 1.
        k: how many nearest vectors.
        peer: a Python with faiss, to measure that too.
        milvus: whether to measure Milvus Lite too.
    """
    try:
        import hnswlib  # which some machines cannot build: the other tables are measured there too
    except ImportError:
        raise UserError("the table index needs hnswlib: pip install 'textzoo[hnsw]'") from None

    settings = IndexSettings()
    entries = [Entry(str(i), str(i)) for i in range(len(vectors))]
    exact = FolderIndex(IndexSettings(backend="exact"), vectors.shape[1], {})
    exact.add(entries, vectors)
    truth, exact_speed = _timed_search(lambda: exact.search(queries, k)[0], len(queries))

    started = time.perf_counter()
    ours = FolderIndex(settings, vectors.shape[1], {})
    ours.add(entries, vectors)
    build = time.perf_counter() - started
    found, speed = _timed_search(lambda: ours.search(queries, k)[0], len(queries))

    started = time.perf_counter()
    plain = hnswlib.Index(settings.space, vectors.shape[1])
    plain.set_num_threads(n_threads())
    plain.init_index(
        max_elements=len(vectors), M=settings.hnsw_m, ef_construction=settings.ef_construction
    )
    plain.add_items(vectors)
    plain_build = time.perf_counter() - started
    plain.set_ef(max(settings.ef, k))
    plain_found, plain_speed = _timed_search(lambda: plain.knn_query(queries, k)[0], len(queries))

    def row(places: np.ndarray, seconds: float, per_second: float) -> dict[str, Any]:
        shares = [len(set(a) & set(b)) / k for a, b in zip(places.tolist(), truth.tolist())]
        return {
            "build_seconds": seconds,
            "queries_per_second": per_second,
            "overlap": float(np.mean(shares)),
        }

    figures = {
        "exact": row(truth, 0.0, exact_speed),
        "hnswlib": row(plain_found, plain_build, plain_speed),
        "TextZoo": row(found, build, speed),
    }
    if peer:
        figures["faiss"] = row(*_in_faiss(peer, settings, vectors, queries, k))
    if milvus:
        figures["TextZoo, Milvus Lite"] = row(*_in_milvus_lite(entries, vectors, queries, k))
    return figures


def _in_faiss(
    peer: Path, settings: IndexSettings, vectors: np.ndarray, queries: np.ndarray, k: int
) -> tuple[np.ndarray, float, float]:
    """The places found, the seconds of building, and the queries per second."""
    with tempfile.TemporaryDirectory() as folder:
        facts: dict[str, Any] = {"k": k, "ef": max(settings.ef, k), "threads": n_threads()}
        facts.update(settings.model_dump(include={"hnsw_m", "ef_construction"}))
        for name, array in (("vectors", vectors), ("queries", queries)):
            facts[name] = str(Path(folder, f"{name}.npy"))
            np.save(facts[name], array)
        figures = run_peer(peer, "nearest.py", facts)
    return np.array(figures["places"]), figures["build"], len(queries) / figures["search"]


def _in_milvus_lite(
    entries: list[Entry], vectors: np.ndarray, queries: np.ndarray, k: int
) -> tuple[np.ndarray, float, float]:
    """The same of Milvus Lite."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = index_settings(IndexSettings(backend="milvus"), Runner(), "benchmark")
        settings = settings.model_copy(update={"path": Path(folder, "index")})
        started = time.perf_counter()
        index = new_index(settings, vectors.shape[1], {"model": "benchmark"})
        index.add(entries, vectors)
        index.commit()
        build = time.perf_counter() - started
        hits, speed = _timed_search(lambda: index.nearest(queries, k), len(queries))
        return np.array([[int(hit.text) for hit in row] for row in hits]), build, speed


def read_vectors(path: Path) -> np.ndarray:
    """The vectors of an index that keeps them whole, `[n, width]`, float32.

    Raises:
        UserError: the file is another, or cannot be read.
    """
    try:
        return np.array(read_matrix(path, "float32"))
    except OSError as failure:
        raise UserError(f"--vectors: cannot read {path}: {reason(failure)}") from None
    except UserError:
        raise UserError(
            f"--vectors: received {path}, expected embeddings.npy of an index whose index.dtype is "
            "float32"
        ) from None


def check_enough(vectors: np.ndarray, queries: int, k: int) -> None:
    """Refuse vectors of which not so many queries can be drawn, or so many nearest be found.

    Raises:
        UserError: there are fewer.
    """
    if len(vectors) < max(queries, k):
        raise UserError(
            f"received {len(vectors)} vectors with --queries {queries}, expected at least "
            f"{max(queries, k)}: the queries are some of them, and the {k} nearest are compared"
        )


def generated_vectors(n: int, width: int, n_centres: int = 1000) -> np.ndarray:
    """Vectors of length 1 around some centres, `[n, width]`."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((n_centres, width), np.float32)
    vectors = centres[random.integers(n_centres, size=n)]
    vectors += random.standard_normal((n, width), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _timed_search(search: Any, n_queries: int) -> tuple[Any, float]:
    started = time.perf_counter()
    places = search()
    return places, n_queries / (time.perf_counter() - started)
