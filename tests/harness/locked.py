"""A process that holds the folder of a run, as a trainer does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.running import ROOT

HOLDS = """
import sys
from pathlib import Path
from textzoo.training.locking import only_trainer
with only_trainer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(folder: Path) -> Iterator[subprocess.Popen]:
    """Have another process hold a folder, until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()
