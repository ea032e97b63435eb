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
