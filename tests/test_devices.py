import os
import subprocess
import sys
from pathlib import Path

import pytest

from textzoo import devices
from textzoo.devices import _is_amd_with_avx2

AMD = "processor: 0\nvendor_id: AuthenticAMD\nflags: fpu sse2 avx avx2 fma\n\nprocessor: 1\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AMD, True),
        (AMD.replace("AuthenticAMD", "GenuineIntel"), False),
        (AMD.replace("avx2 ", ""), False),
    ],
)
def test_amd_with_avx2_is_recognised(tmp_path, text, expected):
    (tmp_path / "cpuinfo").write_text(text, encoding="utf-8")
    assert _is_amd_with_avx2(tmp_path / "cpuinfo") is expected


def test_without_cpuinfo_nothing_is_assumed(tmp_path):
    assert not _is_amd_with_avx2(tmp_path / "cpuinfo")


def test_values_of_the_environment_are_respected():
    program = (
        "import os; from textzoo.devices import import_paddle; import_paddle();"
        "print(os.environ['OMP_NUM_THREADS'], os.environ['MKL_DEBUG_CPU_TYPE'])"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(devices.__file__).parent.parent),
        "OMP_NUM_THREADS": "1",
        "MKL_DEBUG_CPU_TYPE": "4",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ["1", "4"], done.stderr


def test_processes_of_a_machine_divide_its_cores(monkeypatch):
    monkeypatch.setattr(devices, "usable_cores", lambda: 8)
    assert devices.threads_per_process() == 8
    for n, threads in ((2, 4), (3, 2), (16, 1)):
        monkeypatch.setenv("PADDLE_LOCAL_SIZE", str(n))
        assert devices.threads_per_process() == threads
