"""Lists of ids of any length, all behind one another in one array."""

import mmap
from collections.abc import Sequence
from itertools import chain

import numpy as np

_ROWS_AT_ONCE = 1 << 20


class Ragged:
    """Lists of numbers, one a row: ids of words, of labels, of whatever a row has many of.

    Both arrays may be mapped from files.

    Attributes:
        values: `[numbers]` those of all lists.
        offsets: `[rows + 1]` where each list starts in `values`, and where the last one ends.
    """

    def __init__(self, values: np.ndarray, offsets: np.ndarray):
        self.values = values
        self.offsets = offsets

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> "Ragged":
        """Python's lists of integers."""
        counts = np.fromiter(map(len, lists), np.int64, len(lists))
        values = np.fromiter(chain.from_iterable(lists), np.int32, int(counts.sum()))
        return cls.with_counts(values, counts)

    @classmethod
    def with_counts(cls, values: np.ndarray, counts: np.ndarray) -> "Ragged":
        """Numbers, of which each list has so many, `[rows]`."""
        offsets = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return cls(values, offsets)

    def __len__(self) -> int:
        """How many lists there are."""
        return len(self.offsets) - 1

    @property
    def counts(self) -> np.ndarray:
        """How many numbers each list has, `[rows]`."""
        return np.diff(self.offsets)

    def rows(self) -> np.ndarray:
        """The list that each number is in, `[numbers]`."""
        return np.repeat(np.arange(len(self)), self.counts)

    def places(self) -> np.ndarray:
        """The place of each number in its list, from 0, `[numbers]`."""
        return np.arange(len(self.values)) - np.repeat(self.offsets[:-1], self.counts)

    def kept(self, kept: np.ndarray) -> "Ragged":
        """The lists of those numbers for which `kept` is true."""
        rows = self.rows()[kept]
        return Ragged.with_counts(self.values[kept], np.bincount(rows, minlength=len(self)))

    def chosen(self, rows: np.ndarray) -> "Ragged":
        """These lists alone, in memory."""
        counts = self.offsets[rows + 1] - self.offsets[rows]
        found = Ragged.with_counts(np.empty(int(counts.sum()), self.values.dtype), counts)
        shifts = np.repeat(self.offsets[rows] - found.offsets[:-1], counts)
        np.take(self.values, np.arange(len(shifts)) + shifts, out=found.values)
        return found

    def followed_by(self, other: "Ragged") -> "Ragged":
        """Each list with that of `other` behind it."""
        both = Ragged.with_counts(
            np.empty(len(self.values) + len(other.values), np.int32), self.counts + other.counts
        )
        is_own = both.places() < np.repeat(self.counts, both.counts)
        both.values[is_own] = self.values
        both.values[~is_own] = other.values
        return both

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """How many numbers each of these lists has, `[len(rows)]`."""
        lengths = np.empty(len(rows), np.int32)
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[first : first + _ROWS_AT_ONCE]
            lengths[first : first + len(some)] = self.offsets[some + 1] - self.offsets[some]
            self.release()
        return lengths

    def padded(self, rows: np.ndarray, fill: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """These lists as `[len(rows), longest]`, filled up, and their lengths `[len(rows)]`."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        steps = np.arange(max(1, lengths.max(initial=0)))
        inside = steps < lengths[:, None]
        padded = np.full(inside.shape, fill, np.int64)
        padded[inside] = self.values[(starts[:, None] + steps)[inside]]
        return padded, lengths

    def first(self, rows: np.ndarray, n: int) -> np.ndarray:
        """The first n numbers of each of these lists, which have as many, `[len(rows), n]`."""
        return self.values[self.offsets[rows][:, None] + np.arange(n)]

    def has_known(self, rows: np.ndarray) -> bool:
        """Whether one of these lists, of which none is empty, has a number that is not below 0."""
        some = (rows[first : first + _ROWS_AT_ONCE] for first in range(0, len(rows), _ROWS_AT_ONCE))
        return any((self.padded(part)[0] >= 0).any() for part in some)

    def release(self) -> None:
        """Let the system take back the pages read so far; they are read again when needed."""
        for array in (self.values, self.offsets):
            mapping = getattr(array, "_mmap", None)  # of np.memmap
            if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
                mapping.madvise(mmap.MADV_DONTNEED)


Columns = dict[str, Ragged]  # the ids of some rows, by what they are of


def truth_of(labels: Ragged, rows: np.ndarray, n_labels: int) -> np.ndarray:
    """1 for the labels that each of these rows has, else 0, `[len(rows), n_labels]`, float32."""
    ids, _ = labels.padded(rows, fill=-1)
    truth = np.zeros((len(rows), n_labels), np.float32)
    has = ids >= 0
    truth[np.nonzero(has)[0], ids[has]] = 1
    return truth


def columns_of(rows: Sequence[dict[str, list[int]]]) -> Columns:
    """The ids of some texts as columns in memory."""
    return {name: Ragged.of([row[name] for row in rows]) for name in rows[0]}
