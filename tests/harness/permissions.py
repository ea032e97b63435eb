"""What an ordinary user meets where root would not: folders that cannot be read or written."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir():
                path.chmod(0o777)
        shutil.rmtree(folder)


def said_to_ordinary_user(work: Callable[[], object]) -> str:
    """Run something, not as root; returns the type and the text of the exception that ended it."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        if os.geteuid() == 0:
            os.setuid(_NOBODY)
        try:
            said = f"{work()!r}"
        except BaseException as failure:
            said = f"{type(failure).__name__}: {failure}"
        os.write(writable, said.encode())
        os._exit(0)
    os.close(writable)
    os.waitpid(child, 0)
    with open(readable, encoding="utf-8") as file:
        return file.read()
