"""A corpus file: the texts to search, one a line, with ids and metadata where it has them."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

from textzoo.errors import UserError
from textzoo.text.lines import Line, Refused, one_line, read_lines, stop
from textzoo.text.streams import existing_file


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
    path: Path, key: str, max_bytes: float = math.inf, refused: Refused = stop
) -> list[Entry]:
    """The entries of a file in their order; one that comes again is left out.

    Args:
        path: a file of one text a line; or, with a name that ends in `.jsonl`, of one JSON object a
            line: `text`, an `id` if it has one, anything else is metadata. It may be compressed,
            or `-`: texts from standard input.
        key: which names the file in messages.
        max_bytes: the longest text in UTF-8.
        refused: told of a malformed line, a text that is too long, or an id that comes again with
            something else; default: it is raised.

    Raises:
        UserError: there is no such file or no text in it.
    """
    found: dict[str, Entry] = {}
    for line, entry in entries(existing_file(path, key), refused):
        if len(entry.text) * 4 > max_bytes and len(entry.text.encode()) > max_bytes:
            problem = (
                f"received a text of {len(entry.text.encode()):,} bytes, expected at most "
                f"{max_bytes:,}: split it"
            )
        elif found.setdefault(entry.id, entry) != entry:
            problem = (
                f"id {entry.id!r} came before, with another text or other metadata; expected one "
                "line for each id"
            )
        else:
            continue
        refused(UserError(f"{line.place}: {problem}"))
    if not found:
        raise UserError(f"{key}: {path}: received no text, expected one a line")
    return list(found.values())


def entries(path: Path, refused: Refused) -> Iterator[tuple[Line, Entry]]:
    """Every line with its entry.

    Args:
        path: see `read_entries`.
        refused: told of a malformed line, and the next one is read.
    """
    parse = _parse_object if ".jsonl" in path.suffixes[-2:] else _parse_text
    for line in read_lines(path, refused=refused):
        try:
            entry = parse(line)
        except UserError as problem:
            refused(problem)
        else:
            yield line, entry


def _parse_text(line: Line) -> Entry:
    text = one_line(line.text)
    return Entry(text, text)


def _parse_object(line: Line) -> Entry:
    try:
        row = json.loads(line.text)
        if "\\u" in line.text:
            _check_escapes(row, line.place)
    except (ValueError, RecursionError) as failure:
        raise UserError(
            f"{line.place}: is not JSON ({failure}); expected an object such as "
            '{"id": "a1", "text": "...", "language": "en"}'
        ) from None
    text = row.pop("text", None) if isinstance(row, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise UserError(f'{line.place}: expected a JSON object with a text in "text"')
    text = one_line(text)
    identity = row.pop("id", text)
    if not isinstance(identity, (str, int)) or isinstance(identity, bool) or identity == "":
        raise UserError(f"{line.place}: id: received {identity!r}, expected a text or an integer")
    for name in row:
        if not name[:1].isalpha():
            raise UserError(f"{line.place}: received the name {name!r}, expected a letter first")
    return Entry(str(identity), text, row or None)


def _check_escapes(row: Any, place: str) -> None:
    """Refuse what only escapes can write into a text: the results are lines of UTF-8 as well."""
    texts = map(str, row.values()) if isinstance(row, dict) else []
    found = re.search("[\0\ud800-\udfff]", "".join([json.dumps(row, ensure_ascii=False), *texts]))
    if found:
        raise UserError(
            f"{place}: received \\u{ord(found[0]):04x}, which stands for no character by itself"
        )
