"""A net in training, compiled for inference as it is now."""

from textzoo.config.checking import Config
from textzoo.config.model_folder import ModelFolder
from textzoo.config.schema import Runner
from textzoo.running.building import build_run
from textzoo.running.predictor import Predictor, supports_bfloat16
from textzoo.running.run import Run
from textzoo.running.static import StaticRun
from textzoo.text.reader import Reader


def computes_in_bfloat16(runner: Runner) -> bool:
    """Whether inference is to compute in bfloat16, and can here."""
    asked = runner.infer_engine == "predictor" and runner.infer_precision == "bfloat16"
    return asked and not runner.use_gpu and supports_bfloat16()


def compiled_now(run: Run, config: Config, folder: ModelFolder, reader: Reader) -> Predictor:
    """What gives the outputs of a run with its present weights, as `infer_precision` says.

    Args:
        run: in training, in either graph.
        config, folder, reader: that it was built from.
    """
    copy = build_run("static", config, folder, reader)
    assert isinstance(copy, StaticRun)
    copy.set_parameters(run.parameters())
    return Predictor(copy, config.runner.infer_precision)
