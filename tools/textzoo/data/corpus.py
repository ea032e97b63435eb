"""A corpus file: the texts to search, one a line, with ids and metadata where it has them."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

from textzoo.errors import BadLine, UserError
from textzoo.text.csv_records import read_records
from textzoo.text.fields import TEXT, TITLE, Field
from textzoo.text.json_lines import parsed_object
from textzoo.text.layout import Layout
from textzoo.text.lines import Line, Refused, one_line, read_lines, stop
from textzoo.text.reader import Reader
from textzoo.text.records import text_field, text_layout
from textzoo.text.streams import existing_file

_NAME = "text"  # of the column, or the key, that has the text, unless the config says another
_EXAMPLE = '{"id": "a1", "text": "...", "language": "en"}'


class Entry(NamedTuple):
    """A text of a corpus.

    Attributes:
        id: what it is replaced and deleted by; the text itself where the file gives none.
        text: the text.
        metadata: what searches may be filtered by.
    """

    id: str
    text: str
    metadata: Optional[dict[str, Any]] = None


def read_entries(
    path: Path,
    key: str,
    max_bytes: float = math.inf,
    refused: Refused = stop,
    reader: Optional[Reader] = None,
) -> list[Entry]:
    """The entries of a file in their order; one that comes again is left out.

    Args:
        path: a file of one text a line; or, with a name that ends in `.jsonl`, of one JSON object a
            line: `text`, an `id` if it has one, anything else is metadata. CSV (`.csv`) and Parquet
            (`.parquet`) have such columns. It may be compressed, or `-`: texts from standard input.
        key: which names the file in messages.
        max_bytes: the longest text in UTF-8.
        reader: whose `title_column` names the column of the text, if it is not `text`.
        refused: told of a malformed line, a text that is too long, or an id that comes again with
            something else; default: it is raised.

    Raises:
        UserError: there is no such file or no text in it.
    """
    found: dict[str, Entry] = {}
    for line, entry in entries(existing_file(path, key), refused, reader):
        if len(entry.text) * 4 > max_bytes and len(entry.text.encode()) > max_bytes:
            problem = (
                f"received a text of {len(entry.text.encode()):,} bytes, expected at most "
                f"{max_bytes:,}: split it"
            )
        else:
            problem = contradiction(entry, found)
        if problem:
            refused(UserError(f"{line.place}: {problem}"))
    if not found:
        raise UserError(f"{key}: {path}: received no text, expected one a line")
    return list(found.values())


def contradiction(entry: Entry, found: dict[str, Entry]) -> str:
    """What is wrong with an entry among those before it, by their ids; nothing: it joins them."""
    if found.setdefault(entry.id, entry) == entry:
        return ""
    return (
        f"id {entry.id!r} came before, with another text or other metadata; expected one line for "
        "each id"
    )


def entries(
    path: Path, refused: Refused, reader: Optional[Reader] = None
) -> Iterator[tuple[Line, Entry]]:
    """Every line with its entry.

    Args:
        path: see `read_entries`.
        refused: told of a malformed line, and the next one is read.
        reader: see `read_entries`.
    """
    layout = _layout(path, reader)
    if layout.kind == "CSV":
        lines = read_records(
            path, lambda cells: _object(layout, cells), layout.delimiter, layout.header,
            refused=refused,
        )  # fmt: skip
    else:
        lines = read_lines(path, refused=refused)
    is_object = layout.kind != "lines" or ".jsonl" in path.suffixes[-2:]
    for line in lines:
        try:
            entry = _parse_object(line.text, layout) if is_object else _parse_text(line)
        except BadLine as problem:
            refused(UserError(f"{line.place}: {problem}"))
        else:
            yield line, entry


def described_layout(path: Path, reader: Optional[Reader] = None) -> str:
    """How the entries of a file are read, in words; nothing of plain lines.

    Args:
        path: see `read_entries`.
        reader: see `read_entries`.
    """
    return _layout(path, reader).described


def _layout(path: Path, reader: Optional[Reader]) -> Layout:
    """Where the text is.

    In what a key calls it; else in `text`, or what else titles and texts are called. A number is
    of files of pairs without a header: `text` goes before it.
    """
    columns = text_field(reader, "title").columns if reader else None
    ending = [suffix for suffix in path.suffixes if suffix not in (".gz", ".zst")][-1:]
    named = Field("text", "title_column", (_NAME,))
    if ending == [".jsonl"] and columns is None:  # each line for itself
        return Layout("JSON Lines", (named,), ((_NAME,),))
    fields = [named, named._replace(known=(*TITLE, *TEXT))]
    given = named._replace(columns=columns)
    if given.given:
        fields.insert(any(isinstance(column, int) for column in given.given), given)
    problems = []
    for field in fields:
        try:
            return text_layout(path, field)
        except UserError as problem:
            problems.append(problem)
    raise problems[fields.index(given) if given.given else -1]


def _object(layout: Layout, cells: list[str]) -> str:
    row = {name: cell for name, cell in zip(layout.names, cells) if name and cell}
    if layout.header is None:  # cells without names are no metadata
        row = {name: row.get(name) for name in (layout.names[at] for at in layout.places[0])}
    return json.dumps(row, ensure_ascii=False)


def _parse_text(line: Line) -> Entry:
    text = one_line(line.text)
    return Entry(text, text)


def _parse_object(line: str, layout: Layout) -> Entry:
    row = parsed_object(line, _EXAMPLE)
    names = [layout.names[at] if isinstance(at, int) else at for at in layout.places[0]]
    texts = [row.pop(name, None) for name in names]
    text = " ".join(filter(None, (one_line(text) for text in texts if isinstance(text, str))))
    if not text:
        raise BadLine(f'expected a JSON object with a text in "{names[0]}"')
    identity = row.pop("id", text)
    if not isinstance(identity, (str, int)) or isinstance(identity, bool) or identity == "":
        raise BadLine(f"id: received {identity!r}, expected a text or an integer")
    for name in row:
        if not name[:1].isalpha():
            raise BadLine(f"received the name {name!r}, expected a letter first")
    return Entry(str(identity), text, row or None)
