"""People's files as they are: the rows of TSV, CSV, JSON Lines, Parquet and fastText's form.

Whatever the format, a row becomes the line that a reader parses: its fields with tabs between them.
Which format a file has, and which columns its fields are in, is a `Layout`; it is found where only
one answer is possible, and otherwise the config has to say.
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional

from textzoo.errors import BadLine, UserError
from textzoo.text.csv_records import first_record, read_records
from textzoo.text.fields import TEXT, Column, Field
from textzoo.text.json_lines import parsed_object
from textzoo.text.layout import FASTTEXT, LINES, Kind, Layout, without_labels
from textzoo.text.lines import Line, Refused, one_line, read_lines, stop
from textzoo.text.reader import Reader, Side
from textzoo.text.streams import STANDARD_INPUT

_JSON = (".jsonl", ".ndjson", ".json")
_COMPRESSED = (".gz", ".zst")


class _NoLayout(Exception):
    """The columns of a file are not those that were asked for; the message says what to do."""


def read_rows(
    layout: Layout,
    path: Path,
    start: int = 0,
    size: float = math.inf,
    number: int = 1,
    refused: Refused = stop,
) -> Iterator[Line]:
    """The rows of a file as lines that its reader parses; see `read_lines`.

    Args:
        layout: the file's.
        path: the file.
        start: the byte that a row starts at.
        size: how many bytes to read.
        number: of the line that starts there.
        refused: told of a malformed row, and the next one is read; default: it is raised.
    """
    if layout.kind == "CSV":
        yield from read_records(
            path,
            layout.line_of_cells,
            layout.delimiter,
            layout.header,
            start,
            size,
            number,
            refused,
        )
        return
    for line in read_lines(path, start, size, number, refused):
        if layout.kind == "lines":
            yield line
        elif line.start != layout.header:
            try:
                yield line._replace(text=layout.line(line.text))
            except BadLine as problem:
                refused(UserError(f"{line.place}: {problem}"))


def row_starts(layout: Layout, path: Path) -> Iterator[Line]:
    """Where the rows of a file of CSV start that can be read; the lines are empty."""
    place = (layout.delimiter, layout.header)
    return read_records(path, lambda _: "", *place, refused=lambda _: None)


def layout_of(path: Path, reader: Reader, fields: Optional[tuple[Field, ...]] = None) -> Layout:
    """The layout of a file of rows, by its name and its first row.

    Args:
        path: the file; standard input has lines as the reader parses them.
        reader: whose lines are wanted.
        fields: of them; default: all.

    Raises:
        UserError: several layouts are possible, or none; it says which keys decide.
    """
    fields = reader.fields if fields is None else fields
    if not fields or path == STANDARD_INPUT:
        return LINES
    suffix = _suffix(path)
    if reader.is_csv or suffix == ".csv":
        try:
            return _csv(path, fields)
        except _NoLayout as problem:
            first, given = _first_line(path), any(field.given for field in fields)
            may_be_lines = len(fields) > 1 and not (reader.is_csv or given)
            if not (first and may_be_lines and _parses(reader, first.text)):
                raise UserError(str(problem)) from None
            return LINES
    first = _first_line(path)
    return LINES if first is None else _layout(first, fields, suffix)


def text_field(reader: Reader, side: Side = "query") -> Field:
    """What the column of a file of texts may be called that a reader is to encode.

    Args:
        reader: of rows with these texts.
        side: which of a pair's texts they are.
    """
    texts = [field for field in reader.fields if not (field.labels or field.optional)]
    field = texts[-1 if side == "title" else 0] if texts else Field("text", "text_column", ())
    return Field("text", field.key, (*field.known, *TEXT), field.columns)


def text_layout(path: Path, field: Field) -> Layout:
    """The layout of a file of texts: of a column, if its name says that it has columns.

    Args:
        path: a file, or standard input: a text a line.
        field: the texts.

    Raises:
        UserError: see `layout_of`.
    """
    suffix, fields = _suffix(path), (field,)
    if path == STANDARD_INPUT:
        return LINES
    if suffix == ".csv":
        try:
            return _csv(path, fields)
        except _NoLayout as problem:
            raise UserError(str(problem)) from None
    first = _first_line(path) if suffix in (*_JSON, ".parquet") else None
    return LINES if first is None else _json(first, fields, suffix)


def all_texts(path: Path) -> Iterator[str]:
    """Every text of a file: its lines; the cells of CSV, the values of JSON Lines and Parquet."""
    suffix = _suffix(path)
    if suffix == ".csv":
        for delimiter in _delimiters(path):
            for line in read_records(
                path, lambda cells: "\t".join(map(one_line, cells)), delimiter
            ):
                yield line.text
        return
    for line in read_lines(path):
        if suffix in (*_JSON, ".parquet"):
            try:
                yield from _texts_in(parsed_object(line.text))
            except BadLine as problem:
                raise UserError(f"{line.place}: {problem}") from None
        else:
            yield without_labels(line.text)


def _delimiters(path: Path) -> list[str]:
    """What may stand between the cells of a file of CSV: whatever parts all its rows."""
    found = []
    for delimiter in ",;\t":
        with suppress(UserError):  # of quotes within cells
            first = first_record(path, delimiter)
            if first is None or len(first.cells) == 1:  # which need not be read to the end
                continue
            rows = read_records(path, lambda cells: str(len(cells)), delimiter)
            if {row.text for row in rows} == {str(len(first.cells))}:
                found.append(delimiter)
    return found or [","]


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield one_line(value)
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(part)


def _suffix(path: Path) -> str:
    """What a file's name ends in, but for that of compression; in lower case."""
    name = path.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return Path(name).suffix


