"""Folders that are whole or not there: checksums, and replacing one by another at once."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Optional

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
