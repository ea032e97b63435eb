"""Some work in a process of its own, which tells how it goes on and is stopped at will.

A trial is trained so: it begins in the state that `trainer.py` begins in, its memory is given back
when it ends, and one that the system kills, for want of memory, is not the end of the others.
"""

import multiprocessing
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, NamedTuple, Optional

from textzoo.errors import NotFinite, UserError
from textzoo.training.interruption import Interrupted

Kind = Literal["done", "stopped", "failed", "mistaken", "out of time"]
Tell = Callable[[float], None]


class Ended(NamedTuple):
    """How the work ended.

    Attributes:
        kind: `mistaken`: by a mistake of the user's; `failed`: for want of memory, killed, or
            with numbers that are not finite.
        message: what was wrong.
        said: what it printed.
    """

    kind: Kind
    message: str = ""
    said: str = ""


def run_apart(
    work: Callable[..., None],
    arguments: tuple[Any, ...],
    judge: Callable[[float], bool],
    seconds: Optional[float] = None,
) -> Ended:
    """Do some work in a process of its own, to its end or until it is stopped.

    It never outlives this process.

    Args:
        work: a function of a module; its first argument tells a value.
        arguments: the others.
        judge: whether to go on after a value.
        seconds: how long it may take; default: as long as it takes.

    Raises:
        RuntimeError: the program is at fault; the message is the traceback.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    said = tempfile.NamedTemporaryFile(delete=False)  # noqa: SIM115 (Windows opens it once only)
    said.close()
    process = context.Process(target=_enter, args=(theirs, said.name, work, arguments), daemon=True)
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        process.start()
        theirs.close()
        kind, message = _followed(ours, judge, deadline)
        if kind == "out of time":
            process.kill()
        process.join()
        if kind == "killed":
            kind, message = "failed", _how_it_ended(process.exitcode)
        with open(said.name, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if kind == "fault":
            raise RuntimeError(message)
        return Ended(kind, message, text)  # pyright: ignore[reportArgumentType]
    finally:
        if process.is_alive():
            process.kill()
            process.join()
        ours.close()
        os.unlink(said.name)


def _followed(
    ours: Connection, judge: Callable[[float], bool], deadline: Optional[float]
) -> tuple[str, str]:
    """Answer what the process tells, until it has ended or is to end."""
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not ours.poll(left):
            return "out of time", ""
        try:
            kind, told = ours.recv()
        except (EOFError, OSError):
            return "killed", ""
        if kind != "value":
            return kind, told
        ours.send(goes_on := judge(told))
        if not goes_on:
            return "stopped", ""


def _how_it_ended(status: Optional[int]) -> str:
    number = -(status or 0)
    how = f"signal {number}" if number > 0 else f"status {status}"
    return f"its process ended with {how}" + (", for want of memory?" if number == 9 else "")


def _enter(theirs: Connection, said: str, work: Callable[..., None], arguments: tuple) -> None:
    """What the process does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with open(said, "ab") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)

    def tell(value: float) -> None:
        theirs.send(("value", value))
        if not theirs.recv():
            sys.exit()

    try:
        work(tell, *arguments)
    except (NotFinite, MemoryError, Interrupted) as failure:
        ending = ("failed", str(failure))
    except UserError as mistake:
        ending = ("mistaken", str(mistake))
    except Exception:
        ending = ("fault", traceback.format_exc())
    else:
        ending = ("done", "")
    theirs.send(ending)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)
