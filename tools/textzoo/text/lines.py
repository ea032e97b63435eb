"""The user's files, line by line, each line with its place."""

import glob
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textzoo.errors import BadLine, UserError
from textzoo.text.streams import existing_file, named, open_stream

# Far above any text this zoo is for; a longer "line" is a file without line ends.
MAX_LINE_BYTES = 4 << 20
_BOM = b"\xef\xbb\xbf"


Refused = Callable[[UserError], None]  # told of a line that cannot be read


def stop(problem: UserError) -> None:
    """Refuse a line by stopping at it."""
    raise problem from None


class Line(NamedTuple):
    """A line of a file: its number from 1, where it starts in the file (bytes), its text."""

    path: Path
    number: int
    start: int
    text: str

    @property
    def place(self) -> str:
        """`file:line`, as error messages name it."""
        return f"{named(self.path)}:{self.number}"


def data_files(path: Path, key: str) -> list[Path]:
    """The files behind a config key: the file itself, or all files below a folder, sorted.

    A path that is not there may be a pattern: `*`, `?`, `[]` and `**` as in `glob`. Hidden files
    and folders (a leading dot) are left out; links are followed.

    Raises:
        UserError: there is no such path, no file in it, or something in it that cannot be read.
    """
    try:
        if not path.is_dir():
            if is_pattern(path):
                return _matching(path, key)
            return [existing_file(path, key, "file or folder")]
        files = sorted(_files_below(path, key, frozenset()))
    except OSError as failure:
        raise UserError(
            f"{key}: {failure.filename or path} cannot be read: {failure.strerror}"
        ) from None
    if not files:
        raise UserError(f"{key}: no files in {path}")
    return files


def is_pattern(path: Path) -> bool:
    """Whether a path stands for the files that match it."""
    return glob.has_magic(str(path)) and not path.exists()


def matching(pattern: Path) -> list[Path]:
    """The files that match a pattern, sorted."""
    found = sorted({Path(name) for name in glob.glob(str(pattern), recursive=True)})
    return [path for path in found if not path.is_dir()]


def _matching(pattern: Path, key: str) -> list[Path]:
    files = [existing_file(path, key) for path in matching(pattern)]
    if not files:
        raise UserError(f"{key}: no such file or folder, and no file matches: {pattern}")
    return files


def _files_below(folder: Path, key: str, above: frozenset[Path]) -> Iterator[Path]:
    real = folder.resolve()
    if real in above:
        raise UserError(f"{key}: {folder} is a link to {real}, which it is in: remove it")
    for path in folder.iterdir():
        if not path.name.startswith("."):
            if path.is_dir():
                yield from _files_below(path, key, above | {real})
            else:
                yield existing_file(path, key)


def read_lines(
    path: Path,
    start: int = 0,
    size: float = math.inf,
    number: int = 1,
    refused: Refused = stop,
    blank: bool = False,
) -> Iterator[Line]:
    r"""The lines of one file that are not blank; it may be compressed, or `-`: standard input.

    Lines end at `\n` only (texts may hold other separators of Unicode); a `\r` before it is taken
    away, and so is a byte order mark before the line: files that start with one get joined.

    Args:
        path: the file.
        start: the byte to start from; 0 if the file is compressed.
        size: how many bytes to read.
        number: of the line that starts there.
        refused: told of a line that is no text, and the next one is read; default: it is raised.
        blank: whether blank lines are given too, and refused ones as such.

    Raises:
        UserError: a line is not UTF-8, holds NUL or is longer than `MAX_LINE_BYTES`, named by file
            and line.
    """
    try:
        with open_stream(path) as file:
            if start:
                file.seek(start)
            end = start + size
            while start < end and (raw := file.readline(MAX_LINE_BYTES + 1)):
                place, start = start, start + len(raw)
                try:
                    text = decode_line(raw, path, number)
                except UserError as problem:
                    refused(problem)
                    text = ""
                    while len(raw) > MAX_LINE_BYTES and raw[-1:] != b"\n":  # the rest of the line
                        raw = file.readline(MAX_LINE_BYTES + 1)
                        start += len(raw)
                if blank or (text and not text.isspace()):
                    yield Line(path, number, place, text)
                number += 1
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None


def split_lines(data: bytes) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The lines of a piece of a file that are not blank, as `read_lines` gives them.

    Returns:
        The texts; where each starts in `data`; its number from 0.

    Raises:
        BadLine: a line is not UTF-8, holds NUL or is longer than `MAX_LINE_BYTES`.
    """
    try:
        texts = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as failure:
        raise BadLine(f"received bytes that are not UTF-8: {failure}") from None
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
    starts = np.concatenate([[0], ends])
    if b"\0" in data or np.diff(starts, append=len(data)).max() > MAX_LINE_BYTES:
        raise BadLine(f"expected lines of text of at most {MAX_LINE_BYTES} bytes")
    if b"\r" in data or _BOM in data:
        bom = _BOM.decode("utf-8")
        texts = [text.removeprefix(bom).rstrip("\r") for text in texts]
    numbers = np.arange(len(texts))
    blank = [not text or text.isspace() for text in texts]
    if any(blank):
        kept = ~np.array(blank)
        texts = [text for text, is_blank in zip(texts, blank) if not is_blank]
        return texts, starts[kept], numbers[kept]
    return texts, starts, numbers


def decode_line(raw: bytes, path: Path, number: int) -> str:
    """The text of a raw line, without its end and without a byte order mark.

    Raises:
        UserError: it is not UTF-8, holds NUL or is longer than `MAX_LINE_BYTES`.
    """
    if len(raw) > MAX_LINE_BYTES:
        raise UserError(
            f"{named(path)}:{number}: the line is longer than {MAX_LINE_BYTES >> 20} MiB; "
            "expected one row per line: does the file lack line ends?"
        )
    try:
        text = raw.removeprefix(_BOM).rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError as failure:
        _refuse_archive(raw, path, number)
        utf16 = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        byte = failure.start + 1 + len(raw) - len(raw.removeprefix(_BOM))
        cause = "the file seems to be UTF-16" if utf16 else f"byte {byte} is not UTF-8"
        raise UserError(f"{named(path)}:{number}: {cause}; save the file as UTF-8") from None
    if "\0" in text:
        _refuse_archive(raw, path, number)
        byte = raw.index(b"\0") + 1
        cause = f"byte {byte} is NUL: the file is UTF-16, or no text"
        raise UserError(f"{named(path)}:{number}: {cause}; save the file as UTF-8")
    return text


def _refuse_archive(raw: bytes, path: Path, number: int) -> None:
    if raw.startswith(b"PK\3\4"):
        raise UserError(
            f"{named(path)}:{number}: the file is a ZIP archive, or a workbook of Excel, which is "
            "one too; unpack it, or save the sheet as CSV UTF-8"
        ) from None


def one_line(text: str) -> str:
    """A text with spaces for tabs and line ends: files of ours have a row a line, tabs between."""
    if "\t" in text or "\n" in text or "\r" in text:
        text = re.sub(r"[\t\r\n]+", " ", text)
    return text.strip()
