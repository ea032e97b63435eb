"""Files and folders that are whole or not there: the one way to write, replace and compare them.

What is written stands beside its place under a temporary name, is synced, and then renamed. Nothing
is replaced or removed that was not made here: a folder is ours if its listing names what is in it.
"""

import contextlib
import errno
import functools
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Optional, cast

from textzoo.errors import UserError, shortened

_TEMPORARY = ".tmp-"  # and a number, before the name of what is being written or removed
_REPLACED = ".replaced-"  # before the name of a folder that is being replaced
_SHOWN = 5  # files that a message names
_LEFT_BY_DESKTOPS = {".DS_Store", "Thumbs.db", "desktop.ini"}


class Listing(NamedTuple):
    """The file of JSON in a folder of ours that names the others, with their checksums.

    Attributes:
        file: its name.
        keys: some that it has, by which it is told from the listing of another kind of folder; the
            checksums are under `sha256`.
        kind: of folder, for messages.
        names: what is ours in a folder whose listing is damaged, itself and what lies below it.
    """

    file: str
    keys: frozenset[str]
    kind: str
    names: frozenset[str] = frozenset()


# ------------------------------------------------------------------ files


_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device"),
)


def check_readable(path: Path, key: str = "") -> None:
    """Refuse a path that a user named where something is that no command reads as a file or folder.

    Args:
        path: what is not there is not refused.
        key: of the config, or an argument, that named it.

    Raises:
        UserError: it is a pipe, a socket or a device; its name is too long; or this user may not
            read it.
    """
    where = f"{key}: {path}" if key else str(path)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as failure:
        problem = getattr(failure, "strerror", None) or failure
        raise UserError(f"{shortened(where)} cannot be read: {problem}") from None
    for is_kind, name in _KINDS:
        if is_kind(mode):
            raise UserError(f"{where} is {name}, expected a file or a folder")
    needed = os.R_OK | (os.X_OK if stat.S_ISDIR(mode) else 0)
    if not os.access(path, needed, effective_ids=os.access in os.supports_effective_ids):
        raise UserError(f"{where} cannot be read: {os.strerror(errno.EACCES)}")


def how_to_fetch(path: Path) -> str:
    """What a message about a missing file adds where a script of `datasets/` makes the file."""
    for folder in path.parents:
        script = folder / "run.sh"
        if folder.parent.name == "datasets" and os.path.isfile(script):
            made = path.relative_to(folder).parts[1:2]  # in `data`
            if made and made[0] not in script.read_text(encoding="utf-8"):
                break  # something else makes it
            name = f" {made[0]}" if made and folder.name == "pretrained" else ""
            return f"; fetch it with: bash {script}{name}"
    return ""


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears when it is whole, and replaces the one that was there.

    What is no file (a pipe, a device, standard output) stays, and is given all of it at the end.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    if _is_stream(path):
        with tempfile.NamedTemporaryFile() as whole:
            yield cast(BinaryIO, whole)
            whole.seek(0)
            with path.open("ab") as stream:
                shutil.copyfileobj(whole, stream, 1 << 20)
        return
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, 24, re.escape(path.name))
    temporary = _temporary(path)
    try:
        with temporary.open("xb") as file:
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
        raise _cannot_write(path, key, failure) from None


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


def check_output(path: Path, key: str, inputs: Iterable[Path] = ()) -> None:
    """Refuse, before any work is done, a file that `new_output` could not or must not write.

    Args:
        path: the file.
        key: of the config, or the argument, that chose it.
        inputs: files and folders that the run reads, which are not to be written to.

    Raises:
        UserError: it is one of the inputs or lies in one, is a folder, or cannot be written.
    """
    real = Path(os.path.realpath(path))
    for source in inputs:
        within = Path(os.path.realpath(source)) in real.parents and source.is_dir()
        if within or _is_same(path, source):
            raise UserError(
                f"{key}: {path} would be written to {source}, which this run reads; choose another "
                "place"
            )
    if os.path.isdir(real):
        raise UserError(f"{key}: {path} is a folder; expected a file to write")
    if not _is_stream(path):
        _check_place(path, key)


def _is_stream(path: Path) -> bool:
    """Whether it is a pipe or a device, or the file that this process prints to."""
    try:
        status = path.stat()
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode):
        return not stat.S_ISDIR(status.st_mode)
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):  # it may be closed
            if os.path.samestat(status, os.fstat(descriptor)):
                return True
    return False


