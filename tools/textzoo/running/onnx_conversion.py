"""A Paddle inference program to ONNX, by Paddle2ONNX; its products in 8 bits, by ONNX Runtime."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

from textzoo.devices import no_telemetry
from textzoo.errors import UserError

_OPSET = 17
_NEEDED = ("paddle2onnx", "onnxruntime")
# It ends its process at a net that it cannot convert, so it is given one of its own.
_CONVERT = """
import sys
import paddle2onnx
program, weights, target, opset = sys.argv[1:]
onnx = paddle2onnx.export(program, weights, None, int(opset), optimize_tool="none")
with open(target, "wb") as file:
    file.write(onnx)
"""
# A weight far above the others, such as one that masks padding, would leave them no precision.
# The range is one of 7 bits: processors without VNNI add two products in 16, which 8 overflow.
_QUANTIZE = """
import sys
import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
source, folded, target = sys.argv[1:]
quant_pre_process(source, folded, skip_symbolic_shape=True)  # weights become constants
graph = onnx.load(folded).graph
weights = {each.name: np.abs(onnx.numpy_helper.to_array(each)) for each in graph.initializer}
uneven = {name for name, w in weights.items() if w.size and w.max() / 1000 > np.median(w)}
kept = [node.name for node in graph.node if uneven.intersection(node.input)]
quantize_dynamic(
    folded,
    target,
    weight_type=QuantType.QInt8,
    per_channel=True,
    reduce_range=True,
    nodes_to_exclude=kept,
)
"""


def check_converter() -> None:
    """Refuse where the extra `onnx` is not installed.

    Raises:
        UserError: naming what is missing.
    """
    if missing := missing_converters():
        raise UserError(
            f"{' and '.join(missing)} not installed: pip install 'textzoo[onnx]' (Paddle2ONNX is "
            "made for Python 3.9 to 3.12 on Linux and Windows)"
        )


def missing_converters() -> list[str]:
    """The packages of the extra `onnx` that are not installed."""
    return [name for name in _NEEDED if importlib.util.find_spec(name) is None]


def convert(program: Path, weights: Path, target: Path) -> None:
    """Write the ONNX model of a program.

    Raises:
        UserError: the extra is missing, or the program has something that ONNX lacks.
    """
    check_converter()
    no_telemetry()
    _run(_CONVERT, program, weights, target, _OPSET, failure="Paddle2ONNX cannot convert this net")


def quantize(source: Path, target: Path) -> None:
    """Write an ONNX model with the weights of its matrix products as 8-bit integers.

    The other factor is quantized when it is known, by the range of its own values ("dynamic").

    Raises:
        UserError: ONNX Runtime cannot.
    """
    folded = target.with_suffix(".folded.onnx")
    no_telemetry()
    _run(_QUANTIZE, source, folded, target, failure="ONNX Runtime cannot quantize this net")
    folded.unlink()


def _run(code: str, *arguments: Any, failure: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        output = (done.stdout + done.stderr).splitlines()
        said = [line for line in output if "ERROR" in line] or output[-1:]
        raise UserError(f"{failure}: {'; '.join(said)}")
