"""Nothing phones home: with the network cut off everything works, and nobody asks for it."""

import json
import shutil
import subprocess
import sys

import pytest
from harness.running import ENVIRONMENT, ROOT, UNMEASURED, run

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

PROGRAM = ROOT / "tests" / "harness" / "offline.py"
APART = ["unshare", "--map-root-user", "--net"]


@pytest.mark.slow
def test_training_inference_recall_export_and_serving_leave_the_network_alone(tmp_path):
    """Python's own calls are refused; where a network apart is allowed, the system counts, too.

    It counts what Paddle, ONNX Runtime and every other library sends through sockets of its own.
    """
    start, network = [], "shared"
    if shutil.which("unshare"):
        tried = subprocess.run([*APART, "true"], env=ENVIRONMENT, capture_output=True)
        if not tried.returncode:
            start, network = APART, "apart"
    done = run([*start, sys.executable, str(PROGRAM), str(tmp_path), network])
    seen = json.loads(done.stdout.rstrip("\n").rpartition("\n")[2])
    assert seen["refused"] == 3  # of three calls that were meant to be
    assert seen["asked"] == []
    if network == "apart":
        assert seen["control"] >= 2  # what is meant to be is counted
        assert seen["left"] == 0


def test_onnx_runtime_is_told_to_send_nothing_before_it_is_imported():
    code = """
import sys
from pathlib import Path
from textzoo.running.engines import OnnxEngine
try:
    OnnxEngine(Path("none"))
except Exception:
    pass
import os
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""
    environment = {k: v for k, v in UNMEASURED.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment["PYTHONPATH"] = str(ROOT / "tools")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout.strip() == b"1", done.stderr