def _is_same(path: Path, source: Path) -> bool:
    """Whether two names, such as hard links, are of one regular file."""
    try:
        return source.is_file() and path.samefile(source)
    except OSError:  # one of them is not there
        return False


# ------------------------------------------------------------------ folders


@contextmanager
def new_folder(path: Path, listing: Optional[Listing] = None) -> Iterator[Path]:
    """Fill a folder that appears when it is whole.

    It replaces the one that was there, if that is of the same kind; between the two renames that
    this takes, `standing` finds the earlier one.

    Args:
        path: the folder.
        listing: of what it replaces; default: one that is there by then, from another run, stays.

    Yields:
        The folder to fill.

    Raises:
        OSError: it cannot be written; what was there is as it was.
        UserError: what is there by then is not of the same kind.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, 24, re.escape(path.name))
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        _sync(temporary)
        if listing and path.is_dir():
            _refuse_foreign(path, listing)
            _replace(path, temporary)
        elif not path.is_dir():
            try:
                temporary.rename(path)
            except OSError:
                if listing or not path.is_dir():  # else another run was faster
                    raise
            _sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_folder(path: Path, listing: Listing, key: str) -> None:
    """Refuse, before any work is done, a folder that `new_folder` could not or must not replace.

    Args:
        path: the folder.
        listing: of the kind of folder that is to be written.
        key: of the config, or the argument, that chose it.

    Raises:
        UserError: it is there and holds what is not listed, or it cannot be written.
    """
    real = Path(os.path.realpath(path))
    if os.path.isfile(real):
        raise UserError(f"{key}: {path} is a file; expected a folder to make")
    if os.path.ismount(real):
        raise UserError(f"{key}: {path} is where a disk is mounted; choose a folder in it")
    for place in (real, _aside(real)):
        try:
            _refuse_foreign(place, listing, f"{key}: ")
        except OSError as failure:
            raise UserError(
                f"{key}: cannot read {failure.filename or place}: {failure.strerror}; choose "
                "another folder"
            ) from None
    _check_place(path, key)


def _refuse_foreign(folder: Path, listing: Listing, prefix: str = "") -> None:
    if names := foreign_files(folder, listing):
        raise UserError(
            f"{prefix}{folder} holds something other than {listing.kind}: {', '.join(names)}; "
            "choose a folder that is new or empty, or move these files elsewhere"
        )


def foreign_files(folder: Path, listing: Listing) -> list[str]:
    """The first few files below a folder that its listing, if it has one, does not name.

    Raises:
        OSError: the folder cannot be read.
    """
    if not os.path.lexists(folder):
        return []
    listed, known = _LEFT_BY_DESKTOPS, listing.names
    with contextlib.suppress(FileNotFoundError, IsADirectoryError, ValueError, TypeError):
        facts = read_json(folder / listing.file)
        if isinstance(facts, dict) and listing.keys <= facts.keys():
            listed, known = {*listed, listing.file, *facts["sha256"]}, frozenset()
    foreign = (n for n in _names(folder) if n not in listed and n.split("/")[0] not in known)
    return list(islice(foreign, _SHOWN))


def _names(folder: Path) -> Iterator[str]:
    """The relative names of what is below a folder, but for folders."""

    def fail(failure: OSError) -> None:
        raise failure

    for place, folders, files in os.walk(folder, onerror=fail):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in sorted([*files, *links]):
            yield Path(place, name).relative_to(folder).as_posix()


def _replace(path: Path, temporary: Path) -> None:
    aside = _aside(path)
    if aside.is_dir():
        _discard(aside, path)
    path.rename(aside)
    try:
        temporary.rename(path)
    except OSError:
        aside.rename(path)
        raise
    _sync_folder(path.parent)
    _discard(aside, path)


def remove_folder(path: Path) -> None:
    """Remove a folder of ours; a run that is killed leaves it whole, or under a temporary name."""
    _discard(path, path)


def _discard(folder: Path, path: Path) -> None:
    """Remove a folder that stands, or stood, at a path."""
    doomed = _temporary(path)
    with contextlib.suppress(FileNotFoundError):  # another run was faster
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def standing(path: Path) -> Path:
    """Where a folder is: at its path, or aside where its replacement was interrupted.

    Raises:
        UserError: the path is one that `check_readable` refuses.
    """
    check_readable(path)
    aside = _aside(Path(os.path.realpath(path)))
    return aside if os.path.isdir(aside) and not os.path.isdir(path) else path


def remove_leftovers(folder: Path, hours: float = 0, names: str = ".+") -> None:
    """Remove what killed runs left half written in a folder, and finish what they replaced.

    Args:
        folder: what was written stands in it.
        hours: for how long nothing has been written to it; another run may be writing it.
        names: what it was to be called, as a regular expression.
    """
    temporary = re.compile(rf"{re.escape(_TEMPORARY)}[0-9a-f]{{8}}-(?:{names})", re.DOTALL)
    replaced = re.compile(rf"{re.escape(_REPLACED)}({names})", re.DOTALL)
    for path in folder.glob(".*"):
        if temporary.fullmatch(path.name):
            with contextlib.suppress(OSError):  # another run may be removing it too
                newest = max(part.lstat().st_mtime for part in [path, *path.rglob("*")])
                if newest <= time.time() - hours * 3600:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif (match := replaced.fullmatch(path.name)) and path.is_dir():
            original = folder / match[1]
            if original.is_dir():
                _discard(path, original)
            else:
                path.rename(original)


def copy_files(source: Path, target: Path, leave_out: str = "") -> None:
    """Copy the files below a folder, with the permissions of new ones, but for those of a name."""
    for file in source.rglob("*"):
        if file.is_file() and file.name != leave_out:
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


# ------------------------------------------------------------------ contents


class Version(NamedTuple):
    """A file as it was when it was read.

    Attributes:
        path: the file.
        state: which file it was, its size, when it was last changed.
        sha256: of its content.
    """

    path: Path
    state: tuple[int, ...]
    sha256: str

    def check(self) -> None:
        """Refuse a file that is no longer the same.

        Raises:
            UserError: it was changed.
        """
        try:
            same = _state(self.path) == self.state
        except OSError:
            same = False
        if not same:
            raise UserError(
                f"{self.path}: was changed while it was read; run the same command again when "
                "nothing writes to it"
            )


def version(path: Path) -> Version:
    """A file as it is; what it holds is read again only when it was changed.

    Raises:
        UserError: it cannot be read, or is being changed.
    """
    try:
        return _version(path, _state(path))
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None


def kept_sha256(path: Path) -> str:
    """The sha256 of a file's content, see `version`."""
    return version(path).sha256


