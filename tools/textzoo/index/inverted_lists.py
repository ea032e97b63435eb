"""Candidates by inverted lists with product quantisation (IVFADC, Jégou et al. 2011), by faiss.

Each text is in the list of the centroid nearest to it, of spherical k-means. With product
quantisation its residual is kept as bytes: for each part of its numbers, which of 256 centroids is
the nearest. Plain arrays are saved, which are checked as they are loaded: faiss reads no file, for
it trusts every number in one.
"""

import logging
import math
from pathlib import Path
from typing import Any, Optional

import numpy as np

from textzoo.config.schema import IndexSettings
from textzoo.devices import n_threads
from textzoo.errors import UserError
from textzoo.index.vectors import Vectors, damaged, read_matrix
from textzoo.progress import Work

log = logging.getLogger("textzoo")

LEAST = 10_000  # texts; with fewer `auto` compares every one
_N_WORDS = 256  # centroids of each part: a byte
_LOOKED_AT = 64  # texts for each centroid, by k-means; faiss advises 30 to 256
_FEW = 39  # the same, of which faiss warns of fewer
_LARGEST = 4  # of a residual's numbers, of vectors of length 1
_ROWS = 65_536  # vectors that are coded at once
_TYPES = {
    "centroids.npy": "float32",
    "codebooks.npy": "float32",
    "codes.npy": "uint8",
    "lists.npy": "int32",
}
FILES = set(_TYPES)


