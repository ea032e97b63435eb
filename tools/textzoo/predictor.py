"""Inference on a CPU through Paddle's inference engine with oneDNN."""

import logging
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import paddle

from textzoo.dygraph import Feeds
from textzoo.engines import PROGRAM, PaddleEngine
from textzoo.errors import UserError
from textzoo.static import StaticRun

log = logging.getLogger("textzoo")

Precision = Literal["float32", "bfloat16"]


class Predictor:
    """Gives the outputs that a run gives, from the program and weights that the run has now.

    In bfloat16, products are computed with 8 bits of precision; all else, and the outputs, are
    float32. How much the outputs of the first batch differ by that is logged.

    Args:
        run: whose inference program to compile.
        precision: of matrix products.

    Raises:
        UserError: this processor cannot compute in bfloat16.
    """

    def __init__(self, run: StaticRun, precision: Precision = "float32"):
        self.model: Any = run.model
        self._outputs = run.output_names()
        if precision == "bfloat16" and not paddle.base.core.supports_bfloat16():
            raise UserError(
                "runner.infer_precision: this processor cannot compute in bfloat16; set "
                "-o runner.infer_precision=float32"
            )
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            run.save_inference(place / Path(PROGRAM).stem)
            self._engine = PaddleEngine(place, bfloat16=precision == "bfloat16")
            self._exact = PaddleEngine(place) if precision == "bfloat16" else None

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
                        "bfloat16: %s of %d texts differ from float32 by %.2g at most, %.2g in "
                        "the mean",
                        *(name, len(values), difference.max(), difference.mean()),
                    )
        return outputs
