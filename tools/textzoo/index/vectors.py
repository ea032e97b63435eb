"""The vectors of an index, as `index.dtype` says: whole, in 8 bits a number, or as signs.

The scales and the signs are those of `quantize_embeddings` of sentence-transformers. Queries stay
in float32 and are compared with what is kept.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Optional, Protocol, Union

import numpy as np

from textzoo.config.schema import IndexDtype
from textzoo.devices import n_threads
from textzoo.errors import UserError
from textzoo.index.rows import GrowingRows, kept_rows

EMBEDDINGS = "embeddings.npy"
RANGES, SIGNS = "ranges.npy", "signs.npy"
FILES: dict[IndexDtype, set[str]] = {
    "float32": {EMBEDDINGS},
    "int8": {EMBEDDINGS, RANGES},
    "binary": {EMBEDDINGS, RANGES, SIGNS},
}
_LONGEST = 1.05  # of embeddings of length 1, in the least precise of types
_ROWS = 4096  # vectors that are made float32 at once
_ONES = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)  # in a byte


Places = Union[np.ndarray, slice]


class Vectors(Protocol):
    """Vectors in the order in which they were added."""

    @property
    def width(self) -> int:
        """Of a vector."""
        ...

    def __len__(self) -> int: ...

    def append(self, embeddings: np.ndarray) -> None:
        """Add embeddings `[n, width]` of length 1."""
        ...

    def at(self, places: Places) -> np.ndarray:
        """The vectors at places, as what is kept says, `[n, width]`, float32."""
        ...

    def products(self, queries: np.ndarray) -> np.ndarray:
        """The inner products of queries `[queries, width]` and all vectors, `[queries, n]`."""
        ...

    def products_at(self, queries: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Those of each query and the vectors at its places, both `[queries, n]`."""
        ...

    def save(self, folder: Path) -> None:
        """Write `FILES`, which `read_vectors` reads."""
        ...


