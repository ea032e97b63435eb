"""Threads and devices: to be settled before Paddle is imported."""

import contextlib
import ctypes
import io
import logging
import os
import platform
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from textzoo.errors import UserError

_VIEWS = "FLAGS_use_stride_kernel"
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # numbers of glibc's malloc.h
_DENORMALS_ARE_ZERO, _FLUSH_TO_ZERO = 1 << 6, 1 << 15  # bits of MXCSR
LIFELINE = "TEXTZOO_LIFELINE"  # set where standard input ends when the launcher does


def import_paddle() -> None:
    """Import Paddle with one thread per core, and without its notices about that.

    Several processes on this machine divide the cores among them. Paddle takes the number of
    threads from OMP_NUM_THREADS at import and defaults to one. Its matrix library (MKL of 2019)
    uses AVX2 on AMD processors only if MKL_DEBUG_CPU_TYPE says so: matrix products are then 2 to 3
    times as fast. Transposed and sliced tensors are copied at once: as views, they are copied
    element by element wherever an operator needs them whole, which makes a training step of a
    transformer or a TextCNN 1.25 times as long. In static graph, operators run in one thread, so
    that they reuse each other's memory. Values that are set already are respected.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(threads_per_process()))
    if _is_amd_with_avx2(Path("/proc/cpuinfo")):
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")
    os.environ.setdefault(_VIEWS, "0")
    os.environ.setdefault("FLAGS_new_executor_serial_run", "1")
    os.environ.setdefault("GLOG_minloglevel", "2")  # notices of the executor
    _keep_freed_memory()
    _flush_denormal_numbers()
    said = io.StringIO()
    with _signals_held(), contextlib.redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import paddle  # noqa: F401
    notices = ("OMP_NUM_THREADS", "It will fail if this PaddlePaddle")
    for line in said.getvalue().splitlines():
        if line.strip() and not any(notice in line for notice in notices):
            print(line, file=sys.stderr)
    logging.getLogger("paddle").setLevel(logging.ERROR)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back, and give them to the handlers that were there before.

    While Paddle is imported, an exception would leave it half imported; and it sets handlers of its
    own, which answer SIGTERM with a trace of C++.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    can_hold = hasattr(signal, "pthread_sigmask")  # not on Windows
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers) if can_hold else ()
    try:
        yield
    finally:
        for number in numbers:
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)
        if can_hold:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _keep_freed_memory() -> None:
    """Have the C library keep the memory of freed tensors for the next ones.

    glibc would give every large block back to the system, which fills each of its pages with zeros
    when it is used again: in every step. That took half of the time of some models. Other
    libraries have no `mallopt`, and their ways are left alone.
    """
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return
    if sys.platform == "linux" and hasattr(c_library := ctypes.CDLL(None), "mallopt"):
        c_library.mallopt(_M_MMAP_MAX, 0)
        c_library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def _flush_denormal_numbers() -> None:
    """Have this thread, and those that it starts, take numbers below 1e-38 for 0.

    They take a processor up to a hundred times as long. Gradients of texts that a transformer knows
    already, times the attention to padding (Paddle's softmax gives 1e-28), are among them. Where
    the C library is another than glibc on x86-64, they are left as they are.
    """
    if platform.libc_ver()[0] != "glibc" or platform.machine() != "x86_64":
        return
    import numpy as np

    for kind in (np.float32, np.float64):
        np.finfo(kind)  # NumPy would warn if it looked later
    environment = (ctypes.c_uint32 * 8)()  # fenv_t of bits/fenv.h; the last one is MXCSR
    mathematics = ctypes.CDLL("libm.so.6")
    mathematics.fegetenv(environment)
    environment[7] |= _DENORMALS_ARE_ZERO | _FLUSH_TO_ZERO
    mathematics.fesetenv(environment)


@contextlib.contextmanager
def slices_as_views() -> Iterator[None]:
    """Have slices share the memory of their tensor in dynamic graph, unlike elsewhere."""
    import paddle

    before = paddle.get_flags(_VIEWS)
    paddle.set_flags({_VIEWS: True})
    try:
        yield
    finally:
        paddle.set_flags(before)


def process_rank() -> int:
    """The number of this process among those that train together, from 0; 0 alone writes files."""
    return int(os.environ.get("PADDLE_TRAINER_ID", "0"))


def n_threads() -> int:
    """How many threads a net is computed with.

    Raises:
        UserError: OMP_NUM_THREADS is no number, nor a list of them, whose first one counts.
    """
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if given and not (given.isascii() and given.isdigit() and int(given)):
        raise UserError(f"OMP_NUM_THREADS: received {given!r}, expected a number from 1")
    return int(given or threads_per_process())


def no_telemetry() -> None:
    """Have ONNX Runtime, imported later, send nothing to its makers, unless that is asked for.

    Its wheels do by default, from version 1.29 on also on Linux and macOS: facts of models and of
    runs, with an id of the machine.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def choose_device(use_gpu: bool) -> None:
    """Run on a GPU of this process's own or on the CPU.

    Raises:
        UserError: a GPU is asked for and this build of Paddle has none.
    """
    import paddle

    if use_gpu and not paddle.device.is_compiled_with_cuda():
        raise UserError(
            "runner.use_gpu: this build of Paddle has no CUDA; install paddlepaddle-gpu, or "
            "-o runner.use_gpu=false"
        )
    own = os.environ.get("FLAGS_selected_gpus", "0")  # noqa: SIM112 (Paddle's own name)
    paddle.device.set_device(f"gpu:{own}" if use_gpu else "cpu")


def physical_cores() -> int:
    """The cores that this process may run on; two logical ones that share a core count once."""
    if not hasattr(os, "sched_getaffinity"):
        return usable_cores()
    places = (
        Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
        for core in os.sched_getaffinity(0)
    )
    try:
        return len({place.read_text(encoding="utf-8") for place in places})
    except OSError:
        return usable_cores()


def visible_gpus() -> int:
    """The GPUs that Paddle sees."""
    import_paddle()
    import paddle

    return paddle.device.cuda.device_count()


def _is_amd_with_avx2(cpuinfo: Path) -> bool:
    """Whether this Linux machine has such a processor; elsewhere there is no such file."""
    try:
        processor = cpuinfo.read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return False
    return "AuthenticAMD" in processor and "avx2" in processor.split()


def threads_per_process() -> int:
    """The cores, divided by the processes that a launcher has started on this machine."""
    return max(1, usable_cores() // int(os.environ.get("PADDLE_LOCAL_SIZE", "1")))


def usable_cores() -> int:
    """The logical cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
