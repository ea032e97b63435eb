"""What runs an exported program: Paddle's inference engine or ONNX Runtime."""

import importlib.util
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Optional, Protocol, cast

import numpy as np

from textzoo.devices import import_paddle, n_threads, no_telemetry
from textzoo.errors import UserError
from textzoo.running.finite import check_finite
from textzoo.text.reader import Feeds

PROGRAM, WEIGHTS, ONNX = "net.json", "net.pdiparams", "net.onnx"
FILES = {"paddle": (PROGRAM, WEIGHTS), "onnx": (ONNX,)}  # of each format
StoredPrecision = Literal["float32", "bfloat16", "int8"]  # of weights in files


# Operations of a program of Paddle that do more than compute: a net that was trained has none.
_NOT_COMPUTING = {
    *("load", "load_combine", "print", "py_func", "read_file", "run_program"),
    *("save", "save_combine"),
}


class Engine(Protocol):
    """Runs the program of an exported folder; from one thread at a time."""

    version: str

    def __call__(self, feeds: Feeds) -> list[np.ndarray]:
        """The outputs of one batch, in the order of the manifest's `outputs`.

        Raises:
            NotFinite: they are not finite.
        """
        ...


class PaddleEngine:
    """Paddle's inference engine on a CPU, with oneDNN.

    Args:
        folder: with the program and its weights.
        bfloat16: whether matrix products are computed with 8 bits of precision.
    """

    def __init__(self, folder: Path, bfloat16: bool = False):
        import_paddle()
        from paddle import inference
        from paddle.version import full_version

        config = inference.Config(str(folder / PROGRAM), str(folder / WEIGHTS))
        config.disable_glog_info()
        config.enable_mkldnn()
        config.set_cpu_math_library_num_threads(n_threads())
        if bfloat16:
            config.enable_mkldnn_bfloat16()
        self.version = f"paddlepaddle {full_version}"
        self._predictor = inference.create_predictor(config)
        self._lock = threading.Lock()

    def __call__(self, feeds: Feeds) -> list[np.ndarray]:
        """See `Engine`."""
        predictor = self._predictor
        with self._lock:
            for name in predictor.get_input_names():
                predictor.get_input_handle(name).copy_from_cpu(feeds[name])
            predictor.run()
            names = predictor.get_output_names()
            outputs = [predictor.get_output_handle(name).copy_to_cpu() for name in names]
        check_finite(outputs)
        return outputs


class OnnxEngine:
    """ONNX Runtime on a CPU.

    Args:
        folder: with `net.onnx`.
    """

    def __init__(self, folder: Path):
        no_telemetry()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads()
        options.log_severity_level = 3  # errors; it warns of every constant that it folds
        self.version = f"onnxruntime {onnxruntime.__version__}"
        self._session = onnxruntime.InferenceSession(
            os.fspath(folder / ONNX), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, feeds: Feeds) -> list[np.ndarray]:
        """See `Engine`."""
        outputs = cast(list[np.ndarray], self._session.run(None, feeds))  # no sparse outputs
        check_finite(outputs)
        return outputs


_ENGINES: dict[str, tuple[Any, str]] = {
    "paddle": (PaddleEngine, "paddle"),
    "onnx": (OnnxEngine, "onnxruntime"),
}
FORMATS = tuple(_ENGINES)


def is_installed(name: str) -> bool:
    """Whether the library of an engine is there."""
    return importlib.util.find_spec(_ENGINES[name][1]) is not None


def open_engine(folder: Path, formats: Sequence[str], name: Optional[str] = None) -> Engine:
    """The engine of an exported folder.

    Args:
        folder: the exported folder.
        formats: what it holds, of `FORMATS`.
        name: which one to run; default: the first one whose library is installed.

    Raises:
        UserError: the folder lacks this format, its library is not installed, or it cannot load
            the program.
    """
    chosen = [name] if name else [each for each in formats if is_installed(each)] or formats[:1]
    name = chosen[0]
    if name not in formats:
        raise UserError(f"{folder}: holds no {name}; it was exported to {', '.join(formats)}")
    engine, library = _ENGINES[name]
    if not is_installed(name):
        raise UserError(
            f"{folder}: {name} needs the package {library}: pip install 'textzoo[{name}]'"
        )
    if name == "paddle":
        _check_program(folder / PROGRAM)
    try:
        return engine(folder)
    except Exception as failure:  # of the library, of whatever kind
        problem = " ".join(str(failure).split())[:300]
        raise UserError(f"{folder}: {name} cannot load {FILES[name][0]}: {problem}") from None


def _check_program(file: Path) -> None:
    """Refuse a program of Paddle that reads or writes files, prints, or calls Python.

    Raises:
        UserError: it does, or is none.
    """
    try:
        parts = [json.loads(file.read_text(encoding="utf-8"))["program"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{file}: is damaged: no program of Paddle") from None
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            name = str(part.get("#")).rpartition(".")[2]  # "1.matmul"
            if name in _NOT_COMPUTING:
                raise UserError(f"{file}: holds the operation {name}; expected a net that computes")
            parts += part.values()
        elif isinstance(part, list):
            parts += part
