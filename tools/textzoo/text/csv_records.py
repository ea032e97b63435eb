"""Comma-separated values (RFC 4180), each record as a line of the cells that are read."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

from textzoo.errors import UserError
from textzoo.text.lines import MAX_LINE_BYTES, Line, Refused, decode_line, one_line, stop
from textzoo.text.streams import ByteStream, named, open_stream

# The names that a column of labels, or of texts, may have in a header; case does not count.
LABELS = ("label", "labels", "tag", "tags", "标签")
TEXT = ("text", "content", "sentence", "文本", "内容")

csv.field_size_limit(MAX_LINE_BYTES)


def read_records(
    path: Path,
    columns: tuple[tuple[str, ...], ...],
    start: int = 0,
    size: float = math.inf,
    number: int = 1,
    refused: Refused = stop,
) -> Iterator[Line]:
    """The records of a file below its header, each as a line: the wanted cells, tabs between them.

    Tabs and line ends in a cell become spaces. A record has the place of its first line.

    Args:
        path: the file.
        columns: for each cell of a line, the names that its column may have in the header.
        start: the byte that a record starts at, or 0.
        size: how many bytes to read.
        number: of the line that starts there.
        refused: told of a malformed record, and the next one is read; default: it is raised.

    Raises:
        UserError: a record has not as many cells as the header, or is not UTF-8. Whatever `refused`
            is: the header lacks a column; quotes or line ends are not those of CSV; a line is
            longer than `MAX_LINE_BYTES`.
    """
    with open_stream(path) as file:
        records = _Records(file, path)
        header = records.header()
        if header is None:
            return
        places = _places(header, columns, path)
        if start:
            file.seek(start)
            records.start, records.number = start, number
        end = start + size
        while records.start < end:
            first, number = records.start, records.number
            try:
                cells = records.next()
                if cells is None:
                    return
                if cells and len(cells) != len(header):
                    raise UserError(
                        f"{named(path)}:{number}: received {len(cells)} cell(s), expected "
                        f'{len(header)}: {",".join(header)}; a cell with a comma in it stands in "'
                    )
            except UserError as problem:
                if records.ended:
                    raise
                refused(problem)
                continue
            if cells:
                yield Line(path, number, first, "\t".join(one_line(cells[at]) for at in places))


class _Records:
    """Reads record by record; the module `csv` takes as many lines as one has.

    Attributes:
        start: where the next record starts, in bytes.
        number: its line, from 1.
        ended: whether nothing can be read after what was wrong.
    """

    def __init__(self, file: ByteStream, path: Path):
        self.start, self.number, self.ended = 0, 1, False
        self._file = file
        self._path = path
        self._not_text: Optional[UserError] = None
        self._records = csv.reader(self._lines(), strict=True)

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

    def header(self) -> Optional[list[str]]:
        """The first record that is not blank; None: there is none."""
        while not (cells := self.next()):
            if cells is None:
                return None
        return cells

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


def _places(header: list[str], columns: tuple[tuple[str, ...], ...], path: Path) -> list[int]:
    """The column of each cell that is read.

    Raises:
        UserError: there is none of its names, or several.
    """
    names = [name.strip().lower() for name in header]
    found = [[at for at, name in enumerate(names) if name in known] for known in columns]
    if any(len(own) != 1 for own in found):
        wanted = ", ".join("|".join(known) for known in columns)
        raise UserError(
            f"{named(path)}:1: received {','.join(header)[:200]!r}, expected a header that names "
            f"one column of each: {wanted}"
        )
    return [own[0] for own in found]
