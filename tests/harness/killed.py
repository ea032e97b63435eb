"""Processes that are killed at each of their calls to the system in turn."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

_CALLS = ("open", "shutil.", "os.")  # beginnings of the names of Python's audit events
_KILLED = 9


def killed_at_each_call(
    place: Path, prepare: Callable[[Path], object], work: Callable[[Path], object]
) -> list[Path]:
    """Do some work in folders of their own, the nth time killed before its nth call.

    Args:
        place: where the folders are made.
        prepare: makes what is there before the work, in a folder.
        work: what is killed, in a process of its own.

    Returns:
        The folders, as the kills left them; in the last one the work was done.
    """
    places: list[Path] = []
    status = _KILLED
    while status == _KILLED:
        folder = place / str(len(places))
        folder.mkdir()
        prepare(folder)
        status = _status_of(work, folder, len(places))
        assert status in (0, _KILLED), f"status {status}"
        places.append(folder)
    return places


def _status_of(work: Callable[[Path], object], folder: Path, n_calls: int) -> int:
    child = os.fork()
    if not child:
        left = [n_calls]

        def count(event: str, arguments: tuple) -> None:
            if event.startswith(_CALLS) and str(folder) in str(arguments):
                if not left[0]:
                    os._exit(_KILLED)
                left[0] -= 1

        sys.addaudithook(count)
        try:
            work(folder)
        except BaseException as failure:
            print(repr(failure), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
