"""Encoded rows, written once and mapped into memory.

Each column of a row (its words, its tags) is a list of ids of any length. All rows of a column
lie behind one another in one file; offsets say where each row starts. Training reads them through
memory maps: it never waits for Python's string handling, and data larger than memory works.
"""

import hashlib
import inspect
import json
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np

import textzoo
from textzoo.data.encoding import Part, counted_parts, encoded_parts
from textzoo.data.unknown_pieces import UnknownPieces, warn_of_each
from textzoo.errors import UserError
from textzoo.files import (
    Listing,
    Version,
    digests,
    foreign_files,
    kept_sha256,
    new_folder,
    read_json,
    reason,
    remove_folder,
    remove_leftovers,
    version,
)
from textzoo.text.layout import Layout
from textzoo.text.lines import Line
from textzoo.text.ragged import Ragged
from textzoo.text.reader import Reader, all_columns, load_vocabulary
from textzoo.text.records import layout_of, read_rows
from textzoo.text.streams import named

log = logging.getLogger("textzoo")

_LISTING = Listing("cache.json", frozenset({"sha256"}), "what the cache keeps")
_KINDS = "rows|vocabulary|linear|plain|joined|stdin|teacher|taught|frozen"
_NAMES = f"(?:{_KINDS})-[0-9a-f-]+"  # of folders filled here


class Cache(NamedTuple):
    """Where the cache is, and how it is filled.

    Attributes:
        folder: of the cache.
        bad_lines: a malformed line is an "error", or to "skip".
        workers: see `encoding.encoded_parts`.
    """

    folder: Path
    bad_lines: str
    workers: int = 0

    def fill(
        self, folder: Path, fill: Callable[[Path], None], sources: Iterable[Version] = ()
    ) -> None:
        """Fill a folder of the cache, unless it is there: whole or not at all.

        Args:
            folder: to fill; one that is damaged is filled anew.
            fill: writes what belongs into a folder.
            sources: the files that it reads, as they were when the folder got its name.

        Raises:
            UserError: it cannot be written, or a source was changed meanwhile.
        """
        try:
            if os.path.isdir(folder):
                if _is_whole(folder):
                    return
                log.warning("%s: was damaged, and is made anew (it is only a cache)", folder)
                remove_folder(folder)
            remove_leftovers(self.folder, 24, _NAMES)
            with new_folder(folder) as temporary:
                fill(temporary)
                for source in sources:
                    source.check()
                listed = json.dumps({"sha256": digests(temporary)})
                (temporary / _LISTING.file).write_text(listed, encoding="utf-8")
        except OSError as failure:
            raise UserError(
                f"runner.cache_dir: cannot write {failure.filename or folder}: "
                f"{reason(failure)}; free some space or choose another folder with "
                "-o runner.cache_dir=PATH"
            ) from None


def digest_of(*facts: object) -> str:
    """The name of what is made from facts: arrays, or what JSON holds; another one by version."""
    found = hashlib.sha256(textzoo.__version__.encode())
    for fact in facts:
        is_array = isinstance(fact, np.ndarray)
        content = fact.tobytes() if is_array else json.dumps(fact, sort_keys=True).encode()
        found.update(hashlib.sha256(content).digest())
    return found.hexdigest()[:32]


def kept_files(folder: Path) -> list[Path]:
    """The files that a folder of the cache was filled with."""
    return [file for file in sorted(folder.iterdir()) if file.name != _LISTING.file]


