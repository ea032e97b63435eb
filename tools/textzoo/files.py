"""Files and folders that are whole or not there: written beside their place, then renamed."""

import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Optional

from textzoo.errors import UserError

REPLACED = ".replaced-"  # before the name of a folder that is being replaced


def replace(temporary: Path, path: Path) -> None:
    """Rename into place. Where a folder is in the way, it stays findable until the swap is done."""
    aside = path.with_name(REPLACED + path.name)
    if path.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
    temporary.rename(path)
    _sync_folder(path.parent)
    shutil.rmtree(aside, ignore_errors=True)


def replaced(path: Path) -> Optional[Path]:
    """Where a folder is while it is being replaced, if it is."""
    aside = path.with_name(REPLACED + path.name)
    return aside if aside.is_dir() else None


def copy_files(source: Path, target: Path, leave_out: str = "") -> None:
    """Copy the files below a folder, with the permissions of new ones, but for those of a name."""
    for file in source.rglob("*"):
        if file.is_file() and file.name != leave_out:
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def digests(folder: Path, names: Optional[list[str]] = None) -> dict[str, Optional[str]]:
    """The sha256 of each file below a folder by its relative name; None for a missing one."""
    if names is None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = [path.relative_to(folder).as_posix() for path in files]
    return {name: sha256(folder / name) for name in names}


def sha256(path: Path) -> Optional[str]:
    """The sha256 of a file's content; None if there is no such file."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def sync(folder: Path) -> None:
    """Wait until every file below a folder is on the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if hasattr(os, "O_DIRECTORY"):  # Windows cannot sync a folder
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def file_digest(path: Path) -> str:
    """The sha256 of a file's content; read again only when size or time have changed."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@functools.cache
def _digest(path: Path, size: int, mtime_ns: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def fill_once(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a temporary folder and rename it, unless the folder is there: whole or not at all."""
    if folder.is_dir():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=".tmp-", dir=folder.parent))
        try:
            fill(temporary)
            _rename(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as failure:
        raise UserError(
            f"runner.cache_dir: cannot write {failure.filename or folder}: "
            f"{failure.strerror or failure}; free some space or choose another folder with "
            "-o runner.cache_dir=PATH"
        ) from None


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left half written: nothing has been written to it for a day."""
    for path in folder.glob(".tmp-*"):
        with contextlib.suppress(OSError):  # another run may be removing it too
            newest = max(part.stat().st_mtime for part in [path, *path.iterdir()])
            if newest < time.time() - 24 * 3600:
                shutil.rmtree(path)


def _rename(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another run has just written the same
            raise


def write_lines(path: Path, lines: Iterator[str], key: str = "runner.infer_output_dir") -> int:
    """Write lines to a file that appears when it is whole; arguments as for `new_file`.

    Returns:
        How many lines there were.
    """
    n_lines = 0
    with new_file(path, key) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
            n_lines += 1
    return n_lines


@contextmanager
def new_file(path: Path, key: str) -> Iterator[BinaryIO]:
    """A file that appears when it is whole.

    Args:
        path: the file.
        key: what chose it, for the message.

    Raises:
        UserError: it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                yield file
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as failure:
        raise UserError(
            f"{key}: cannot write {path}: {failure.strerror}; choose another place"
        ) from None
