"""Ctrl-C and SIGTERM while training: finish the step, save, then stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Optional

_early: list[int] = []
_are_ours = True  # the signals


class Stopped(KeyboardInterrupt):
    """SIGINT or SIGTERM came while a command had nothing to save; the status is 128 + its number.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_status = 128 + number


@contextmanager
def raising_signals() -> Iterator[None]:
    """Have SIGINT and SIGTERM raise `Stopped`, in the main thread; others have no signals."""

    def stop(number: int, frame: Optional[FrameType]) -> None:
        raise Stopped(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    # What a shell started in the background with SIGINT ignored is left so.
    previous = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) != signal.SIG_IGN}
    for number in previous:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def signals_left_alone() -> Iterator[None]:
    """Within it no handler of a signal is set: the program that calls has its own."""
    global _are_ours
    before, _are_ours = _are_ours, False
    try:
        yield
    finally:
        _are_ours = before


def remember_early_interrupts() -> None:
    """Have SIGINT and SIGTERM raise `Stopped`, and be told to the next `Interruption` too.

    C++ code that calls Python, such as Paddle's, now and then drops the exception.
    """

    def interrupt(number: int, frame: Optional[FrameType]) -> None:
        _early.append(number)
        raise Stopped(number)

    for number in (signal.SIGINT, signal.SIGTERM) if _are_ours else ():
        signal.signal(number, interrupt)


class Interruption:
    """Notes the first SIGINT or SIGTERM; the second one stops the process at once.

    Attributes:
        signal_number: the signal received, or None.
    """

    def __init__(self) -> None:
        self.signal_number = _early.pop() if _early else None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        for number in (signal.SIGINT, signal.SIGTERM) if _are_ours else ():
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        self.signal_number = number
        for known, handler in self._previous.items():
            signal.signal(known, handler)


class Interrupted(Exception):
    """A run was stopped by a signal; the exit status is 128 + its number."""

    def __init__(self, signal_number: int):
        super().__init__(f"interrupted by {signal.Signals(signal_number).name}")
        self.exit_status = 128 + signal_number
