"""A Paddle inference program to ONNX, by Paddle2ONNX."""

import importlib.util
import subprocess
import sys
from pathlib import Path

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


def check_converter() -> None:
    """Refuse where the extra `onnx` is not installed.

    Raises:
        UserError: naming what is missing.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{' and '.join(missing)} not installed: pip install 'textzoo[onnx]' (Paddle2ONNX is "
            "made for Python 3.9 to 3.12 on Linux and Windows)"
        )


def convert(program: Path, weights: Path, target: Path) -> None:
    """Write the ONNX model of a program.

    Raises:
        UserError: the extra is missing, or the program has something that ONNX lacks.
    """
    check_converter()
    done = subprocess.run(
        [sys.executable, "-c", _CONVERT, *map(str, (program, weights, target, _OPSET))],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        output = (done.stdout + done.stderr).splitlines()
        said = [line for line in output if "ERROR" in line] or output[-1:]
        raise UserError(f"Paddle2ONNX cannot convert this net: {'; '.join(said)}")
