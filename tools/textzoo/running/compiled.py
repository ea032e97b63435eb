"""A net in training, compiled for inference as it is now."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Optional

from textzoo.config.checking import Config
from textzoo.config.model_folder import ModelFolder
from textzoo.running.building import build_run
from textzoo.running.predictor import Predictor, supports_bfloat16
from textzoo.running.run import Run
from textzoo.running.static import StaticRun
from textzoo.text.reader import Reader

log = logging.getLogger("textzoo")


def compiler_of(
    run: Run, config: Config, folder: ModelFolder, reader: Reader
) -> Optional[Callable[[], Predictor]]:
    """What compiles a run in training for validation: of embeddings, if bfloat16 is asked for.

    Returns:
        See `compiled_now`, whose arguments these are; None: the run itself computes, in float32.
    """
    runner = config.runner
    if run.model.kind != "embeddings" or runner.infer_precision != "bfloat16":
        return None
    if runner.infer_engine != "predictor" or runner.use_gpu or not supports_bfloat16():
        log.info(
            "validation computes in float32: bfloat16 needs the predictor on a CPU that has it"
        )
        return None
    log.info("validation computes in bfloat16, as runner.infer_precision says")
    return partial(compiled_now, run, config, folder, reader)


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
