"""Threads and devices: to be settled before Paddle is imported."""

import contextlib
import io
import logging
import os
import sys
import warnings

from textzoo.errors import UserError


def import_paddle() -> None:
    """Import Paddle with one thread per core, and without its notices about that.

    Paddle takes the number of threads from OMP_NUM_THREADS at import and defaults to one. A
    value that is set already is respected.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(_usable_cores()))
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
    """How many threads Paddle uses."""
    return int(os.environ["OMP_NUM_THREADS"])


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


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
