"""How the rows of a file become the lines that a reader parses: which format, which columns."""

import functools
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Optional

from textzoo.errors import BadLine, shown
from textzoo.text.fields import Field, listed
from textzoo.text.json_lines import parsed_object
from textzoo.text.lines import one_line

Kind = Literal["lines", "TSV", "CSV", "JSON Lines", "Parquet", "fastText"]

FASTTEXT = "__label__"
_FASTTEXT_LABEL = re.compile(rf"(?:^|(?<=[ \t\v\f])){FASTTEXT}([^ \t\v\f]*)[ \t\v\f]*")
_IS_SET = {"1": True, "1.0": True, "true": True} | dict.fromkeys(["0", "0.0", "false", ""], False)


@dataclass(frozen=True)
class Layout:
    """How the rows of a file become lines.

    Attributes:
        kind: the format; `lines`: they are such lines as they stand.
        fields: the parts of a line.
        places: for each field, its columns: places from 0 in TSV and CSV, else names.
        names: of the columns; without a header, their numbers.
        header: where the header starts in the file (bytes); None: there is none.
        delimiter: between cells.
    """

    kind: Kind = "lines"
    fields: tuple[Field, ...] = ()
    places: tuple[tuple[Any, ...], ...] = ()
    names: tuple[str, ...] = ()
    header: Optional[int] = None
    delimiter: str = ","

    @property
    def described(self) -> str:
        """What is read, in words; nothing of plain lines."""
        if self.kind == "lines":
            return ""
        if self.kind == "fastText":
            return f"reads fastText's form: labels behind {FASTTEXT}, text from the rest"
        found = [
            f"{field.name} from {', '.join(map(self._named, places))}"
            for field, places in sorted(zip(self.fields, self.places), key=lambda f: f[0].labels)
            if places
        ]
        delimiter = (
            f" with {self.delimiter!r}" if self.kind == "CSV" and self.delimiter != "," else ""
        )
        return f"reads {self.kind}{delimiter}: {', '.join(found)}"

    def _named(self, place: Any) -> str:
        if isinstance(place, str):
            return f"`{place}`"
        return f"column {place + 1}" if self.header is None else f"`{self.names[place]}`"

    def lines(self, texts: list[str]) -> list[str]:
        """The lines of some rows that have a line each.

        Raises:
            BadLine: a row is malformed.
        """
        return list(map(self.line, texts)) if self.kind != "lines" else texts

    def line(self, text: str) -> str:
        """The line of a row.

        Raises:
            BadLine: it is malformed.
        """
        if self.kind == "TSV":
            cells = text.split("\t")
            if len(cells) != len(self.names):
                raise BadLine(
                    f"received {len(cells)} column(s) between tabs, expected {len(self.names)}"
                    + (f": {', '.join(self.names)}"[:200] if self.header is not None else "")
                )
            return self.line_of_cells(cells)
        if self.kind == "fastText":
            labels = listed(_FASTTEXT_LABEL.findall(text))
            return f"{labels}\t{one_line(without_labels(text))}"
        return self._line_of_object(parsed_object(text))

    @functools.cached_property
    def _single(self) -> list[int]:
        """The places of fields that are a cell each; none if one is another."""
        found = [(field, own) for field, own in zip(self.fields, self.places) if own]
        is_single = not any(
            len(own) > 1 or field.optional or isinstance(field.columns, list)
            for field, own in found
        )
        return [own[0] for _, own in found] if is_single else []

    def line_of_cells(self, cells: list[str]) -> str:
        """The line of a record of TSV or CSV.

        Raises:
            BadLine: a cell is not what its field takes.
        """
        if self._single:
            return "\t".join([one_line(cells[at]) for at in self._single])
        parts = (
            _part(field, [self.names[at] for at in places], [cells[at] for at in places])
            for field, places in zip(self.fields, self.places)
        )
        return "\t".join(part for part in parts if part is not None)

    def _line_of_object(self, row: dict[str, Any]) -> str:
        parts = []
        for field, names in zip(self.fields, self.places):
            lacking = [] if field.optional else [name for name in names if name not in row]
            if lacking:
                has = ", ".join(map(str, row))[:200]
                raise BadLine(f"received an object of {has}, expected {lacking[0]!r} too")
            parts.append(_part(field, names, [row.get(name) for name in names]))
        return "\t".join(part for part in parts if part is not None)


LINES = Layout()


def _part(field: Field, names: Sequence[str], cells: list[Any]) -> Optional[str]:
    """A field of a line; None of an optional one that the row has not."""
    if field.optional:
        texts = [text for cell in cells for text in (cell if isinstance(cell, list) else [cell])]
        found = filter(None, (_text(field, text) for text in texts))
        return "\t".join(found) or None
    if not field.labels:
        return " ".join(filter(None, (_text(field, cell) for cell in cells)))
    if not isinstance(field.columns, list):
        return _labels(cells[0])
    if field.levels:
        return listed(one_line(_scalar(cell)) for cell in cells)
    return listed(name for name, cell in zip(names, cells) if _is_set(name, cell))


def _text(field: Field, cell: Any) -> str:
    if _is_missing(cell):
        return ""
    if not isinstance(cell, str):
        raise BadLine(f"received {shown(cell)} as {field.name}, expected a text")
    return one_line(cell)


def _labels(cell: Any) -> str:
    if not isinstance(cell, list):
        return one_line(_scalar(cell))
    labels = [one_line(_scalar(label)) for label in cell]
    if any("\x1f" in label for label in labels):
        raise BadLine("received a label with the control character \\x1f in it")
    return listed(labels)


def _scalar(cell: Any) -> str:
    if isinstance(cell, (list, dict)):
        raise BadLine(f"received {shown(cell)} as a label, expected a text, or a list of texts")
    if _is_missing(cell):
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell)


def _is_missing(cell: Any) -> bool:
    """Whether there is no value: null, or NaN, as which pandas and others write it."""
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _is_set(name: str, cell: Any) -> bool:
    found = _IS_SET.get(_scalar(cell).strip().lower())
    if found is None:
        raise BadLine(
            f"received {shown(cell)} in {name!r}, expected 1 or 0: several columns of labels tell "
            "which of these labels a row has"
        )
    return found


def without_labels(text: str) -> str:
    """A line of fastText's form without its labels."""
    return _FASTTEXT_LABEL.sub("", text)
