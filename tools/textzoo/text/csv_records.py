"""Comma-separated values (RFC 4180), each record as a list of cells."""

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Optional

from textzoo.errors import BadLine, UserError
from textzoo.text.lines import MAX_LINE_BYTES, Line, Refused, decode_line, stop
from textzoo.text.streams import ByteStream, named, open_stream

csv.field_size_limit(MAX_LINE_BYTES)


class Record(NamedTuple):
    """A record: where it starts in the file (bytes), the number of its first line, its cells."""

    start: int
    number: int
    cells: list[str]


def first_record(path: Path, delimiter: str = ",") -> Optional[Record]:
    """The first record that is not blank; None: there is none.

    Raises:
        UserError: it is malformed.
    """
    with open_stream(path) as file:
        return _Records(file, path, delimiter).first()


def read_records(
    path: Path,
    line_of: Callable[[list[str]], str],
    delimiter: str = ",",
    header: Optional[int] = None,
    start: int = 0,
    size: float = math.inf,
    number: int = 1,
    refused: Refused = stop,
) -> Iterator[Line]:
    """The records of a file, each as a line with the place of the first one that it stands in.

    Args:
        path: the file.
        line_of: what makes a line of cells; `BadLine` refuses them.
        delimiter: between cells.
        header: where the header starts, which is no row.
        start: the byte that a record starts at, or 0.
        size: how many bytes to read.
        number: of the line that starts there.
        refused: told of a malformed record, and the next one is read; default: it is raised.

    Raises:
        UserError: a record has not as many cells as the first one, or is not UTF-8. Whatever
            `refused` is: quotes or line ends are not those of CSV; a line is longer than
            `MAX_LINE_BYTES`.
    """
    with open_stream(path) as file:
        records = _Records(file, path, delimiter)
        first = records.first()
        if first is None:
            return
        records.go_to(start, number)
        end = start + size
        while records.start < end:
            at, number = records.start, records.number
            try:
                cells = records.next()
                if cells is None:
                    return
                if not cells or at == header:
                    continue
                if len(cells) != len(first.cells):
                    raise BadLine(
                        f"received {len(cells)} cell(s), expected {len(first.cells)}: "
                        f"{delimiter.join(first.cells)[:200]}; a cell with a {delimiter!r} in it "
                        'stands in "'
                    )
                line = line_of(cells)
            except (BadLine, UserError) as problem:
                if records.ended:
                    raise
                if isinstance(problem, BadLine):
                    problem = UserError(f"{named(path)}:{number}: {problem}")
                refused(problem)
            else:
                yield Line(path, number, at, line)


class _Records:
    """Reads record by record; the module `csv` takes as many lines as one has.

    Attributes:
        start: where the next record starts, in bytes.
        number: its line, from 1.
        ended: whether nothing can be read after what was wrong.
    """

    def __init__(self, file: ByteStream, path: Path, delimiter: str):
        self.start, self.number, self.ended = 0, 1, False
        self._file = file
        self._path = path
        self._not_text: Optional[UserError] = None
        self._records = csv.reader(self._lines(), strict=True, delimiter=delimiter)

    def _lines(self) -> Iterator[str]:
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            try:
                text = decode_line(raw, self._path, self.number)
            except UserError as problem:
                if len(raw) > MAX_LINE_BYTES:
                    self.ended = True
                    raise
                self._not_text = problem
                text = raw.decode("utf-8", "replace").replace("\0", "").rstrip("\r\n")
            self.start += len(raw)
            self.number += 1
            yield f"{text}\n"

    def go_to(self, start: int, number: int) -> None:
        """Go on from where a record starts."""
        self._file.seek(start)
        self.start, self.number = start, number

    def first(self) -> Optional[Record]:
        """The next record that is not blank; None: there is none."""
        while True:
            start, number = self.start, self.number
            cells = self.next()
            if cells is None:
                return None
            if cells:
                return Record(start, number, cells)

    def next(self) -> Optional[list[str]]:
        """The cells of a record, none of a blank line; None: it was the last one.

        Raises:
            UserError: it is malformed.
        """
        number, self._not_text = self.number, None
        try:
            cells = next(self._records)
        except StopIteration:
            return None
        except csv.Error as failure:
            self.ended = True  # where the next record starts, nobody knows
            raise self._not_text or UserError(
                f"{named(self._path)}:{number}: is not CSV ({failure}); expected a cell with "
                'commas, quotes or line ends as "cell", with "" for each quote in it'
            ) from None
        if self._not_text:
            raise self._not_text
        return cells if len(cells) > 1 or "".join(cells).strip() else []
