"""Rows that a Python program gives, as a file that readers read: JSON Lines."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from textzoo.errors import UserError, shown
from textzoo.files import write_lines
from textzoo.text.fields import Field

# What may be given: a path, a DataFrame (anything with `columns` and `to_dict`), or rows.
Rows = Any


def is_path(rows: Rows) -> bool:
    """Whether it is a path of files, not rows themselves."""
    return isinstance(rows, (str, os.PathLike))


def write_rows(rows: Rows, fields: tuple[Field, ...], place: Path, name: str) -> None:
    """Write rows as JSON Lines, row n to line n.

    Args:
        rows: a DataFrame; or dicts with the same names; or tuples and lists: `(text, labels)`, or
            `(query, title, negative, ...)`, where negatives may be a list of texts; or texts, where
            a row is one text. Labels are a list, or a text in which they are separated as in files.
        fields: of the reader.
        place: the file to write.
        name: what messages call the rows, such as `train`.

    Raises:
        UserError: a row is none of these, or there are none.
    """
    if not fields:
        raise UserError(f"{name}: this reader takes files alone: received rows, expected a path")
    if not write_lines(place, _lines(rows, fields, name), name):
        raise UserError(f"{name}: received no rows, expected some")


def _lines(rows: Rows, fields: tuple[Field, ...], name: str) -> Iterator[str]:
    names = row_names(fields)
    for number, row in enumerate(_items(rows, name)):
        if not isinstance(row, Mapping):
            row = _named(row, fields, names, f"{name}[{number}]")
        try:
            line = json.dumps(row, ensure_ascii=False, default=_plain)
            line.encode()
        except UnicodeEncodeError:
            raise UserError(f"{name}[{number}]: holds half a character (a surrogate)") from None
        except (TypeError, ValueError) as problem:
            raise UserError(f"{name}[{number}]: received {shown(row)}: {problem}") from None
        yield line


def _items(rows: Rows, name: str) -> Iterator[Any]:
    if hasattr(rows, "columns") and hasattr(rows, "to_dict"):
        columns = [str(column) for column in rows.columns]
        cells = (_cells(rows.iloc[:, at]) for at in range(len(columns)))
        return (dict(zip(columns, row)) for row in zip(*cells))
    if isinstance(rows, Mapping) or not isinstance(rows, Iterable):
        raise UserError(
            f"{name}: received {type(rows).__name__}, expected a path, a DataFrame, or a list or "
            "other iterable of rows"
        )
    return iter(rows)


def _cells(column: Any) -> Iterator[Any]:
    """The cells of a column of a DataFrame; a missing one is None."""
    missing = column.isna().tolist()
    return (None if lacks else cell for cell, lacks in zip(column.tolist(), missing))


def row_names(fields: tuple[Field, ...]) -> list[str]:
    """What the parts of a tuple are called, in their order: the text comes first."""
    texts = [field for field in fields if not field.labels]
    ordered = [*texts, *(field for field in fields if field.labels)]
    return [_name(field) for field in ordered]


def _name(field: Field) -> str:
    return next((name for name in field.given if isinstance(name, str)), field.known[0])


def named_columns(fields: tuple[Field, ...]) -> dict[str, str]:
    """Keys of the `reader` block that tuples need, as what it says names no column of theirs."""
    return {
        field.key: _name(field)
        for field in fields
        if field.columns is not None and not isinstance(field.columns, str)
    }


def _named(row: Any, fields: tuple[Field, ...], names: list[str], place: str) -> dict[str, Any]:
    """A tuple or a text as a dict."""
    is_one = isinstance(row, str) and len(names) == 1
    parts = [row] if is_one else list(row) if isinstance(row, (tuple, list)) else []
    n_needed = sum(not field.optional for field in fields)
    n_most = len(parts) if n_needed < len(names) else n_needed
    if not n_needed <= len(parts) <= max(n_most, n_needed):
        expected = "a text" if len(names) == 1 else f"({', '.join(names)})"
        raise UserError(f"{place}: received {shown(row)}, expected {expected}, or a dict")
    found = dict(zip(names, parts[:n_needed]))
    if n_needed < len(names):
        more = parts[n_needed:]
        negatives = [t for part in more for t in (part if isinstance(part, list) else [part])]
        found[names[n_needed]] = negatives  # in each row: the first one tells the columns
    return found


def _plain(value: Any) -> Any:
    """What JSON has no form for: NumPy's numbers and arrays, tuples, sets in a fixed order."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is no text, number or list")
