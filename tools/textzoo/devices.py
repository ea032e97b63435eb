"""Threads and devices: to be settled before Paddle is imported."""

import contextlib
import io
import logging
import os
import sys
import warnings
from pathlib import Path

from textzoo.errors import UserError


def import_paddle() -> None:
    """Import Paddle with one thread per core, and without its notices about that.

    Paddle takes the number of threads from OMP_NUM_THREADS at import and defaults to one. Its
    matrix library (MKL of 2019) uses AVX2 on AMD processors only if MKL_DEBUG_CPU_TYPE says so:
    matrix products are then 2 to 3 times as fast. Transposed and sliced tensors are copied at once:
    as views, they are copied element by element wherever an operator needs them whole, which makes
    a training step of a transformer or a TextCNN 1.25 times as long. Values that are set already
    are respected.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(_usable_cores()))
    if _is_amd_with_avx2(Path("/proc/cpuinfo")):
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")
    os.environ.setdefault("FLAGS_use_stride_kernel", "0")
    os.environ.setdefault("GLOG_minloglevel", "2")  # notices of the executor
    said = io.StringIO()
    with contextlib.redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import paddle  # noqa: F401
    notices = ("OMP_NUM_THREADS", "It will fail if this PaddlePaddle")
    for line in said.getvalue().splitlines():
        if line.strip() and not any(notice in line for notice in notices):
            print(line, file=sys.stderr)
    logging.getLogger("paddle").setLevel(logging.ERROR)


def n_threads() -> int:
    """How many threads a net is computed with."""
    return int(os.environ.get("OMP_NUM_THREADS") or _usable_cores())


def choose_device(use_gpu: bool) -> None:
    """Run on the first GPU or on the CPU.

    Raises:
        UserError: a GPU is asked for and this build of Paddle has none.
    """
    import paddle

    if use_gpu and not paddle.device.is_compiled_with_cuda():
        raise UserError(
            "runner.use_gpu: this build of Paddle has no CUDA; install paddlepaddle-gpu, or "
            "-o runner.use_gpu=false"
        )
    paddle.set_device("gpu:0" if use_gpu else "cpu")


def _is_amd_with_avx2(cpuinfo: Path) -> bool:
    """Whether this Linux machine has such a processor; elsewhere there is no such file."""
    try:
        processor = cpuinfo.read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return False
    return "AuthenticAMD" in processor and "avx2" in processor.split()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
