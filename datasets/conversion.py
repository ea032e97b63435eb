"""What every ``datasets/<name>/convert.py`` shares: its command line, its refusals, its rows.

``run.sh`` calls a convert.py with an empty output folder and moves only a complete result into
place. Python 3.9 and its standard library are enough.
"""

# A convert.py puts this folder on sys.path itself. A PYTHONPATH set by fetch.sh would be missing
# when somebody calls convert.py by hand, and needs another separator on Windows.

import argparse
import csv
import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO, Union


class BadSource(ValueError):
    """The source does not have the published layout; says file, line, received, expected."""


class Row(NamedTuple):
    """A row of the result: its labels, without commas, often none; its text, see `one_line`."""

    labels: list[str]
    text: str


def argument_parser(description: str, files: str) -> argparse.ArgumentParser:
    """Return a parser of ``--source`` and ``--output``, to which options may be added.

    Args:
        description: the docstring of convert.py, of which the first line is shown.
        files: what the folder of ``--source`` holds.
    """
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help=f"folder of {files}")
    parser.add_argument("--output", type=Path, required=True, help="an empty folder")
    return parser


def run(convert: Callable[..., None], parser: argparse.ArgumentParser) -> int:
    """Call ``convert`` with the arguments by name; return 0, or 2 when it raises `BadSource`."""
    arguments = parser.parse_args()
    try:
        convert(**vars(arguments))
    except BadSource as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def run_timed(convert: Callable[..., None], parser: argparse.ArgumentParser) -> int:
    """Do what `run` does, and say in the end how long it took."""
    started = time.perf_counter()
    status = run(convert, parser)
    if status == 0:
        print(f"converted in {time.perf_counter() - started:.1f} s")
    return status


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, line ends as they are, without a byte order mark.

    Raises:
        BadSource: naming file, line and byte, for what is not UTF-8.
    """
    return decoded(path.read_bytes(), path)


def decoded(content: bytes, name: Union[Path, str]) -> str:
    """Return what `read_text` does, of a file that was read; its name is for the refusal."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise BadSource(
            f"{name}:{line}: byte 0x{byte:02x} is not UTF-8; save it as UTF-8"
        ) from None


def read_lines(path: Path) -> list[str]:
    r"""Return the lines of a UTF-8 file, split at ``\n`` only, without a ``\r`` at their ends.

    Raises:
        BadSource: as `read_text` does; the file is empty.
    """
    # Not splitlines(): it would also split at separators inside a text.
    lines = [line.rstrip("\r") for line in read_text(path).split("\n")]
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise BadSource(f"{path}: the file is empty")
    return lines


def read_csv(path: Path, expected: str) -> Iterator[tuple[str, list[str]]]:
    """Yield ``file:line`` and the cells of each record of a CSV file, which may span lines.

    Raises:
        BadSource: as `read_text` does; for what is not CSV, with what was expected.
    """
    csv.field_size_limit(2**31 - 1)  # the whole file is in memory anyway
    records = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    while True:
        place = f"{path}:{records.line_num + 1}"
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadSource(f"{place}: not valid CSV ({error}); expected {expected}") from None
        yield place, cells


def json_text(value: Any) -> str:
    """Return a text out of JSON as one line.

    Raises:
        ValueError: it is no text, or has half of a character that is written as two escapes.
    """
    if not isinstance(value, str):
        raise ValueError(f"received {value!r}, expected a text")
    value.encode()
    return one_line(value)


def one_line(text: str) -> str:
    """Return ``text`` without tabs, line ends and repeated spaces."""
    return " ".join(text.split())


def open_for_writing(path: Path) -> TextIO:
    r"""Open a text file, in a folder that need not be there: UTF-8 and ``\n`` on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", newline="\n")


def write_split(output: Path, split: str, rows: Iterable[Row]) -> int:
    """Write ``<split>/<split>.tsv``, lines ``label,label<TAB>text``; return the number of rows."""
    n_rows = 0
    with open_for_writing(output / split / f"{split}.tsv") as file:
        for labels, text in rows:
            file.write(f"{','.join(labels)}\t{text}\n")
            n_rows += 1
    return n_rows
