"""Inference on a CPU through Paddle's inference engine with oneDNN."""

import logging
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import paddle
from paddle import inference

from textzoo.devices import n_threads
from textzoo.dygraph import Feeds
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
            path = Path(folder, "net")
            run.save_inference(path)
            self._engine = _compile(path, precision)
            self._exact = _compile(path, "float32") if precision == "bfloat16" else None

    def infer_step(self, feeds: Feeds) -> Feeds:
        """The model's outputs for one batch."""
        outputs = dict(zip(self._outputs, _run(self._engine, feeds)))
        if self._exact:
            exact = dict(zip(self._outputs, _run(self._exact, feeds)))
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


def _compile(path: Path, precision: Precision) -> Any:
    config = inference.Config(f"{path}.json", f"{path}.pdiparams")
    config.disable_glog_info()
    config.enable_mkldnn()
    config.set_cpu_math_library_num_threads(n_threads())
    if precision == "bfloat16":
        config.enable_mkldnn_bfloat16()
    return inference.create_predictor(config)


def _run(engine: Any, feeds: Feeds) -> list[np.ndarray]:
    for name in engine.get_input_names():
        engine.get_input_handle(name).copy_from_cpu(feeds[name])
    engine.run()
    return [engine.get_output_handle(name).copy_to_cpu() for name in engine.get_output_names()]
