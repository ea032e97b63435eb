"""Embedding on a CPU through Paddle's inference engine with oneDNN: several times as fast."""

import tempfile
from pathlib import Path
from typing import Any

import paddle
from paddle import inference

from textzoo.devices import n_threads
from textzoo.dygraph import DygraphRun, Feeds


class Predictor:
    """Embeds texts as the run does that it is made from; the run is not to be used after.

    Args:
        run: of a model of pairs.
        bf16: whether products are computed with 8 bits of precision; embeddings are float32.
    """

    def __init__(self, run: DygraphRun, bf16: bool):
        self.model: Any = run.model
        run.net.eval()
        inputs = [
            paddle.static.InputSpec([None, None], "int64", "tokens"),
            paddle.static.InputSpec([None], "int64", "lengths"),
        ]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "net")
            paddle.jit.save(paddle.jit.to_static(run.net, inputs, full_graph=True), str(path))
            config = inference.Config(f"{path}.json", f"{path}.pdiparams")
            config.disable_glog_info()
            config.enable_mkldnn()
            config.set_cpu_math_library_num_threads(n_threads())
            if bf16:
                config.enable_mkldnn_bfloat16()
            self._predictor = inference.create_predictor(config)

    def infer_step(self, feeds: Feeds) -> Feeds:
        """The embeddings of one batch."""
        for name, array in feeds.items():
            self._predictor.get_input_handle(name).copy_from_cpu(array)
        self._predictor.run()
        (name,) = self._predictor.get_output_names()
        return {"embeddings": self._predictor.get_output_handle(name).copy_to_cpu()}
