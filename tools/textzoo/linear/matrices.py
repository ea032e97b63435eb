"""The types of features; arrays in files, and from files that may be damaged."""

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy

SparseRows = Any  # scipy.sparse.csr_matrix of float32: SciPy brings no types


class Rows(NamedTuple):
    """The features of texts: n-grams, of which a text has few, and behind them an embedding.

    Attributes:
        ngrams: `[rows, n-grams]`.
        dense: `[rows, width]`, float32; without embeddings the width is 0.
    """

    ngrams: SparseRows
    dense: np.ndarray

    @classmethod
    def of(cls, ngrams: SparseRows) -> "Rows":
        """Those of n-grams alone."""
        return cls(ngrams, np.zeros((ngrams.shape[0], 0), np.float32))

    @property
    def n(self) -> int:
        """How many there are."""
        return self.dense.shape[0]

    def chosen(self, rows: np.ndarray) -> "Rows":
        """Some of them."""
        return Rows(self.ngrams[rows], self.dense[rows])

    def followed_by(self, others: "Rows") -> "Rows":
        """They with others behind them."""
        ngrams = scipy.sparse.vstack([self.ngrams, others.ngrams], format="csr")
        return Rows(ngrams, np.concatenate([self.dense, others.dense]))

    def weighted(self, weight: float) -> "Rows":
        """They with their embeddings times a weight."""
        return Rows(self.ngrams, self.dense * np.float32(weight))

    def times(self, weights: np.ndarray) -> np.ndarray:
        """Their products with `[n-grams + width, n]`: `[rows, n]`."""
        n_ngrams = self.ngrams.shape[1]
        products = self.ngrams @ weights[:n_ngrams]
        return products + self.dense @ weights[n_ngrams:] if self.dense.shape[1] else products


# What a file may become in memory: so many bytes, or so many times its own. Deflated bytes may
# become a thousand times as many, with which a small file could take all memory.
_ALWAYS, _TIMES = 100_000_000, 100


def write_array(file: Path, array: np.ndarray) -> None:
    """Write an array to a `.npz` file, deflated.

    Lists of integers of several bytes mostly grow here: they are stored as the differences between
    neighbours, the first byte of all of them before the second, of which next to nothing is left.
    What `read_array` would refuse to inflate is stored as it is.
    """
    content: dict[str, Any] = {"numbers": array}
    if array.dtype.kind == "i" and array.itemsize > 1 and array.ndim == 1:
        steps = np.diff(array, prepend=array.dtype.type(0)).astype(array.dtype.newbyteorder("<"))
        parts = steps.view(np.uint8).reshape(-1, array.itemsize)
        content = {"steps": np.ascontiguousarray(parts.T)}
    np.savez_compressed(file, **content)
    if _is_too_large(file):
        np.savez(file, **content)


def read_array(file: Path, kind: str, n_axes: int = 1) -> np.ndarray:
    """An array that `write_array` wrote; nothing in the file is run.

    Args:
        file: its `.npz` file.
        kind: of its numbers, as in `numpy.dtype.kind`.
        n_axes: how many it has.

    Raises:
        ValueError: it is none, or another one.
    """
    try:
        if _is_too_large(file):
            raise ValueError(f"inflates to more than {_TIMES} times its size")
        with np.load(file, allow_pickle=False) as arrays:
            if "steps" in arrays:
                bytes_ = arrays["steps"]
                if bytes_.dtype != np.uint8 or bytes_.ndim != 2:
                    raise ValueError(f"received {bytes_.ndim} axes of {bytes_.dtype}")
                steps = np.ascontiguousarray(bytes_.T).view(f"<i{len(bytes_)}")[:, 0]
                array = np.cumsum(steps, dtype=steps.dtype.newbyteorder("="))
            else:
                array = arrays["numbers"]
    except Exception as failure:  # of zipfile, zlib or NumPy, of whatever kind
        raise ValueError(f"{file.name}: {failure}") from None
    if array.ndim != n_axes or array.dtype.kind != kind:
        raise ValueError(f"{file.name}: has {array.ndim} axes of {array.dtype}")
    return array


def _is_too_large(file: Path) -> bool:
    """Whether a file would be much larger inflated, by what it says; no more is inflated."""
    with zipfile.ZipFile(file) as members:
        size = sum(member.file_size for member in members.infolist())
    return size > max(_ALWAYS, _TIMES * file.stat().st_size)