def _is_whole(folder: Path) -> bool:
    """Whether a folder of the cache holds what it was filled with.

    Raises:
        UserError: it holds other files as well, which are not to be removed.
    """
    try:
        listed = dict(read_json(folder / _LISTING.file)["sha256"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return False
    if listed and (names := foreign_files(folder, _LISTING)):
        raise UserError(
            f"runner.cache_dir: {folder} holds files that were not made there: {', '.join(names)}; "
            "move them elsewhere, or delete the folder: it is only a cache"
        )
    try:
        return bool(listed) and all(kept_sha256(folder / name) == listed[name] for name in listed)
    except UserError:  # one is missing
        return False


class Rows:
    """The encoded rows of a list of files.

    Args:
        folder: of the cache.
        versions: the files as they were when they were encoded.
        reader: that encoded them.
    """

    def __init__(self, folder: Path, versions: list[Version], reader: Reader):
        self.files = [file.path for file in versions]
        self.contents = [file.sha256 for file in versions]
        self._reader = reader
        facts = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
        self.skipped = facts["skipped"]
        self.columns = {
            name: Ragged(_map(folder / f"{name}.values"), _map(folder / f"{name}.offsets"))
            for name in facts["columns"]
        }
        self.unknown = [
            UnknownPieces(*facts.get("unknown", {}).get(str(file), ()))
            for file in range(len(self.files))
        ]
        self._places = _map(folder / "places").reshape(-1, 3)
        self._layouts: dict[Path, Layout] = {}

    def __len__(self) -> int:
        return len(self._places)

    def line(self, row: int) -> Line:
        """The line that a row was read from.

        Raises:
            UserError: its file has another content by now.
        """
        file, start, number = map(int, self._places[row])
        path = self.files[file]
        if kept_sha256(path) != self.contents[file]:
            raise UserError(f"{path}: was changed since its lines were encoded; run it again")
        if path not in self._layouts:
            self._layouts[path] = layout_of(path, self._reader)
        return next(read_rows(self._layouts[path], path, start, number=number))

    def release(self) -> None:
        """Keep resident memory flat while a large file is worked through."""
        for column in self.columns.values():
            column.release()


def fitted_vocabulary(
    files: list[Path],
    reader: Reader,
    declared: dict[str, int],
    identity: str,
    settings: Cache,
    known: Optional[Path] = None,
) -> Path:
    """Fit a reader's vocabulary to the training files and keep it in the cache.

    Args:
        files: the training files.
        reader: a model's reader.
        declared: sizes that the config states, such as `vocab_text_size`.
        identity: what the reader is, see `reader_identity`.
        settings: where the cache is and what becomes of malformed lines.
        known: the folder of an earlier vocabulary, to which labels are added.

    Returns:
        The folder that `reader.load` reads.
    """
    versions = [version(file) for file in files]
    extra = [declared, *_layouts(files, reader)]
    folder = settings.folder / f"vocabulary-{_key(versions, identity, settings, extra)}"

    def fill(temporary: Path) -> None:
        # Counts that a reader does not make smaller than the lines are not worth sending.
        workers = settings.workers if type(reader).count is not Reader.count else 1
        parts = counted_parts(files, reader, settings.bad_lines, workers)
        if known:
            load_vocabulary(reader, known)
            reader.extend_labels(parts)
        else:
            reader.fit_counts(parts, declared)
        reader.save(temporary)

    settings.fill(folder, fill, versions)
    return folder


def encoded_rows(
    files: list[Path], reader: Reader, training: bool, identity: str, settings: Cache
) -> Rows:
    """The rows of these files as `reader.encode` gives them, from the cache where it has them.

    The cache's key is the content of the files and the reader with its vocabulary: an edited
    file or another setting is encoded anew.

    Raises:
        UserError: a malformed line (unless skipped), no rows at all, or a cache folder that
            cannot be written.
    """
    versions = [version(file) for file in files]
    extra = [training, *all_columns(reader), *_layouts(files, reader)]
    extra += ["as written"] * reader.keeps_case
    folder = settings.folder / f"rows-{_key(versions, identity, settings, extra)}"

    def fill(temporary: Path) -> None:
        parts = encoded_parts(files, reader, training, settings.bad_lines, settings.workers)
        _write_rows(temporary, parts, reader)

    settings.fill(folder, fill, versions)
    rows = Rows(folder, versions, reader)
    if rows.skipped:
        log.warning(
            "%s: %d malformed line(s) skipped (runner.bad_lines: skip)",
            named(files[0]),
            rows.skipped,
        )
    warn_of_each(rows.unknown, rows.files)
    if not len(rows):
        raise UserError(
            f"{', '.join(map(named, files))}: received no rows, expected one example a line"
        )
    return rows


def reader_identity(
    reader_class: type, settings: dict[str, Any], vocabulary: Optional[Path] = None
) -> str:
    """What decides how a line is encoded: the reader's code, its settings, its vocabulary.

    The code is that of its class and of those that it derives from. For a path among the settings,
    what is there counts.
    """
    contents = {k: _contents(v) for k, v in settings.items() if isinstance(v, Path)}
    classes = [cls for cls in reader_class.__mro__ if cls.__module__ != "builtins"]
    facts = [
        textzoo.__version__,
        [kept_sha256(_source(cls)) for cls in classes],
        {**settings, **contents},
        _contents(vocabulary) if vocabulary else [],
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _source(reader_class: type) -> Path:
    file = inspect.getsourcefile(reader_class)
    if file is None:
        raise TypeError(f"{reader_class.__qualname__}: has no source file, expected one in a file")
    return Path(file)


def _contents(path: Path) -> list[tuple[str, str]]:
    """The names and checksums of a folder's files, or of one with what says how it is read."""
    files = kept_files(path) if path.is_dir() else [path, path.with_name("tokenizer_config.json")]
    return [(file.name, kept_sha256(file)) for file in files if file.is_file()]


def _layouts(files: list[Path], reader: Reader) -> list[str]:
    """What of the layouts of files is not in their contents: their names may tell the format."""
    return [layout_of(file, reader).described for file in files]


def _key(files: list[Version], identity: str, settings: Cache, extra: Any) -> str:
    facts = [identity, settings.bad_lines, extra, [file.sha256 for file in files]]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def _write_rows(folder: Path, parts: Iterable[Part], reader: Reader) -> None:
    columns = all_columns(reader)
    skipped, unknown = 0, defaultdict(UnknownPieces)
    with ExitStack() as stack:  # some systems remove no file that is open
        places = stack.enter_context((folder / "places").open("wb"))
        writers = {name: _ColumnWriter(folder, name, stack) for name in columns}
        for part in parts:
            for name, writer in writers.items():
                writer.add(part.columns[name])
            part.places.tofile(places)
            for file in part.places[:1, 0].tolist():  # a part is of one file
                unknown[file].add(part.columns, reader)
            skipped += part.skipped
    facts = {
        "columns": columns,
        "skipped": skipped,
        "unknown": {file: counts.of for file, counts in unknown.items()},
    }
    (folder / "rows.json").write_text(json.dumps(facts), encoding="utf-8")


class _ColumnWriter:
    """Appends rows of ids to a column's two files, which the stack closes."""

    def __init__(self, folder: Path, name: str, stack: ExitStack):
        files = (folder / f"{name}.{kind}" for kind in ("values", "offsets"))
        self._values_file, self._offsets_file = (
            stack.enter_context(file.open("wb")) for file in files
        )
        self._end = 0
        np.zeros(1, np.int64).tofile(self._offsets_file)

    def add(self, lists: Ragged) -> None:
        ends = self._end + np.cumsum(lists.counts, dtype=np.int64)
        lists.values.astype(np.int32, copy=False).tofile(self._values_file)
        ends.tofile(self._offsets_file)
        self._end = int(ends[-1]) if len(ends) else self._end


def _map(path: Path) -> np.ndarray:
    dtype = np.int32 if path.suffix == ".values" else np.int64
    if path.stat().st_size == 0:  # an empty file cannot be mapped
        return np.zeros(0, dtype)
    return np.memmap(path, dtype, mode="r")
