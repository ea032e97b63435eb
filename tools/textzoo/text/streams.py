"""Bytes of files as they are, compressed with gzip or Zstandard, or from standard input.

A Parquet file is read as the JSON Lines of its rows.
"""

import gzip
import io
import shutil
import stat
import sys
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, Optional, Union

from textzoo.errors import UserError
from textzoo.files import how_to_fetch
from textzoo.text.parquet import ParquetLines, is_parquet

if TYPE_CHECKING:
    from zstandard import ZstdDecompressionObj

# What reads bytes: a plain file, or one of those that decompress.
ByteStream = Union[BinaryIO, io.BufferedIOBase]

STANDARD_INPUT = Path("-")
_COPY = "standard_input"
_COPY_FOLDER = "stdin-"

# No text in UTF-8 starts with one of these.
_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def place_of_copy(cache: Path) -> Path:
    """A new place in a folder for a copy of standard input."""
    return cache / f"{_COPY_FOLDER}{uuid.uuid4().hex}" / _COPY


def named(path: Path) -> str:
    """A file as messages name it: standard input as such, be it read or its copy."""
    is_copy = path.name == _COPY and path.parent.name.startswith(_COPY_FOLDER)
    return "standard input" if is_copy or path == STANDARD_INPUT else str(path)


def existing_file(path: Path, key: str, expected: str = "file") -> Path:
    """A path of a file that can be read, or that of standard input.

    Args:
        path: as it was given.
        key: of the config, or the option that gave it.
        expected: what is missing where there is nothing.

    Raises:
        UserError: there is no such path, it is no file, or may not be read.
    """
    if path == STANDARD_INPUT:
        return path
    try:
        if stat.S_ISREG(path.stat().st_mode):
            path.open("rb").close()
            return path
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{key}: no such {expected}: {path}{how_to_fetch(path)}") from None
    except (OSError, ValueError) as failure:  # a NUL in the path is a ValueError
        cause = failure.strerror if isinstance(failure, OSError) else failure
        raise UserError(f"{key}: {path} cannot be read: {cause}") from None
    kind = "a folder" if path.is_dir() else "a pipe or a device"
    raise UserError(f"{key}: {path} is {kind}, expected a {expected}")


def check_one_standard_input(paths: dict[str, Optional[Path]]) -> None:
    """Refuse standard input for several paths: it can be read once.

    Args:
        paths: by the keys of the config, or the options, that gave them.

    Raises:
        UserError: it is given more than once.
    """
    keys = [key for key, path in paths.items() if path == STANDARD_INPUT]
    if len(keys) > 1:
        raise UserError(
            f"{' and '.join(keys)}: received - (standard input) for each, expected it once; give a "
            "file for the other"
        )


def is_compressed(path: Path) -> bool:
    """Whether a file is compressed, or Parquet, whatever its name."""
    with path.open("rb") as file:
        return file.read(4).startswith((_GZIP, _ZSTANDARD)) or is_parquet(path)


@contextmanager
def open_stream(path: Path) -> Iterator[ByteStream]:
    """Open a file for reading its bytes, decompressed; `-` is standard input.

    Raises:
        UserError: it cannot be opened; the compressed file is damaged or ends too early, or
            `zstandard` is missing.
    """
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise UserError("-: standard input is closed")
        yield sys.stdin.buffer
        return
    try:
        opened = path.open("rb")
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None
    with opened as file:
        start = file.read(4)
        file.seek(0)
        if start.startswith(_GZIP):
            stream, damage = gzip.GzipFile(fileobj=file), (zlib.error, gzip.BadGzipFile)
        elif start.startswith(_ZSTANDARD):
            library = _zstandard(path)
            stream = io.BufferedReader(_Frames(file, library), 1 << 17)
            damage = (library.ZstdError,)
        elif is_parquet(path):
            stream, damage = io.BufferedReader(ParquetLines(path), 1 << 17), ()
        else:
            stream, damage = file, ()
        try:
            yield stream
        except (EOFError, *damage) as failure:
            raise UserError(f"{path}: is damaged: {failure}") from None


def copy_stream(path: Path, target: Path) -> None:
    """Write a file's decompressed bytes to another file."""
    with open_stream(path) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _zstandard(path: Path) -> ModuleType:
    try:
        import zstandard
    except ImportError:
        raise UserError(
            f"{path}: is compressed with Zstandard, which needs: pip install 'textzoo[zstd]'"
        ) from None
    return zstandard


class _Frames(io.RawIOBase):
    """The content of Zstandard's frames; the library's own reader does not mind a missing end."""

    def __init__(self, file: BinaryIO, library: ModuleType):
        self._file = file
        self._library = library
        self._frame: Optional[ZstdDecompressionObj] = None
        self._compressed = self._content = b""

    def readable(self) -> bool:
        return True

    def readinto(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, buffer: memoryview
    ) -> int:
        while not self._content:
            self._compressed = self._compressed or self._file.read(1 << 17)
            if self._frame is None or self._frame.eof:
                if not self._compressed:
                    return 0
                self._frame = frame = self._library.ZstdDecompressor().decompressobj()
            elif self._compressed:
                frame = self._frame
            else:
                raise EOFError("ends before its last frame does")
            self._content = frame.decompress(self._compressed)
            self._compressed = frame.unused_data if frame.eof else b""
        n = min(len(buffer), len(self._content))
        buffer[:n], self._content = self._content[:n], self._content[n:]
        return n
