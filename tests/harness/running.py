"""The commands as a user runs them: processes, and how they end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

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
        """The JSON of the final line `metrics: {...}`."""
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


def run(
    arguments: list[str],
    *,
    expect: int = 0,
    cwd: Path = ROOT,
    before: Optional[Callable[[], None]] = None,
) -> Result:
    """Run a process to its end and check its exit status.

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