def import_faiss() -> Any:
    """The library, set to compute with as many threads as everything else.

    Raises:
        UserError: it is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise UserError(
            "index.backend: received faiss, which needs faiss-cpu: pip install 'textzoo[faiss]'; "
            "an index of index.backend=hnsw or exact does without"
        ) from None
    faiss.omp_set_num_threads(n_threads())
    return faiss


def has_lists(settings: IndexSettings, n: int) -> bool:
    """Whether n texts are in lists, or are so few that every one is compared."""
    if settings.backend != "faiss" or settings.faiss == "Flat":
        return False
    return n >= LEAST if settings.faiss == "auto" else n > 0


def factory_string(settings: IndexSettings, n: int, width: int) -> str:
    """`index.faiss`, or what stands for `auto`: about 4√n lists, and a byte for 8 numbers.

    Args:
        settings: the config's `index` block.
        n: how many texts there are.
        width: of the embeddings.

    Raises:
        UserError: its bytes do not divide the width, or there are fewer texts than centroids.
    """
    check_n_texts(settings, n)
    check_width(settings, width)
    if settings.faiss != "auto":
        return settings.faiss
    n_bytes = max(m for m in range(1, max(2, width // 8 + 1)) if width % m == 0)
    found = f"IVF{2 ** round(math.log2(4 * math.sqrt(n)))},PQ{n_bytes}"
    log.info("index.faiss: auto: %s for %d texts, %d numbers each", found, n, width)
    return found


def check_n_texts(settings: IndexSettings, n: int) -> None:
    """Refuse an index that n texts are too few to train.

    Raises:
        UserError: there are fewer texts than centroids.
    """
    n_lists, n_bytes = _asked_for(settings)
    least = max(n_lists, _N_WORDS * bool(n_bytes))
    if n < least:
        raise UserError(
            f"index.faiss: received {settings.faiss} with {n} text(s), expected at least {least}, "
            "one for each centroid of k-means; -o index.faiss=auto chooses by their number, "
            "index.faiss=Flat compares every text"
        )


def check_width(settings: IndexSettings, width: int) -> None:
    """Refuse parts of different sizes.

    Raises:
        UserError: the bytes of a text do not divide the width of the embeddings.
    """
    n_bytes = _asked_for(settings)[1]
    if n_bytes and width % n_bytes:
        fitting = [m for m in range(1, width + 1) if width % m == 0]
        nearest = min(fitting, key=lambda m: abs(m - n_bytes))
        raise UserError(
            f"index.faiss: received {settings.faiss}, expected bytes that divide the embeddings' "
            f"width {width}, such as PQ{nearest}"
        )


def _asked_for(settings: IndexSettings) -> tuple[int, int]:
    """The parts of a form that `index.faiss` names; 0 and 0 if it leaves them open or has none."""
    if settings.backend != "faiss" or settings.faiss in ("auto", "Flat"):
        return 0, 0
    return _parts(settings.faiss)


def _parts(factory: str) -> tuple[int, int]:
    """How many lists, and bytes of each text, 0 for whole vectors."""
    lists, kept = factory.split(",")
    return int(lists[3:]), 0 if kept == "Flat" else int(kept[2:])


class InvertedLists:
    """The texts of each list, by their places.

    Args:
        vectors: of the texts; more may be appended, see `extend`.
        centroids: `[n_lists, width]`, float32.
        codebooks: `[n_bytes, 256 * width / n_bytes]`, float32; no row: whole vectors are kept.
        codes: `[n, n_bytes]`, uint8, of the texts so far.
        lists: `[n, 1]`, int32, that these are in.
    """

    def __init__(
        self,
        vectors: Vectors,
        centroids: np.ndarray,
        codebooks: np.ndarray,
        codes: np.ndarray,
        lists: np.ndarray,
    ):
        self._vectors = vectors
        self._centroids, self._codebooks = centroids, codebooks
        self._codes, self._lists = codes, lists
        self._index: Any = None  # of faiss, with the texts so far

    @classmethod
    def of(cls, vectors: Vectors, settings: IndexSettings) -> "InvertedLists":
        """The lists of vectors: the same ones of the same vectors on the same machine.

        Raises:
            UserError: see `factory_string`.
        """
        faiss, n, width = import_faiss(), len(vectors), vectors.width
        factory = factory_string(settings, n, width)
        n_lists, n_bytes = _parts(factory)
        if n < _FEW * n_lists:
            log.warning(
                "index.faiss: %s: %d texts are fewer than %d for each list, as faiss advises",
                *(factory, n, _FEW),
            )
        n_looked_at = _LOOKED_AT * max(n_lists, _N_WORDS * bool(n_bytes))
        places = np.arange(n)
        if n > n_looked_at:
            chosen = np.random.default_rng(0).choice(n, n_looked_at, replace=False)
            places = np.sort(chosen)
        index = _empty(np.zeros((0, width), np.float32), n_lists, n_bytes)
        index.cp.spherical = True  # the nearest centroid is that of the largest product
        for means in [index.cp, index.pq.cp] if n_bytes else [index.cp]:
            means.max_points_per_centroid = _LOOKED_AT
            means.min_points_per_centroid = 1  # else faiss writes to stderr itself
        with Work(f"index: {factory} of {n} texts"):
            index.train(np.ascontiguousarray(vectors.at(places)))
        centroids = index.quantizer.reconstruct_n(0, n_lists)
        codebooks = np.zeros((0, 0), np.float32)
        if n_bytes:
            codebooks = faiss.vector_to_array(index.pq.centroids).reshape(n_bytes, -1)
        none = np.zeros((0, n_bytes), np.uint8), np.zeros((0, 1), np.int32)
        found = cls(vectors, centroids, codebooks, *none)
        found.extend()
        return found

    def extend(self) -> None:
        """Put vectors that were appended into the lists."""
        first, n = len(self._lists), len(self._vectors)
        if first < n:
            index = self._without_texts()
            codes = np.empty((n - first, len(self._codebooks)), np.uint8)
            lists = np.empty((n - first, 1), np.int32)
            work = Work("index", n - first, "texts")
            for places in work.over(np.arange(first, n), _ROWS):
                rows = np.ascontiguousarray(self._vectors.at(places))
                nearest = index.quantizer.search(rows, 1)[1]
                lists[places - first] = nearest
                if len(self._codebooks):
                    residuals = rows - self._centroids[nearest[:, 0]]
                    codes[places - first] = index.pq.compute_codes(residuals)
            self._codes = np.concatenate([self._codes, codes])
            self._lists = np.concatenate([self._lists, lists])
            self._index = None
        if self._index is None:
            self._index = self._with_texts()

    def nearest(
        self,
        queries: np.ndarray,
        k: int,
        settings: IndexSettings,
        alive: np.ndarray,
        n_alive: int,
    ) -> Optional[np.ndarray]:
        """The places nearest to each query by what faiss keeps, `[queries, n]`, n at least k.

        They are of `index.nprobe` lists; of more where these hold too few texts.

        Args:
            queries: `[queries, width]`.
            k: how many are asked for, at most as many as are alive; with codes n is as many times
                as many as `index.rescore_multiplier`.
            settings: the config's `index` block.
            alive: `[texts]` which of them may be found.
            n_alive: how many these are.
        """
        faiss, n_lists = import_faiss(), len(self._centroids)
        if len(self._codebooks):
            k = min(k * settings.rescore_multiplier, n_alive)
        queries = np.ascontiguousarray(queries, np.float32)
        chosen = None
        if n_alive < len(alive):
            bits = np.packbits(alive, bitorder="little")  # which faiss reads while it searches
            chosen = faiss.IDSelectorBitmap(bits)
        found = np.full((len(queries), k), -1, np.int64)
        missing, nprobe = np.arange(len(queries)), min(settings.nprobe, n_lists)
        while len(missing):
            asked = faiss.SearchParametersIVF(nprobe=nprobe, sel=chosen)
            found[missing] = self._index.search(queries[missing], k, params=asked)[1]
            missing = missing[(found[missing] < 0).any(axis=1)]
            if nprobe == n_lists and len(missing):
                return None  # queries that are not numbers
            nprobe = min(4 * nprobe, n_lists)
        return found

    def save(self, folder: Path) -> None:
        """Write `FILES`, which `load` reads."""
        arrays = self._centroids, self._codebooks, self._codes, self._lists
        for name, array in zip(_TYPES, arrays):
            np.save(folder / name, array)

    @classmethod
    def load(cls, folder: Path, vectors: Vectors, settings: IndexSettings) -> "InvertedLists":
        """The lists of vectors as they were saved.

        Raises:
            UserError: a file is damaged, or of something else.
            OSError: one cannot be read.
        """
        n, width = len(vectors), vectors.width
        arrays = [np.array(read_matrix(folder / name, type_)) for name, type_ in _TYPES.items()]
        centroids, codebooks, _, lists = arrays
        n_lists, n_bytes = len(centroids), len(codebooks)
        if settings.faiss != "auto":
            n_lists, n_bytes = _parts(settings.faiss)
        if width % max(1, n_bytes):
            raise damaged(folder / "codebooks.npy")
        books = (n_bytes, _N_WORDS * width // n_bytes) if n_bytes else (0, 0)
        shapes = [(max(1, n_lists), width), books, (n, n_bytes), (n, 1)]
        for name, array, shape in zip(_TYPES, arrays, shapes):
            fits = array.dtype != np.float32 or (np.abs(array) <= _LARGEST).all()  # or NaN
            if array.shape != shape or not fits:
                raise damaged(folder / name)
        if not ((lists >= 0) & (lists < n_lists)).all():
            raise damaged(folder / "lists.npy")
        found = cls(vectors, *arrays)
        found.extend()
        return found

    def _without_texts(self) -> Any:
        faiss = import_faiss()
        index = _empty(self._centroids, len(self._centroids), len(self._codebooks))
        if len(self._codebooks):
            faiss.copy_array_to_vector(self._codebooks.ravel(), index.pq.centroids)
        index.is_trained = True
        return index

    def _with_texts(self) -> Any:
        faiss, index = import_faiss(), self._without_texts()
        order = np.argsort(self._lists[:, 0], kind="stable")  # int64, as faiss has its ids
        ends = np.cumsum(np.bincount(self._lists[:, 0], minlength=len(self._centroids)))
        for number, (first, end) in enumerate(zip([0, *ends[:-1]], ends)):
            if first < end:
                places = order[first:end]
                kept = self._codes[places] if len(self._codebooks) else self._vectors.at(places)
                kept = np.ascontiguousarray(kept).view(np.uint8)
                entries = faiss.swig_ptr(places), faiss.swig_ptr(kept)
                index.invlists.add_entries(number, len(places), *entries)
        index.ntotal = len(order)
        return index


def _empty(centroids: np.ndarray, n_lists: int, n_bytes: int) -> Any:
    """An index of faiss with these centroids, or none yet, and no texts."""
    faiss, width = import_faiss(), centroids.shape[1]
    quantizer = faiss.IndexFlatIP(width)
    quantizer.add(np.ascontiguousarray(centroids))
    if n_bytes:
        return faiss.IndexIVFPQ(quantizer, width, n_lists, n_bytes, 8, faiss.METRIC_INNER_PRODUCT)
    return faiss.IndexIVFFlat(quantizer, width, n_lists, faiss.METRIC_INNER_PRODUCT)
