"""The user's files, line by line, each line with its place."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Optional

from textzoo.errors import UserError

# Far above any text this zoo is for; a longer "line" is a file without line ends.
MAX_LINE_BYTES = 4 << 20
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line of a file: its number from 1, where it starts in the file (bytes), its text."""

    path: Path
    number: int
    start: int
    text: str

    @property
    def place(self) -> str:
        """`file:line`, as error messages name it."""
        return f"{self.path}:{self.number}"


def data_files(path: Path, key: str) -> list[Path]:
    """The files behind a config key: the file itself, or all files below a folder, sorted.

    Hidden files and folders (a leading dot) are left out.

    Raises:
        UserError: there is no such path, or no file in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{key}: no such file or folder: {path}")
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
    )
    if not files:
        raise UserError(f"{key}: no files in {path}")
    return files


def read_lines(path: Path, refused: Optional[Callable[[UserError], None]] = None) -> Iterator[Line]:
    r"""The lines of one file that are not blank.

    Lines end at `\n` only (texts may hold other separators of Unicode); a `\r` before it is taken
    away, and so is a byte order mark before the line: files that start with one get joined.

    Args:
        path: the file.
        refused: told of a line that is not UTF-8, and the next one is read; default: it is raised.

    Raises:
        UserError: a line is not UTF-8 or longer than `MAX_LINE_BYTES`, named by file and line.
    """
    try:
        with path.open("rb") as file:
            start = 0
            number = 0
            while raw := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(raw) > MAX_LINE_BYTES:
                    raise UserError(
                        f"{path}:{number}: the line is longer than {MAX_LINE_BYTES >> 20} MiB; "
                        "expected one row per line: does the file lack line ends?"
                    )
                try:
                    text = decode_line(raw, path, number)
                except UserError as problem:
                    if refused is None:
                        raise
                    refused(problem)
                    text = ""
                if text and not text.isspace():
                    yield Line(path, number, start, text)
                start += len(raw)
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None


def decode_line(raw: bytes, path: Path, number: int) -> str:
    """The text of a raw line, without its end and without a byte order mark."""
    try:
        return raw.removeprefix(_BOM).rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError as failure:
        utf16 = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        cause = "the file seems to be UTF-16" if utf16 else f"byte {failure.start + 1} is not UTF-8"
        raise UserError(f"{path}:{number}: {cause}; save the file as UTF-8") from None