def _first_line(path: Path) -> Optional[Line]:
    """The first line that can be read, if there is one; others are told of when all are read."""
    return next(read_lines(path, refused=lambda _: None), None)


def _parses(reader: Reader, line: str) -> bool:
    try:
        reader.parse(line)
    except BadLine:
        return False
    return True


def _layout(first: Line, fields: tuple[Field, ...], suffix: str) -> Layout:
    """The layout of a file that is not known to be CSV."""
    if suffix in _JSON:
        return _json(first, fields, suffix)
    text, given = first.text, any(field.given for field in fields)
    if text.startswith("{") and _is_object(text):
        try:
            return _json(first, fields, suffix)
        except UserError:
            if given or suffix == ".parquet":
                raise
            return LINES
    if text.startswith(FASTTEXT) and "\t" not in text and fields[0].labels and not given:
        return Layout("fastText", fields)
    problem = None
    for kind, delimiter in (("TSV", "\t"), ("CSV", ","), ("CSV", ";")):
        if len(fields) > 1 or given:
            try:
                if kind == "TSV":
                    return _of_cells("TSV", fields, text.split("\t"), first, delimiter)
                if "\t" not in text and delimiter in text:
                    return _csv(first.path, fields, delimiter)
            except _NoLayout as failure:
                problem = problem or failure
                if kind == "TSV":
                    _refuse_quoted_names(first, fields)
            except UserError:
                if kind == "TSV" or given:
                    raise
    if given:
        raise UserError(str(problem)) from None
    return LINES


def _refuse_quoted_names(first: Line, fields: tuple[Field, ...]) -> None:
    """Refuse names between tabs that would be known without the quotes around them.

    Raises:
        UserError: they would.
    """
    cells = first.text.split("\t")
    if not all(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells):
        return
    try:
        _of_cells("TSV", fields, [cell[1:-1] for cell in cells], first, "\t")
    except _NoLayout:
        return
    raise UserError(
        f"{first.place}: names in quotes, which in TSV are part of a text; expected them without, "
        "or a file whose name ends in .csv"
    )


def _csv(path: Path, fields: tuple[Field, ...], delimiters: str = ",;\t") -> Layout:
    """The layout of a file of CSV, with the first of these delimiters that decides.

    If none does, what is told is of the one that gives most cells.
    """
    problem, most = None, 0
    for delimiter in delimiters:
        try:
            record = first_record(path, delimiter)
        except UserError:
            # Lines in a file of this name: their quotes are text. Or another delimiter is right.
            if delimiter == "\t" or most > 1:
                continue
            raise
        if record is None:
            return LINES
        first = Line(path, record.number, record.start, "")
        try:
            return _of_cells("CSV", fields, record.cells, first, delimiter)
        except _NoLayout as failure:
            if len(record.cells) > most:
                problem, most = failure, len(record.cells)
    raise problem or _NoLayout


