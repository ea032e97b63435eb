"""Candidates by an inverted file with product quantisation (IVFADC, Jégou et al. 2011), by faiss.

Texts are listed by the nearest of `nlist` centroids of spherical k-means; of each the residual is
kept in `pq_m` bytes, the nearest of 256 centroids for each part of it. A query is compared with the
texts of the `nprobe` lists nearest to it, by inner products with what these bytes stand for. What
is kept are plain arrays: faiss gets checked numbers, and reads no file.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from textzoo.config.schema import IndexSettings
from textzoo.devices import n_threads
from textzoo.errors import UserError
from textzoo.index.vectors import Vectors, damaged, read_matrix
from textzoo.progress import Work

LEAST = 10_000  # texts; fewer are compared one by one
_ARRAYS = {
    "centroids.npy": "float32",
    "codebooks.npy": "float32",
    "codes.npy": "uint8",
    "lists.npy": "int32",
}
FILES = set(_ARRAYS)
_N_WORDS = 256  # of a codebook: a byte each
_LARGEST = 1e3  # of a codebook's numbers, of residuals of vectors of length 1
_ROWS = 65_536  # vectors that are coded at once
_SAMPLED = 256  # vectors for each centroid that training looks at, at most, as faiss does


class InvertedFile:
    """The lists and codes of texts, by their places.

    Args:
        centroids: `[nlist, width]`, float32.
        codebooks: `[pq_m, 256 * width / pq_m]`, float32.
        codes: `[n, pq_m]`, uint8.
        lists: `[n, 1]`, int32: the list of each text.
    """

    def __init__(
        self, centroids: np.ndarray, codebooks: np.ndarray, codes: np.ndarray, lists: np.ndarray
    ):
        self._centroids, self._codebooks = centroids, codebooks
        self._codes, self._lists = codes, lists
        self._index: Any = None  # faiss's, of the texts so far

    def __len__(self) -> int:
        return len(self._codes)

    @classmethod
    def of(cls, vectors: Vectors, settings: IndexSettings) -> "InvertedFile":
        """The lists and codes of vectors; the same ones of the same vectors.

        Args:
            vectors: at least `LEAST`.
            settings: with `nlist` and `pq_m`, or null for what suits so many vectors.

        Raises:
            UserError: there are fewer vectors than lists, or `pq_m` does not divide the width.
        """
        faiss = import_faiss()
        n, width = len(vectors), vectors.width
        n_lists = settings.nlist or default_nlist(n)
        if n_lists > n:
            raise UserError(f"index.nlist: received {n_lists}, expected at most the {n} texts")
        pq_m = settings.pq_m or default_pq_m(width)
        check_pq_m(pq_m, width)
        sampled = np.arange(n)
        if n > _SAMPLED * max(n_lists, _N_WORDS):
            chosen = np.random.default_rng(0).choice(n, _SAMPLED * max(n_lists, _N_WORDS), False)
            sampled = np.sort(chosen)
        index = _empty(np.zeros((0, width), np.float32), pq_m, n_lists)
        index.cp.spherical = True  # so that the nearest centroid has the largest product
        index.cp.min_points_per_centroid = 1  # a small corpus is no reason to print a warning
        index.pq.cp.min_points_per_centroid = 1
        with Work(f"index: {n_lists} lists of {n} texts"):
            index.train(np.ascontiguousarray(vectors.at(sampled)))
        centroids = index.quantizer.reconstruct_n(0, n_lists)
        codebooks = faiss.vector_to_array(index.pq.centroids).reshape(pq_m, -1)
        codes, lists = np.zeros((0, pq_m), np.uint8), np.zeros((0, 1), np.int32)
        found = cls(centroids, codebooks, codes, lists)
        found.extend(vectors)
        return found

    def extend(self, vectors: Vectors) -> None:
        """Add those of the vectors that come after the ones that are here."""
        first, n = len(self), len(vectors)
        if first == n:
            return
        index = _of_arrays(self._centroids, self._codebooks)
        codes = np.empty((n - first, self._codes.shape[1]), np.uint8)
        lists = np.empty((n - first, 1), np.int32)
        work = Work("index", n - first, "texts")
        for places in work.over(np.arange(first, n), _ROWS):
            rows = np.ascontiguousarray(vectors.at(places))
            nearest = index.quantizer.search(rows, 1)[1]
            lists[places - first] = nearest
            residuals = rows - self._centroids[nearest[:, 0]]
            codes[places - first] = index.pq.compute_codes(residuals)
        self._codes = np.concatenate([self._codes, codes])
        self._lists = np.concatenate([self._lists, lists])
        self._index = None

    def nearest(self, queries: np.ndarray, k: int, nprobe: int, alive: np.ndarray) -> np.ndarray:
        """The places nearest to each query by their codes, `[queries, k]`.

        More lists are looked at where `nprobe` of them do not hold k texts.

        Args:
            queries: `[queries, width]`.
            k: how many, at most as many as are alive.
            nprobe: how many lists are looked at.
            alive: `[n]` which of the texts may be found.
        """
        faiss = import_faiss()
        if self._index is None:
            self._index = self._filled()
        queries = np.ascontiguousarray(queries, np.float32)
        found = np.full((len(queries), k), -1, np.int64)
        missing, n_lists = np.arange(len(queries)), len(self._centroids)
        chosen = np.packbits(alive, bitorder="little")
        selector = None if alive.all() else faiss.IDSelectorBitmap(chosen)
        nprobe = min(nprobe, n_lists)
        while len(missing):
            asked = faiss.SearchParametersIVF(nprobe=nprobe, sel=selector)
            found[missing] = self._index.search(queries[missing], k, params=asked)[1]
            missing = missing[found[missing, -1] < 0]
            nprobe = min(4 * nprobe, n_lists)
        return found

    def _filled(self) -> Any:
        faiss = import_faiss()
        index = _of_arrays(self._centroids, self._codebooks)
        order = np.argsort(self._lists[:, 0], kind="stable")
        codes = np.ascontiguousarray(self._codes[order])
        ends = np.cumsum(np.bincount(self._lists[:, 0], minlength=len(self._centroids)))
        for number, (first, end) in enumerate(zip([0, *ends], ends)):
            if first < end:
                own = faiss.swig_ptr(order[first:end]), faiss.swig_ptr(codes[first:end])
                index.invlists.add_entries(number, int(end - first), *own)
        index.ntotal = len(order)
        return index

    def save(self, folder: Path) -> None:
        """Write `FILES`, which `load` reads."""
        arrays = self._centroids, self._codebooks, self._codes, self._lists
        for name, array in zip(_ARRAYS, arrays):
            np.save(folder / name, array)

    @classmethod
    def load(cls, folder: Path, n: int, width: int, settings: IndexSettings) -> "InvertedFile":
        """The lists and codes of `n` texts.

        Raises:
            UserError: a file is damaged, or they do not belong together.
            OSError: one cannot be read.
        """
        pq_m = settings.pq_m or default_pq_m(width)
        found = [np.array(read_matrix(folder / name, _ARRAYS[name])) for name in _ARRAYS]
        centroids, codebooks, codes, lists = found
        shapes = [(len(centroids), width), (pq_m, _N_WORDS * width // pq_m), (n, pq_m), (n, 1)]
        for name, array, shape in zip(_ARRAYS, found, shapes):
            if array.shape != shape or not len(array):
                raise damaged(folder / name)
            if array.dtype == np.float32 and not (np.abs(array) <= _LARGEST).all():  # or NaN
                raise damaged(folder / name)
        if not ((lists >= 0) & (lists < len(centroids))).all():
            raise damaged(folder / "lists.npy")
        return cls(centroids, codebooks, codes, lists)


def import_faiss() -> Any:
    """The library, which computes with as many threads as everything else.

    Raises:
        UserError: it is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise UserError(
            "index.backend: faiss needs the package faiss-cpu: pip install 'textzoo[faiss]'; or "
            "-o index.backend=hnsw"
        ) from None
    faiss.omp_set_num_threads(n_threads())
    return faiss


