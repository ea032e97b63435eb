"""Cases that may end the process they run in, by a segmentation fault or a time limit."""

import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

_BATCH = 50  # cases of one process
_SECONDS = 60  # for a batch


def problems_of(
    cases: Sequence[Any], check: Callable[[Any], None], place: Path
) -> Iterator[tuple[Any, str]]:
    """Check cases in processes of their own.

    Args:
        cases: what `check` takes.
        check: raises an exception where something is wrong.
        place: a folder for what the processes say.

    Yields:
        Each case with which something was wrong, and what it was.
    """
    while cases:
        report = place / "report.txt"
        report.write_bytes(b"")
        status = _run(cases[:_BATCH], check, report)
        said = report.read_text(encoding="utf-8").split("\0")[:-1]
        yield from ((case, text) for case, text in zip(cases, said) if text)
        if status:
            ending = signal.Signals(-status).name if status < 0 else f"status {status}"
            yield cases[len(said)], f"ended its process: {ending}"
        cases = cases[len(said) + bool(status) :]


def _run(cases: Sequence[Any], check: Callable[[Any], None], report: Path) -> int:
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_SECONDS)
        with report.open("w", encoding="utf-8") as file:
            for case in cases:
                try:
                    check(case)
                    file.write("\0")
                except Exception:
                    file.write(f"{traceback.format_exc()}\0")
                file.flush()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