def _of_cells(
    kind: Kind, fields: tuple[Field, ...], cells: list[str], first: Line, delimiter: str
) -> Layout:
    """The layout of a file with these cells in its first row.

    It is a header if a column is asked for by its name, or recognised by it.

    Raises:
        _NoLayout: it does not decide.
    """
    names = tuple(cell.strip() for cell in cells)
    numbers = [(field, at) for field in fields for at in field.given if isinstance(at, int)]
    by_name = any(
        len(field.given) > sum(1 for of, _ in numbers if of is field)
        or not (field.given or field.optional)
        for field in fields
    )
    is_known = any(names[at - 1].lower() in of.known for of, at in numbers if at <= len(names))
    places = _places(kind, fields, names, first)
    if by_name or is_known:
        return Layout(kind, fields, places, names, first.start, delimiter)
    return Layout(
        kind, fields, places, tuple(str(at + 1) for at in range(len(names))), None, delimiter
    )


def _places(
    kind: Kind, fields: tuple[Field, ...], names: tuple[str, ...], first: Line
) -> tuple[tuple[int, ...], ...]:
    """For each field the places of its columns.

    Raises:
        _NoLayout: the names do not decide, telling the keys that do.
        UserError: the same of names that are known, in what can only be a header.
    """
    problems: list[str] = []
    lower = [name.lower() for name in names]
    found, is_header = [], len(fields) > 1
    for field in fields:
        if field.given:
            places = [_place(kind, field, column, names, problems) for column in field.given]
        else:
            places = [at for at, name in enumerate(lower) if name in field.known]
            beside = [name for name in names if name.lower() in field.alone]
            if not field.optional and (len(places) != 1 or beside):
                problems.append(_undecided(kind, field, [names[at] for at in places], beside))
        there = [at for at in places if 0 <= at < len(names)]
        is_header = is_header and bool(there or field.optional)
        found.append(tuple(places))
    all_places = [place for places in found for place in places]
    if not problems and len(set(all_places)) < len(all_places):
        problems.append("one column is asked for twice")
    if problems:
        columns = ", ".join(name or "''" for name in names)
        columns = columns if len(columns) <= 200 else f"{columns[:200]}..."
        refusal = UserError if is_header else _NoLayout
        raise refusal(f"{first.place}: {kind} with the columns {columns}: " + "; ".join(problems))
    return tuple(found)


def _place(
    kind: Kind, field: Field, column: Column, names: tuple[str, ...], problems: list[str]
) -> int:
    """The place of a column that a key names, or one more problem."""
    at = column - 1 if isinstance(column, int) else -1
    if isinstance(column, int):
        if kind not in ("TSV", "CSV"):
            problems.append(f"reader.{field.key}: received {column}, expected a name")
        elif column > len(names):
            problems.append(
                f"reader.{field.key}: received {column}, expected a number from 1 to {len(names)}"
            )
        return at
    lower = [name.lower() for name in names]
    for known, name in ((list(names), column), (lower, column.lower())):
        if known.count(name) == 1:
            return known.index(name)
    which = "several of them: set it to a number, from 1" if column in names else "none of them"
    problems.append(f"reader.{field.key}: received {column!r}, which is {which}")
    return at


def _undecided(kind: Kind, field: Field, found: list[str], beside: list[str]) -> str:
    if beside:
        return (
            f"{beside[0]!r} may tell that not all rows are pairs of the same meaning: leave out "
            f"those that are none, and name the column of the {field.name} by reader.{field.key}"
        )
    those = f"{' and '.join(map(repr, found))} may both be the {field.name}" if found else (
        f"none is known for the {field.name}"
    )  # fmt: skip
    if len(set(found)) < len(found):
        return f"{those}: set reader.{field.key} to a number, from 1"
    number = "; or to a number, if this is no header" if kind in ("TSV", "CSV") else ""
    return f"{those}: set reader.{field.key} to a name{number}"


def _json(first: Line, fields: tuple[Field, ...], suffix: str) -> Layout:
    """The layout of a file of objects, by the names in the first one.

    Raises:
        UserError: it is no object, or does not decide.
    """
    kind: Kind = "Parquet" if suffix == ".parquet" else "JSON Lines"
    try:
        names = tuple(parsed_object(first.text))
        places = _places(kind, fields, names, first)
    except BadLine as problem:
        raise UserError(f"{first.place}: {problem}") from None
    except _NoLayout as problem:
        raise UserError(str(problem)) from None
    return Layout(kind, fields, tuple(tuple(names[at] for at in own) for own in places), names)


def _is_object(text: str) -> bool:
    try:
        parsed_object(text)
    except BadLine:
        return False
    return True
