"""The user's files, line by line, each line with its place."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from textzoo.errors import UserError
from textzoo.text.streams import open_stream

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


def read_lines(
    path: Path,
    start: int = 0,
    size: float = math.inf,
    number: int = 1,
    refused: Optional[Callable[[UserError], None]] = None,
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
        refused: told of a line that is not UTF-8, and the next one is read; default: it is raised.
        blank: whether blank lines are given too.

    Raises:
        UserError: a line is not UTF-8 or longer than `MAX_LINE_BYTES`, named by file and line.
    """
    try:
        with open_stream(path) as file:
            if start:
                file.seek(start)
            end = start + size
            while start < end and (raw := file.readline(MAX_LINE_BYTES + 1)):
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
                if blank or (text and not text.isspace()):
                    yield Line(path, number, start, text)
                start += len(raw)
                number += 1
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None


def split_lines(data: bytes) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """The lines of a piece of a file that are not blank, as `read_lines` gives them.

    Returns:
        The texts; where each starts in `data`; its size there, with its end; its number from 0.

    Raises:
        UnicodeDecodeError: a line is not UTF-8.
    """
    texts = data.decode("utf-8").split("\n")
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
    starts = np.concatenate([[0], ends])
    sizes = np.diff(starts, append=len(data))
    if b"\r" in data or _BOM in data:
        bom = _BOM.decode("utf-8")
        texts = [text.removeprefix(bom).rstrip("\r") for text in texts]
    numbers = np.arange(len(texts))
    blank = [not text or text.isspace() for text in texts]
    if any(blank):
        kept = ~np.array(blank)
        texts = [text for text, is_blank in zip(texts, blank) if not is_blank]
        return texts, starts[kept], sizes[kept], numbers[kept]
    return texts, starts, sizes, numbers


def decode_line(raw: bytes, path: Path, number: int) -> str:
    """The text of a raw line, without its end and without a byte order mark."""
    try:
        return raw.removeprefix(_BOM).rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError as failure:
        utf16 = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        cause = "the file seems to be UTF-16" if utf16 else f"byte {failure.start + 1} is not UTF-8"
        raise UserError(f"{path}:{number}: {cause}; save the file as UTF-8") from None
