"""Starting trainer.py as a user does, and watching what it reports."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

from benchmarks import TOOLS
from textzoo.errors import UserError

_POLL = 0.02


class WatchedRun:
    """A run of trainer.py from its start, with an output folder and a cache of its own.

    Args:
        config: its config.
        overrides: of the config's keys.
        folder: for the output and the cache.
        variables: of the environment.
        script: static_trainer.py in place of trainer.py.

    Attributes:
        megabytes: by its name in /proc, the most memory that one of the run's processes was seen to
            have: VmHWM in all, RssAnon without the pages of mapped files, which the system takes
            back when it needs them. 0 without /proc.
    """

    def __init__(
        self,
        config: Path,
        overrides: list[str],
        folder: Path,
        variables: Optional[dict[str, str]] = None,
        script: str = "trainer.py",
    ):
        places = [f"runner.model_save_path={folder}", f"runner.cache_dir={folder / 'cache'}"]
        environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (__exit__ closes it)
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, TOOLS / script, "-m", config, "-o", *overrides, *places],
            stdout=subprocess.DEVNULL,
            stderr=self._errors,  # a pipe that nobody empties would stop the run when it is full
            env={**environment, **(variables or {})},
        )
        self._metrics = folder / "metrics.jsonl"
        self.megabytes = {"VmHWM": 0.0, "RssAnon": 0.0}

    def reports(self, kind: str) -> Iterator[dict[str, Any]]:
        """The lines of this kind in metrics.jsonl as they come, until the run has ended.

        Raises:
            UserError: the run failed.
        """
        n_seen = 0
        while True:
            self._watch_memory()
            ended = self.process.poll() is not None
            lines = self._metrics.read_bytes().splitlines(True) if self._metrics.exists() else []
            for line in lines[n_seen:]:
                if not line.endswith(b"\n"):
                    break
                n_seen += 1
                report = json.loads(line)
                if report["kind"] == kind:
                    yield report
            if ended:
                break
            time.sleep(_POLL)
        if self.process.returncode:
            self._errors.seek(0)
            raise UserError(f"trainer.py failed:\n{self._errors.read()}")

    def _watch_memory(self) -> None:
        pid = self.process.pid
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
            for key in self.megabytes:
                each = (_status_megabytes(int(process), key) for process in [pid, *children])
                self.megabytes[key] = max(self.megabytes[key], *each)

    def __enter__(self) -> "WatchedRun":
        return self

    def __exit__(self, *failure: Any) -> None:
        self.process.kill()  # processes that it has started end with it
        self.process.wait()
        self._errors.close()


def _status_megabytes(pid: int, key: str) -> float:
    """What /proc tells of a process's memory; 0 where it does not."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) / 1024
    return 0.0
