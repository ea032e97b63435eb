"""Files and folders that are whole or not there: the one way to write, replace and compare them.

What is written stands beside its place under a temporary name, is synced, and then renamed.
"""

import contextlib
import functools
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Optional

from textzoo.errors import UserError

_TEMPORARY = ".tmp-"  # before the name of a folder that is being written
_REPLACED = ".replaced-"  # before the name of a folder that is being replaced


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears when it is whole, and replaces the one that was there.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_output(path: Path, key: str) -> Iterator[BinaryIO]:
    """As `new_file`, for a file that a key of the config or an argument chose.

    Raises:
        UserError: it cannot be written.
    """
    try:
        with new_file(path) as file:
            yield file
    except OSError as failure:
        raise UserError(
            f"{key}: cannot write {path}: {failure.strerror}; choose another place"
        ) from None


def write_text(path: Path, text: str) -> None:
    """Write a file of text, see `new_file`."""
    with new_file(path) as file:
        file.write(text.encode())


def write_lines(path: Path, lines: Iterable[str], key: str) -> int:
    """Write a file of lines, see `new_output`.

    Returns:
        How many lines there were.
    """
    n_lines = 0
    with new_output(path, key) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
            n_lines += 1
    return n_lines


@contextmanager
def new_folder(path: Path, replace: bool = True) -> Iterator[Path]:
    """Fill a folder that appears when it is whole, and replaces the one that was there.

    Between the two renames that replace a folder, `standing` finds the earlier one.

    Args:
        path: the folder.
        replace: whether one that is there by then, from another run, is replaced.

    Yields:
        The folder to fill.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_TEMPORARY}{secrets.token_hex(4)}-{path.name}")
    temporary.mkdir()
    try:
        yield temporary
        _sync(temporary)
        if replace or not path.is_dir():
            _put(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, path: Path) -> None:
    aside = path.with_name(_REPLACED + path.name)
    if path.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
    temporary.rename(path)
    _sync_folder(path.parent)
    shutil.rmtree(aside, ignore_errors=True)


def standing(path: Path) -> Path:
    """Where a folder is: at its path, or aside where its replacement was interrupted."""
    aside = path.with_name(_REPLACED + path.name)
    return aside if aside.is_dir() and not path.is_dir() else path


def remove_leftovers(folder: Path, hours: float = 0) -> None:
    """Remove what killed runs left half written in a folder, and finish what they replaced.

    Args:
        folder: what was written stands in it.
        hours: for how long nothing has been written to it; another run may be writing it.
    """
    for path in folder.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):  # another run may be removing it too
            newest = max(part.stat().st_mtime for part in [path, *path.iterdir()])
            if newest <= time.time() - hours * 3600:
                shutil.rmtree(path)
    for path in folder.glob(f"{_REPLACED}*"):
        original = folder / path.name[len(_REPLACED) :]
        if original.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.rename(original)


def copy_files(source: Path, target: Path, leave_out: str = "") -> None:
    """Copy the files below a folder, with the permissions of new ones, but for those of a name."""
    for file in source.rglob("*"):
        if file.is_file() and file.name != leave_out:
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


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


def digests(folder: Path, names: Optional[list[str]] = None) -> dict[str, Optional[str]]:
    """The sha256 of each file below a folder by its relative name; None for a missing one."""
    if names is None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = [path.relative_to(folder).as_posix() for path in files]
    return {name: sha256(folder / name) for name in names}


def kept_sha256(path: Path) -> str:
    """As `sha256` of a file that is there; read again only when its size or time have changed.

    Raises:
        OSError: it is not there.
    """
    status = path.stat()
    return _kept_sha256(path, status.st_size, status.st_mtime_ns)


@functools.cache
def _kept_sha256(path: Path, size: int, mtime_ns: int) -> str:
    digest = sha256(path)
    if digest is None:
        raise FileNotFoundError(f"{path}: was removed while it was read")
    return digest


def _sync(folder: Path) -> None:
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