class FloatVectors:
    """Vectors as they are.

    Args:
        rows: `[n, width]`, float32.
        spill_to: a folder for a temporary file of rows that are appended; None: memory.
    """

    def __init__(self, rows: np.ndarray, spill_to: Optional[Path] = None):
        self._kept = kept_rows(rows, spill_to)

    @property
    def width(self) -> int:
        """See `Vectors`."""
        return self._kept.rows.shape[1]

    def __len__(self) -> int:
        return len(self._kept.rows)

    def append(self, embeddings: np.ndarray) -> None:
        """See `Vectors.append`."""
        self._kept.append(embeddings)

    def at(self, places: Places) -> np.ndarray:
        """See `Vectors.at`."""
        return self._kept.rows[places]

    def products(self, queries: np.ndarray) -> np.ndarray:
        """See `Vectors.products`."""
        return queries @ self._kept.rows.T

    def products_at(self, queries: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `Vectors.products_at`."""
        return np.einsum("qd,qkd->qk", queries, self._kept.rows[places])

    def save(self, folder: Path) -> None:
        """See `Vectors.save`."""
        self._kept.save(folder / EMBEDDINGS)


class Int8Vectors:
    """Vectors of 8-bit integers, with a scale for each of their numbers.

    The smallest and the largest number that the first embeddings have at a place become -128 and
    127 there; what comes later and is beyond them, these.

    Args:
        codes: `[n, width]`, int8.
        ranges: `[2, width]`, the smallest and the largest numbers; None: not known yet.
        spill_to: see `FloatVectors`.
    """

    def __init__(
        self,
        codes: np.ndarray,
        ranges: Optional[np.ndarray] = None,
        spill_to: Optional[Path] = None,
    ):
        self._kept = kept_rows(codes, spill_to)
        self._ranges = ranges

    @property
    def width(self) -> int:
        """See `Vectors`."""
        return self._kept.rows.shape[1]

    def __len__(self) -> int:
        return len(self._kept.rows)

    def append(self, embeddings: np.ndarray) -> None:
        """See `Vectors.append`."""
        if self._ranges is None and len(embeddings):
            self._ranges = np.stack([embeddings.min(axis=0), embeddings.max(axis=0)])
        self._kept.append(self._coded(embeddings))

    def _coded(self, embeddings: np.ndarray) -> np.ndarray:
        codes = np.empty(embeddings.shape, np.int8)
        lowest, steps = self._scale()
        for rows in _blocks(len(embeddings)):
            moved = embeddings[rows] - lowest
            moved /= np.where(steps > 0, steps, np.inf)
            codes[rows] = np.clip(np.rint(moved) - 128, -128, 127)
        return codes

    def _scale(self) -> tuple[np.ndarray, np.ndarray]:
        """The numbers that -128 stands for, and what 1 does, both `[width]`."""
        if self._ranges is None:
            return np.zeros(self.width, np.float32), np.zeros(self.width, np.float32)
        lowest, highest = self._ranges
        return lowest, (highest - lowest) / np.float32(255)

    def at(self, places: Places) -> np.ndarray:
        """See `Vectors.at`."""
        lowest, steps = self._scale()
        return (self._kept.rows[places] + np.float32(128)) * steps + lowest

    def _asked(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What codes are multiplied by, `[queries, width]`, and what is added, `[queries, 1]`."""
        lowest, steps = self._scale()
        return queries * steps, (queries @ (lowest + 128 * steps))[:, None]

    def products(self, queries: np.ndarray) -> np.ndarray:
        """See `Vectors.products`."""
        factors, base = self._asked(queries)
        found = np.empty((len(queries), len(self)), np.float32)
        for rows in _blocks(len(self)):
            found[:, rows] = factors @ self._kept.rows[rows].astype(np.float32).T
        found += base
        return found

    def products_at(self, queries: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `Vectors.products_at`."""
        factors, base = self._asked(queries)
        return np.einsum("qd,qkd->qk", factors, self._kept.rows[places].astype(np.float32)) + base

    def save(self, folder: Path) -> None:
        """See `Vectors.save`."""
        self._kept.save(folder / EMBEDDINGS)
        ranges = self._ranges
        np.save(folder / RANGES, np.zeros((2, self.width), "f4") if ranges is None else ranges)


class BinaryVectors(Int8Vectors):
    """The signs of vectors, to find candidates by; their 8-bit integers may stay on disk.

    Args:
        codes: `[n, width]`, int8.
        ranges: see `Int8Vectors`.
        signs: `[n, bytes]`, uint8: a bit for each number, 1 where it is above 0.
    """

    def __init__(
        self,
        codes: np.ndarray,
        ranges: Optional[np.ndarray] = None,
        signs: Optional[np.ndarray] = None,
    ):
        super().__init__(codes, ranges)
        n_bytes = -(-self.width // 8)
        self._signs = GrowingRows(np.zeros((0, n_bytes), np.uint8) if signs is None else signs)
        self._words: Optional[np.ndarray] = None  # of the signs, once they are searched

    def append(self, embeddings: np.ndarray) -> None:
        """See `Vectors.append`."""
        super().append(embeddings)
        self._signs.append(np.packbits(embeddings > 0, axis=1))
        self._words = None

    def nearest(self, queries: np.ndarray, k: int, alive: np.ndarray) -> np.ndarray:
        """The places whose signs differ least from each query's, nearest first, `[queries, k]`.

        Args:
            queries: `[queries, width]`.
            k: how many, at most as many as are alive.
            alive: `[n]` which of the vectors may be found.
        """
        type_ = np.min_scalar_type(self.width + 1)
        words = self._words
        if words is None:
            words = self._words = _words(self._signs.rows)

        def near(asked: np.ndarray) -> np.ndarray:
            distances = np.zeros(len(self), type_)
            for own, one in zip(words, asked):
                distances += _n_ones(own ^ one)
            distances[~alive] = self.width + 1
            places = np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])
            return places[np.argsort(distances[places], kind="stable")[:k]]

        asked = _words(np.packbits(queries > 0, axis=1)).T
        found = np.empty((len(queries), k), np.int64)
        with ThreadPoolExecutor(n_threads()) as threads:  # NumPy lets others go on
            for row, places in enumerate(threads.map(near, asked)):
                found[row] = places
        return found

    def save(self, folder: Path) -> None:
        """See `Vectors.save`."""
        super().save(folder)
        self._signs.save(folder / SIGNS)


def new_vectors(
    dtype: IndexDtype,
    width: int,
    spill_to: Optional[Path] = None,
    ranges: Optional[np.ndarray] = None,
) -> Vectors:
    """No vectors yet.

    Args:
        dtype: what they are to be.
        width: of a vector.
        spill_to: see `FloatVectors`; not for `binary`.
        ranges: see `Int8Vectors`; not for `float32`.
    """
    if dtype == "float32":
        return FloatVectors(np.zeros((0, width), np.float32), spill_to)
    if dtype == "int8":
        return Int8Vectors(np.zeros((0, width), np.int8), ranges, spill_to)
    return BinaryVectors(np.zeros((0, width), np.int8), ranges)


def read_vectors(folder: Path, dtype: IndexDtype, n: int, on_disk: bool = False) -> Vectors:
    """The vectors of an index.

    Args:
        folder: where they are.
        dtype: what they are to be.
        n: how many they are to be.
        on_disk: leave them there, mapped into memory, and put those that are appended beside the
            folder; the numbers of `binary` stay on disk in any case.

    Raises:
        UserError: they are others, or damaged.
        OSError: they cannot be read.
    """
    rows = read_matrix(folder / EMBEDDINGS, "float32" if dtype == "float32" else "int8")
    if len(rows) != n:
        raise damaged(folder / EMBEDDINGS)
    if dtype == "float32":
        if not all(_fits(rows[block]) for block in _blocks(n)):
            raise damaged(folder / EMBEDDINGS)
        return FloatVectors(rows, folder.parent) if on_disk else FloatVectors(np.array(rows))
    ranges = np.array(read_matrix(folder / RANGES, "float32"))
    if ranges.shape != (2, rows.shape[1]) or not (np.abs(ranges) <= _LONGEST).all():
        raise damaged(folder / RANGES)
    if (ranges[0] > ranges[1]).any():
        raise damaged(folder / RANGES)
    stays = on_disk or dtype == "binary"
    vectors = Int8Vectors(
        rows if stays else np.array(rows),
        ranges if n else None,
        folder.parent if on_disk else None,
    )
    if not all(_fits(vectors.at(block)) for block in _blocks(n)):
        raise damaged(folder / EMBEDDINGS)
    if dtype == "int8":
        return vectors
    signs = np.array(read_matrix(folder / SIGNS, "uint8"))
    if signs.shape != (n, -(-rows.shape[1] // 8)):
        raise damaged(folder / SIGNS)
    return BinaryVectors(rows, ranges if n else None, signs)


def _fits(rows: np.ndarray) -> bool:
    """Whether the vectors are of finite numbers, and about of length 1 at most."""
    return bool((np.einsum("nd,nd->n", rows, rows) <= _LONGEST**2).all())  # or NaN


def damaged(path: Path) -> UserError:
    """What to say of a file of an index that is not as it was written."""
    return UserError(f"{path}: is damaged; delete the folder {path.parent} to build the index anew")


def read_matrix(path: Path, dtype: str) -> np.ndarray:
    """A matrix on disk: a shape that is too large for its file costs no memory.

    Raises:
        UserError: it is damaged, or another.
        OSError: it cannot be read.
    """
    try:
        rows = np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except FileNotFoundError:
        raise
    except Exception:  # of many types: a header is parsed as Python
        raise damaged(path) from None
    if rows.dtype != dtype or rows.ndim != 2:
        raise damaged(path)
    return rows


def _blocks(n: int) -> Iterator[slice]:
    return (slice(first, first + _ROWS) for first in range(0, n, _ROWS))


def _words(signs: np.ndarray) -> np.ndarray:
    """Bytes `[n, bytes]` as 64 bits at a time, `[words, n]`: numbers of all vectors in a row."""
    padded = np.pad(signs, [(0, 0), (0, -signs.shape[1] % 8)])
    return np.ascontiguousarray(padded.view(np.uint64).T)


def _n_ones(words: np.ndarray) -> np.ndarray:
    """How many bits of each word are 1."""
    if hasattr(np, "bitwise_count"):
        return np.bitwise_count(words)
    return _ONES[words.view(np.uint8)].reshape(-1, 8).sum(axis=1, dtype=np.uint8)  # NumPy 1
