"""The commands as a user runs them, in this process or in one of their own, and how they end."""

import contextlib
import io
import json
import logging
import os
import random
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 300  # seconds; only a run that hangs comes near it

# One thread: so many small runs gain nothing from more.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
# Coverage, where it is asked for, starts in each process that is told to by this variable.
UNMEASURED = {k: v for k, v in ENVIRONMENT.items() if k != "COVERAGE_PROCESS_CONFIG"}


@dataclass(frozen=True)
class Result:
    """A command that has ended."""

    arguments: list[str]
    status: int
    stdout: str
    stderr: str

    @property
    def metrics(self) -> dict[str, Any]:
        """The JSON of the final line `metrics: {...}`, which has 4 digits."""
        last = self.stdout.rstrip("\n").rpartition("\n")[2]
        assert last.startswith("metrics: "), self
        return json.loads(last.removeprefix("metrics: "))

    def __str__(self) -> str:
        return "\n".join(
            [" ".join(self.arguments), f"status {self.status}", self.stdout, self.stderr]
        )


def command_line(command: str, *arguments: object) -> list[str]:
    """The arguments of a process that runs `tools/<command>.py`."""
    return [sys.executable, str(ROOT / "tools" / f"{command}.py"), *map(str, arguments)]


def run_command(command: str, *arguments: object, expect: int = 0, cwd: Path = ROOT) -> Result:
    """Run `tools/<command>.py` in this process, which saves the start of Python and of Paddle.

    Args:
        command: the name of the script.
        arguments: of the command line.
        expect: the exit status; any exception but that of the exit is the test's own failure.
        cwd: the working directory.
    """
    script, *given = command_line(command, *arguments)[1:]
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12")
    with pytest.MonkeyPatch.context() as patch, fresh_state():
        patch.chdir(cwd)
        patch.setattr(sys, "argv", [script, *given])
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", stderr)
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(script, run_name="__main__")
    said = [stream.buffer.getvalue().decode() for stream in (stdout, stderr)]
    result = Result([script, *given], ended.value.code or 0, *said)
    assert result.status == expect, str(result)
    return result


@contextlib.contextmanager
def fresh_state() -> Iterator[None]:
    """Start as a new process does, whatever ran before in this one, and leave as little behind.

    What a resumed run draws at random must come from its checkpoint, not from the run before it.
    """
    import paddle

    random.seed()
    np.random.seed()
    paddle.seed(random.getrandbits(32))
    on_interrupt = signal.getsignal(signal.SIGINT)
    with clean_log():
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, on_interrupt)


@contextlib.contextmanager
def clean_log() -> Iterator[logging.Logger]:
    """The library's log as it is before `start_logging`; it is put back as it was."""
    log = logging.getLogger("textzoo")
    before = log.level, log.propagate, log.handlers[:]
    log.setLevel(logging.INFO)
    log.propagate = True  # a fixture of the session may have started it
    try:
        yield log
    finally:
        for handler in log.handlers[:]:
            if handler not in before[2]:
                handler.close()
                log.removeHandler(handler)
        log.level, log.propagate = before[:2]


def run(
    arguments: list[str],
    *,
    expect: int = 0,
    cwd: Path = ROOT,
    before: Optional[Callable[[], None]] = None,
) -> Result:
    """Run a process of its own to its end and check its exit status.

    Args:
        arguments: of the process.
        expect: the exit status; whatever it is, a traceback is not expected.
        cwd: the working directory.
        before: what the new process does before it becomes the command. Its coverage is not
            measured: where files cannot grow, coverage has nowhere to write.
    """
    done = subprocess.run(
        arguments,
        cwd=cwd,
        env=UNMEASURED if before else ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        preexec_fn=before,
    )
    result = Result(arguments, done.returncode, done.stdout, done.stderr)
    assert result.status == expect, str(result)
    assert "Traceback" not in result.stderr, str(result)
    return result
