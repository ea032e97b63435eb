"""Lists of ids of any length, all behind one another in one array."""

import mmap
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np


class Lists(NamedTuple):
    """Lists of numbers: all values behind one another, and how many each list has."""

    values: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, lists: list[list[int]]) -> "Lists":
        """Python's lists of integers."""
        counts = np.fromiter(map(len, lists), np.int64, len(lists))
        return cls(np.fromiter(chain.from_iterable(lists), np.int32, counts.sum()), counts)

    def rows(self) -> np.ndarray:
        """The list that each value is in."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def places(self) -> np.ndarray:
        """The place of each value in its list, from 0."""
        starts = np.cumsum(self.counts) - self.counts
        return np.arange(len(self.values)) - np.repeat(starts, self.counts)

    def kept(self, kept: np.ndarray) -> "Lists":
        """The lists of those values for which `kept` is true."""
        rows = self.rows()[kept]
        return Lists(self.values[kept], np.bincount(rows, minlength=len(self.counts)))

    def followed_by(self, other: "Lists") -> "Lists":
        """Each list with that of `other` behind it."""
        counts = self.counts + other.counts
        places = Lists(np.empty(counts.sum(), np.int32), counts).places()
        is_own = places < np.repeat(self.counts, counts)
        values = np.empty(len(places), np.int32)
        values[is_own] = self.values
        values[~is_own] = other.values
        return Lists(values, counts)


_ROWS_AT_ONCE = 1 << 20


class Column:
    """Lists of ids, one per row, in two memory-mapped arrays."""

    def __init__(self, values: np.ndarray, offsets: np.ndarray):
        self.values = values
        self.offsets = offsets

    @classmethod
    def of(cls, ids: list[list[int]]) -> "Column":
        """Lists of ids as a column in memory."""
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in ids])]).astype(np.int64)
        return cls(np.concatenate([np.asarray(row, np.int32) for row in ids]), offsets)

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """The number of ids in each of these rows, `[batch]`."""
        lengths = np.empty(len(rows), np.int32)
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[first : first + _ROWS_AT_ONCE]
            lengths[first : first + len(some)] = self.offsets[some + 1] - self.offsets[some]
            self.release()
        return lengths

    def padded(self, rows: np.ndarray, fill: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """The ids of these rows as `[batch, longest]`, filled up, and their lengths `[batch]`."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        steps = np.arange(max(1, lengths.max(initial=0)))
        inside = steps < lengths[:, None]
        padded = np.full(inside.shape, fill, np.int64)
        padded[inside] = self.values[(starts[:, None] + steps)[inside]]
        return padded, lengths

    def release(self) -> None:
        """Let the system take back the pages read so far; they are read again when needed."""
        for array in (self.values, self.offsets):
            mapping = getattr(array, "_mmap", None)
            if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
                mapping.madvise(mmap.MADV_DONTNEED)


def columns_of(rows: Sequence[dict[str, list[int]]]) -> dict[str, Column]:
    """The ids of some texts as columns in memory."""
    return {name: Column.of([row[name] for row in rows]) for name in rows[0]}
