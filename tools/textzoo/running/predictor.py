"""Inference on a CPU: Paddle's inference engine with oneDNN, or ONNX Runtime for 8-bit integers."""

import logging
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import paddle

from textzoo.errors import UserError
from textzoo.running.engines import ONNX, PROGRAM, WEIGHTS, Engine, OnnxEngine, PaddleEngine
from textzoo.running.onnx_conversion import check_converter, convert, quantize
from textzoo.running.static import StaticRun
from textzoo.text.reader import Feeds

log = logging.getLogger("textzoo")

Precision = Literal["float32", "bfloat16", "int8"]


class Predictor:
    """Gives the outputs that a run gives, from the program and weights that the run has now.

    In bfloat16, products are computed with 8 bits of precision; in int8, those with weights as
    8-bit integers, by ONNX Runtime. All else, and the outputs, are float32. How much the outputs of
    the first batch differ by that is logged.

    Args:
        run: whose inference program to compile.
        precision: of matrix products.

    Raises:
        UserError: this processor cannot compute in bfloat16, or int8 needs packages that are not
            there.
    """

    def __init__(self, run: StaticRun, precision: Precision = "float32"):
        self.model = run.model
        self._outputs = run.output_names()
        if precision == "bfloat16" and not supports_bfloat16():
            raise UserError(
                "runner.infer_precision: this processor cannot compute in bfloat16; set "
                "-o runner.infer_precision=float32"
            )
        if precision == "int8":
            check_converter()
        self._precision = precision
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            run.save_inference(place / Path(PROGRAM).stem)
            if precision == "int8":
                self._engine: Engine = _in_8_bits(place)
            else:
                self._engine = PaddleEngine(place, bfloat16=precision == "bfloat16")
            self._exact = PaddleEngine(place) if precision != "float32" else None

    def infer_step(self, feeds: Feeds) -> Feeds:
        """The model's outputs for one batch."""
        outputs = dict(zip(self._outputs, self._engine(feeds)))
        if self._exact:
            exact = dict(zip(self._outputs, self._exact(feeds)))
            self._exact = None
            for name, values in exact.items():
                if values.dtype == np.float32:
                    difference = np.abs(outputs[name] - values)
                    log.info(
                        "%s: %s of %d texts differ from float32 by %.2g at most, %.2g in the mean",
                        *(self._precision, name, len(values)),
                        *(difference.max(), difference.mean()),
                    )
        return outputs


def _in_8_bits(place: Path) -> OnnxEngine:
    exact = place / "exact.onnx"
    convert(place / PROGRAM, place / WEIGHTS, exact)
    quantize(exact, place / ONNX)
    return OnnxEngine(place)


def supports_bfloat16() -> bool:
    """Whether this processor can compute in bfloat16."""
    return paddle.base.core.supports_bfloat16()