def default_nlist(n: int) -> int:
    """About four times the root of the number of vectors, a power of 2, as faiss advises."""
    return 2 ** round(math.log2(4 * math.sqrt(n)))


def default_pq_m(width: int) -> int:
    """The most parts of 8 numbers or more that a vector can be divided into."""
    return next(m for m in range(max(1, width // 8), 0, -1) if width % m == 0)


def check_pq_m(pq_m: int, width: int) -> None:
    """Refuse parts of different sizes.

    Raises:
        UserError: `pq_m` does not divide the width.
    """
    if width % pq_m:
        raise UserError(
            f"index.pq_m: received {pq_m}, expected a divisor of the embeddings' width {width}, "
            f"such as {default_pq_m(width)}"
        )


def _empty(centroids: np.ndarray, pq_m: int, n_lists: int) -> Any:
    faiss = import_faiss()
    width = centroids.shape[1]
    quantizer = faiss.IndexFlatIP(width)
    quantizer.add(centroids)
    return faiss.IndexIVFPQ(quantizer, width, n_lists, pq_m, 8, faiss.METRIC_INNER_PRODUCT)


def _of_arrays(centroids: np.ndarray, codebooks: np.ndarray) -> Any:
    faiss = import_faiss()
    index = _empty(np.ascontiguousarray(centroids), len(codebooks), len(centroids))
    faiss.copy_array_to_vector(np.ascontiguousarray(codebooks).ravel(), index.pq.centroids)
    index.is_trained = True
    return index
