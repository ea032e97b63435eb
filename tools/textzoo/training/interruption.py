"""Ctrl-C and SIGTERM while training: finish the step, save, then stop."""

import signal
from types import FrameType
from typing import Any, Optional

_early: list[int] = []


def remember_early_interrupts() -> None:
    """Have SIGINT raise KeyboardInterrupt as ever, and be told to the next `Interruption` too.

    C++ code that calls Python, such as Paddle's, now and then drops the exception.
    """

    def interrupt(number: int, frame: Optional[FrameType]) -> None:
        _early.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupt)


class Interruption:
    """Notes the first SIGINT or SIGTERM; the second one stops the process at once.

    Attributes:
        signal_number: the signal received, or None.
    """

    def __init__(self) -> None:
        self.signal_number = _early.pop() if _early else None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        for number in (signal.SIGINT, signal.SIGTERM):
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
