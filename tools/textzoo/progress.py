"""How far a long piece of work is: a log line every so many seconds, whatever else is silent."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Optional, TypeVar

from tqdm import tqdm

from textzoo.errors import OutputLost

log = logging.getLogger("textzoo")

Items = TypeVar("Items", bound=Any)  # an array, a list: what has a length and slices

DEFAULT_SECONDS = 20.0
_SHORT = (
    10  # work that lasts less than a tenth of that is not told of, however silent it was before
)


class Work:
    """A piece of work that may take minutes. Use it as a context manager.

    As long as it lasts and the log has been silent for `runner.print_seconds`, a line tells how
    much is done, how fast it goes and what time is left. The lines come from a thread of their own:
    work that is busy in one long call is told of too. Of pieces within one another the innermost
    one is told of.

    Args:
        what: is done, such as `encoding`.
        total: how much there is to do, if that is known.
        unit: in which it is counted.

    Attributes:
        what, total: as given; they may be set when more is known.
        began: when, by the monotonic clock.
    """

    def __init__(self, what: str, total: Optional[float] = None, unit: str = "rows"):
        self.what = what
        self.total = total
        self._unit = unit
        self._done = 0.0
        self._rows: Optional[int] = None
        self.began = time.monotonic()

    def update(self, n: float = 1, rows: Optional[int] = None) -> None:
        """Note that so much more is done, with so many rows if they are not what is counted."""
        self._done += n
        if rows is not None:
            self._rows = (self._rows or 0) + rows

    def over(self, items: Items, at_once: int) -> Iterator[Items]:
        """So many items after the other, each of which is work done when the next ones are asked.

        Yields:
            A slice of them.
        """
        with self:
            for first in range(0, len(items), at_once):
                part = items[first : first + at_once]
                yield part
                self.update(len(part))

    def line(self) -> str:
        """How far it is."""
        seconds = max(time.monotonic() - self.began, 1e-9)
        done, total = self._done, self.total
        if not done:
            of = f" {_count(total)} {self._unit}," if total else ""
            return f"{self.what}:{of} at work for {interval(seconds)}"
        counted = f"{_count(done)} of {_count(total)}" if total else _count(done)
        speed = rate(done / seconds, self._unit)
        if self._rows is not None:
            speed = rate(self._rows / seconds, "rows")
        parts = [f"{self.what}: {counted} {self._unit}", speed]
        if total:
            parts.append(f"left {interval(max(total - done, 0) / done * seconds)}")
        return "  ".join(parts)

    def __enter__(self) -> "Work":
        self.began = time.monotonic()
        _TELLER.begin(self)
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        failure: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        _TELLER.end(self)


def interval(seconds: float) -> str:
    """A time as lines tell it, such as `01:05` or `1:02:05`."""
    return tqdm.format_interval(seconds)


def rate(per_second: float, unit: str) -> str:
    """A speed as lines tell it, such as `812 rows/s` or `0.35 rows/s`."""
    return f"{per_second:.{0 if per_second >= 10 else 2}f} {unit}/s"


def tell_every(seconds: float) -> float:
    """Have a line at least every so many seconds of work, from now on; returns how many before."""
    return _TELLER.tell_every(seconds)


def _count(n: float) -> str:
    """So many, in whole ones where they are whole or many."""
    return f"{n:.0f}" if n >= 100 or n == round(n) else f"{n:.3g}"


class _Teller:
    """The thread that tells of the work that is done; it sleeps where there is none."""

    def __init__(self) -> None:
        self._at_work: list[Work] = []
        self._seconds = DEFAULT_SECONDS
        self._told = 0.0  # when the log last had a line
        self._changed = threading.Condition()
        self._thread: Optional[threading.Thread] = None

    def begin(self, work: Work) -> None:
        with self._changed:
            self._at_work.append(work)
            if self._thread is None or not self._thread.is_alive():  # it does not outlive a fork
                self._thread = threading.Thread(target=self._tell, name="progress", daemon=True)
                self._thread.start()
            elif len(self._at_work) == 1:
                self._changed.notify()

    def end(self, work: Work) -> None:
        with self._changed:
            if work in self._at_work:
                self._at_work.remove(work)

    def tell_every(self, seconds: float) -> float:
        with self._changed:
            before, self._seconds = self._seconds, seconds
            self._told = time.monotonic()  # what was silent before is no matter
            self._changed.notify()
        return before

    def noted(self, record: logging.LogRecord) -> bool:
        """Note that the log has a line; a filter that lets all pass."""
        self._told = time.monotonic()
        return True

    def _tell(self) -> None:
        while True:
            with self._changed:
                if not self._at_work:
                    self._changed.wait()
                    continue
                due = max(
                    self._told + self._seconds, self._at_work[0].began + self._seconds / _SHORT
                )
                if (left := due - time.monotonic()) > 0:
                    self._changed.wait(min(left, self._seconds))
                    continue
                self._told = time.monotonic()  # where a line is not wanted nothing notes it
                work = self._at_work[-1]
            with contextlib.suppress(OutputLost):  # which ends the command at its own next line
                log.info("%s", work.line())


_TELLER = _Teller()
log.addFilter(_TELLER.noted)
