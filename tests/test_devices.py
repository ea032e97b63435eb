import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from textzoo import devices
from textzoo.devices import _is_amd_with_avx2, n_threads
from textzoo.errors import UserError

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


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_sigterm_does_after_paddle_is_imported_what_it_did_before():
    program = """
import os, signal, time
from textzoo.devices import import_paddle
signal.signal(signal.SIGTERM, lambda *_: print("as before", flush=True))
import_paddle()
os.kill(os.getpid(), signal.SIGTERM)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
import_paddle()
os.kill(os.getpid(), signal.SIGTERM)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(devices.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, "as before\n", "")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
@pytest.mark.parametrize(("settings", "kept"), [({}, True), ({"MALLOC_MMAP_MAX_": "9"}, False)])
def test_freed_memory_is_kept_unless_the_environment_says_how(settings, kept):
    program = """
import ctypes
from textzoo.devices import _keep_freed_memory
_keep_freed_memory()
c, size = ctypes.CDLL(None), 64 << 20
c.malloc.restype = ctypes.c_void_p
def megabytes():
    return int(open("/proc/self/statm", encoding="ascii").read().split()[1]) * 4096 >> 20
before = megabytes()
block = c.malloc(ctypes.c_size_t(size))
c.memset(ctypes.c_void_p(block), 1, ctypes.c_size_t(size))
c.free(ctypes.c_void_p(block))
print(megabytes() - before)
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    environment |= {"PYTHONPATH": str(Path(devices.__file__).parent.parent), **settings}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert (int(done.stdout) > 32) is kept, done.stderr


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or platform.machine() != "x86_64", reason="is set by glibc"
)
def test_denormal_numbers_are_0_in_this_thread_and_in_paddle_s():
    program = """
import threading, warnings
warnings.simplefilter("error")
from textzoo.devices import import_paddle
import_paddle()
import numpy as np, paddle
def product():
    print((np.full(64, 1e-30, "float32") * np.float32(1e-10)).max())
product()
thread = threading.Thread(target=product)
thread.start()
thread.join()
tiny = paddle.full([512, 512], 1e-30)
print(float(paddle.matmul(tiny, paddle.full([512, 512], 1e-10)).max()))
print(np.finfo(np.float32).tiny > 0)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(devices.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("0.0\n0.0\n0.0\nTrue\n", "")


def test_processes_of_a_machine_divide_its_cores(monkeypatch):
    monkeypatch.setattr(devices, "usable_cores", lambda: 8)
    assert devices.threads_per_process() == 8
    for n, threads in ((2, 4), (3, 2), (16, 1)):
        monkeypatch.setenv("PADDLE_LOCAL_SIZE", str(n))
        assert devices.threads_per_process() == threads


@pytest.mark.parametrize(("given", "expected"), [("3", 3), ("2,1", 2), (" 4 ,2", 4)])
def test_threads_are_those_of_the_outermost_level(monkeypatch, given, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert n_threads() == expected


@pytest.mark.parametrize("given", ["two", "0", "-1", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(monkeypatch, given):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    with pytest.raises(UserError, match=f"OMP_NUM_THREADS: received '{given}'"):
        n_threads()
