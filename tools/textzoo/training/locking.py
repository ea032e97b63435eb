"""One trainer at a time in a folder: by a lock that the system takes back when a process ends."""

import errno
import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from textzoo.errors import UserError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger("textzoo")

LOCK = ".lock"  # stays: one that were removed might be held by another trainer already
_CONTENT = re.compile(rb"(process \d+ on .* since .*\r?\n)?")
_BEHIND = 1 << 30  # a byte behind the text: on Windows no other process can read what is locked


@contextmanager
def only_trainer(
    folder: Path,
    key: str = "runner.model_save_path",
    option: str = "-o runner.model_save_path=PATH",
) -> Iterator[None]:
    """Hold a folder against other trainers.

    Args:
        folder: where this one writes.
        key: of the config, or the argument, that chose it.
        option: what chooses another one.

    Raises:
        UserError: another one holds it, which is named.
        OSError: the file of the lock cannot be written.
    """
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        try:
            _lock(file)
        except OSError as failure:
            file.seek(0)
            if failure.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise UserError(
                    f"{key}: {folder} is in use by "
                    f"{file.read().strip() or 'another trainer'}: wait until it has ended, or "
                    f"choose another folder with {option}"
                ) from None
            log.warning(
                "%s cannot be locked (%s): start no other trainer on it", folder, failure.strerror
            )
        file.truncate(0)
        since = datetime.now().isoformat(sep=" ", timespec="seconds")
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {since}\n")
        file.flush()
        yield


def is_lock(content: bytes) -> bool:
    """Whether it is what a trainer that holds or held a folder leaves in the file of the lock."""
    return bool(_CONTENT.fullmatch(content))


def _lock(file: TextIO) -> None:
    """Lock a file for this process, until it is closed, or fail.

    `lockf` and not `flock`: processes that this one forks may outlive it, and do not hold it.
    """
    if sys.platform == "win32":
        os.lseek(file.fileno(), _BEHIND, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
