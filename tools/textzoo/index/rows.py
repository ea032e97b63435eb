"""Rows of an index that more are appended to: in memory, or in a file that is mapped."""

import tempfile
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from textzoo.errors import UserError
from textzoo.files import reason

_COPIED = 4096  # rows that are copied to a file at once


def kept_rows(
    rows: np.ndarray, spill_to: Optional[Path] = None
) -> "Union[GrowingRows, SpilledRows]":
    """Rows `[n, width]` in a temporary file in this folder; without one in memory."""
    return SpilledRows(rows, spill_to) if spill_to else GrowingRows(rows)


class GrowingRows:
    """Rows to which more are appended: not all of them are copied each time.

    Args:
        rows: the first ones, `[n, width]`; they are not written to.
    """

    def __init__(self, rows: np.ndarray):
        self.rows = rows
        self._room = rows  # the rows and what is free behind them

    def append(self, more: np.ndarray) -> None:
        """Add rows `[n, width]`."""
        if not len(more):  # a slice of a mapped file would no longer be known for one
            return
        first, n = len(self.rows), len(self.rows) + len(more)
        if n > len(self._room):
            self._room = np.empty((max(n, first * 3 // 2), self.rows.shape[1]), self.rows.dtype)
            self._room[:first] = self.rows
        self._room[first:n] = more
        self.rows = self._room[:n]

    def save(self, path: Path) -> None:
        """Write the rows; a mapped file is read first, as not every system lets it be replaced."""
        if isinstance(self.rows.base, np.memmap):
            self.rows = self._room = np.array(self.rows)
        np.save(path, self.rows)


class SpilledRows:
    """The same in a temporary file, which is mapped: memory holds what is in use.

    Args:
        rows: the first ones, `[n, width]`; they are not written to.
        folder: where the file is.
    """

    def __init__(self, rows: np.ndarray, folder: Path):
        self.rows = rows
        self._folder = folder
        self._file: Any = None  # with all rows, or none yet

    def append(self, more: np.ndarray) -> None:
        """See `GrowingRows.append`.

        Raises:
            UserError: the file cannot be written.
        """
        n = len(self.rows) + len(more)
        if not n:
            return
        file = self._file
        try:
            if file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (open while we are)
                for first in range(0, len(self.rows), _COPIED):
                    file.write(self.rows[first : first + _COPIED].tobytes())
            file.seek(self.rows.nbytes)  # wherever a write that failed has ended
            file.write(more.astype(self.rows.dtype, copy=False).tobytes())
            file.flush()
        except OSError as failure:
            raise UserError(
                f"index.path: cannot write into {self._folder}: {reason(failure)}; choose another "
                "folder with -o index.path=PATH"
            ) from None
        self.rows = np.memmap(file, self.rows.dtype, "r", shape=(n, self.rows.shape[1]))
        self._file = file

    def save(self, path: Path) -> None:
        """Write the rows; not from a file of the index, which not every system lets be replaced."""
        if self._file is None:
            self.append(self.rows[:0])
        np.save(path, self.rows)
