"""Parquet as a stream of JSON Lines: a row a line, so that whatever reads those reads both."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from textzoo.errors import UserError

MAGIC = b"PAR1"  # the first and the last bytes of a file
_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls its index, which is no data
_ROWS = 4096  # that are in memory together


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, whatever its name."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return False
        file.seek(-len(MAGIC), io.SEEK_END)
        return file.read() == MAGIC


class ParquetLines(io.RawIOBase):
    """The bytes of JSON Lines with a Parquet file's columns of texts, numbers and lists of texts.

    Others, such as embeddings, are left out.

    Raises:
        UserError: the file is damaged, or pyarrow is missing.
    """

    def __init__(self, path: Path):
        self._path, self._library = path, _pyarrow(path)
        self._lines, self._content = self._encoded(), b""

    def _encoded(self) -> Iterator[bytes]:
        arrow = self._library
        try:
            with arrow.parquet.ParquetFile(self._path) as file:
                names = [
                    field.name
                    for field in file.schema_arrow
                    if _is_read(arrow, field.type) and not _INDEX.fullmatch(field.name)
                ]
                if not names:
                    raise UserError(f"{self._path}: has no column of texts or numbers")
                for batch in file.iter_batches(_ROWS, columns=names):
                    rows = batch.to_pylist()
                    yield "".join(f"{_as_json(row)}\n" for row in rows).encode("utf-8")
        except (arrow.ArrowException, OSError, UnicodeDecodeError) as failure:
            raise UserError(f"{self._path}: is damaged: {failure}") from None

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def readinto(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, buffer: memoryview
    ) -> int:
        """Fill a buffer with the next bytes."""
        self._content = self._content or next(self._lines, b"")
        n = min(len(buffer), len(self._content))
        buffer[:n], self._content = self._content[:n], self._content[n:]
        return n


def _is_read(arrow: ModuleType, kind: Any) -> bool:
    types = arrow.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_list(kind) or types.is_large_list(kind):
        return _is_read(arrow, kind.value_type) and not types.is_floating(kind.value_type)
    return not (types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind))


def _as_json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)


def _pyarrow(path: Path) -> ModuleType:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(
            f"{path}: is Parquet, which needs: pip install 'textzoo[parquet]'"
        ) from None
    return pyarrow