@functools.cache
def _version(path: Path, state: tuple[int, ...]) -> Version:
    found = Version(path, state, sha256(path) or "")
    found.check()
    return found


def _state(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def sha256(path: Path) -> Optional[str]:
    """The sha256 of a file's content; None if there is no such file."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except (FileNotFoundError, IsADirectoryError):
        return None
    return digest.hexdigest()


def digests(folder: Path, names: Optional[list[str]] = None) -> dict[str, Optional[str]]:
    """The sha256 of each file below a folder by its relative name; None for a missing one."""
    if names is None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = [path.relative_to(folder).as_posix() for path in files]
    return {name: sha256(folder / name) for name in names}


def read_json(path: Path) -> Any:
    """The content of a file of JSON.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path}: is nested too deeply") from None


# ------------------------------------------------------------------ places


def from_here(path: Path) -> Path:
    """A path as it is typed in the working directory, if it leads below it."""
    here = Path.cwd()
    return path.relative_to(here) if here in path.parents else path


def _temporary(path: Path) -> Path:
    return path.with_name(f"{_TEMPORARY}{secrets.token_hex(4)}-{path.name}")


def _aside(path: Path) -> Path:
    return path.parent / (_REPLACED + path.name)  # `with_name` refuses the root


def _check_place(path: Path, key: str) -> None:
    """Try whether there is room for a name: make a folder, with those above it that are missing."""
    path = Path(os.path.realpath(path))
    above = next(folder for folder in path.parents if os.path.lexists(folder))
    first, *others = path.relative_to(above).parts
    trial = _temporary(above / first)
    try:
        trial.joinpath(*others[:-1], *(_temporary(Path(name)) for name in others[-1:])).mkdir(
            parents=True
        )
    except OSError as failure:
        raise _cannot_write(path, key, failure) from None
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def reason(failure: OSError) -> str:
    """Why a file could not be written; NumPy does not say it in the words of the system."""
    return failure.strerror or f"{failure} (is the disk full?)"


def _cannot_write(path: Path, key: str, failure: OSError) -> UserError:
    return UserError(f"{key}: cannot write {path}: {reason(failure)}; choose another place")


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
