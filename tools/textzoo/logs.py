"""Where log lines go."""

import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional, TextIO

from tqdm import tqdm

from textzoo.devices import process_rank
from textzoo.errors import OutputLost
from textzoo.progress import DEFAULT_SECONDS, tell_every

log = logging.getLogger("textzoo")

_is_quiet = False


def start_logging(
    log_file: Optional[Path] = None,
    stream: Optional[TextIO] = None,
    seconds: float = DEFAULT_SECONDS,
) -> None:
    """Send log lines to standard output or another stream, and to a file as well.

    Args:
        log_file: to which lines are added.
        stream: default: standard output.
        seconds: after so many without a line, one tells of work, see `progress`.
    """
    tell_every(seconds)
    # Of several processes the first one speaks for all, and the others of what is wrong.
    log.setLevel(logging.WARNING if process_rank() else logging.INFO)
    log.propagate = False
    handlers: list[logging.Handler] = [_Output(stream or sys.stdout)]
    if _is_quiet:
        handlers = [logging.StreamHandler()]
        handlers[0].setLevel(logging.WARNING)
    if log_file:
        handlers.append(_LogFile(log_file, encoding="utf-8"))
        handlers[1].setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    for old in log.handlers[:]:
        old.close()
        log.removeHandler(old)
    for handler in handlers:
        log.addHandler(handler)


@contextlib.contextmanager
def log_restored(verbose: bool) -> Iterator[None]:
    """Leave the log as it was before, whatever `start_logging` makes of it within.

    Args:
        verbose: whether log lines and bars are shown; else only warnings are, on standard error.
    """
    global _is_quiet
    before = _is_quiet, log.level, log.propagate, log.handlers[:]
    seconds = tell_every(DEFAULT_SECONDS)
    _is_quiet, log.handlers = not verbose, []
    try:
        yield
    finally:
        for handler in log.handlers:
            handler.close()
        _is_quiet, log.level, log.propagate, log.handlers = before
        tell_every(seconds)


class ProgressBar(tqdm):
    """A bar that goes by a clock that nobody sets, unlike that of the day."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **{**settings, **({"disable": True} if _is_quiet else {})})
        self._time = time.monotonic
        self.start_t = self.last_print_t = self._time()


class _Output(logging.StreamHandler):
    """Standard output or another stream, without which a command does not go on."""

    def handleError(self, record: logging.LogRecord) -> None:
        failure = sys.exc_info()[1]
        if isinstance(failure, OSError):
            raise OutputLost from failure
        super().handleError(record)


class _LogFile(logging.FileHandler):
    """A log file that a full disk does not interrupt: the run itself will say so."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass
