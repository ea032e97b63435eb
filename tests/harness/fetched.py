"""The scripts of datasets/, run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

DATASETS = Path(__file__).resolve().parents[2] / "datasets"


def run_script(script, *arguments, shell="bash", **environment):
    """Run a run.sh and return the finished process, its output as text."""
    return subprocess.run(
        [shell, str(script), *map(str, arguments)],
        env={**os.environ, "PYTHON": sys.executable, "TEXTZOO_RETRY_WAIT": "0", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def written_files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def times_and_content(folder):
    return {
        p: (p.stat().st_mtime_ns, p.read_bytes()) for p in Path(folder).rglob("*") if p.is_file()
    }
