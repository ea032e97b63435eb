"""Which checkpoints, threshold, calibration and engine a config chooses."""

import logging
from pathlib import Path
from typing import Literal, Optional

import numpy as np

from textzoo.config.checking import Config
from textzoo.config.schema import IndexSettings, Runner
from textzoo.errors import UserError
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.names import Kind, family
from textzoo.metrics.thresholds import Threshold
from textzoo.training.checkpoint import (
    BEST,
    Checkpoint,
    has_best,
    is_checkpoint,
    list_checkpoints,
    load_checkpoint,
    newest_checkpoint,
)

log = logging.getLogger("textzoo")


Computation = Literal["predictor", "dygraph", "static"]  # what computes a net's outputs


def chosen_checkpoints(runner: Runner) -> list[Path]:
    """The checkpoints that `infer_checkpoint`, or else the two epochs, name.

    Raises:
        UserError: one of them is not there.
    """
    chosen, load_path = runner.infer_checkpoint, runner.load_path
    first, end = runner.infer_start_epoch, runner.infer_end_epoch
    if chosen is None and (first, end) != (None, None):
        epochs = range(first or 0, end if end is not None else (first or 0) + 1)
        if not epochs:
            raise UserError(
                f"runner.infer_end_epoch: received {end}, expected more than "
                f"infer_start_epoch ({first or 0}): the end is not included"
            )
        missing = [str(epoch) for epoch in epochs if not (load_path / str(epoch)).is_dir()]
        if missing:
            raise UserError(
                f"runner.infer_load_path: {load_path} has no checkpoint of epoch "
                f"{', '.join(missing)}; training with -o runner.keep_checkpoints=0 keeps all"
            )
        return [load_path / str(epoch) for epoch in epochs]
    if chosen == BEST or (chosen is None and has_best(load_path)):
        return [load_path / BEST]
    if chosen in (None, "last"):
        newest = newest_checkpoint(load_path)
        if newest is None:
            way_out = "train first"
            if is_checkpoint(load_path):
                way_out = f"it is one itself: -o runner.infer_checkpoint={load_path}"
            raise UserError(f"runner.infer_load_path: no checkpoint in {load_path}: {way_out}")
        return [newest.path]
    return [chosen]


def inputs_of(config: Config) -> list[Path]:
    """What no output may be written to: what a config names to be read, and its checkpoints."""
    folder = config.runner.load_path
    return [*config.inputs, *list_checkpoints(folder), folder / BEST]


def chosen_threshold(
    runner: Runner, checkpoints: list[Checkpoint], names: list[str], kind: Kind = "tags"
) -> Optional[Threshold]:
    """The threshold of the config, or else the one that was tuned when the checkpoint was made.

    That of several checkpoints is their mean, or 0.5 if it was not tuned for all of them. It is
    None if none of these metrics is of predicted labels.

    Raises:
        UserError: the checkpoint's is one for all labels and the config asks for one per label, or
            the other way round.
    """
    if not any(family(name, kind) == "label sets" for name in names):
        return None
    if not isinstance(runner.threshold, str):
        return runner.threshold
    tuned = [checkpoint.facts["progress"].get("threshold") for checkpoint in checkpoints]
    if None in tuned:
        log.info("no threshold was tuned on validation rows: labels above 0.5 are predicted")
        return 0.5
    for checkpoint, threshold in zip(checkpoints, tuned):
        kept = "per_label" if isinstance(threshold, list) else "tuned"
        if kept != runner.threshold:
            raise UserError(
                f"runner.threshold: received {runner.threshold}, but training with {kept} made "
                f"{checkpoint.path}; expected {kept} or a number"
            )
    return np.mean(tuned, axis=0).tolist()


def chosen_calibration(checkpoints: list[Checkpoint]) -> Optional[Calibration]:
    """What turns scores into probabilities, as it was fitted when the checkpoint was made.

    That of several checkpoints is the mean; None if it is not known of all of them.
    """
    fitted = [checkpoint.facts["progress"].get("calibration") for checkpoint in checkpoints]
    return None if None in fitted else Calibration(*np.mean(fitted, axis=0).tolist())


def chosen_index(settings: IndexSettings, checkpoints: list[Checkpoint]) -> IndexSettings:
    """The `index` block with a number for the lexical weight: that of several is their mean.

    Raises:
        UserError: it is `auto`, and training has not chosen any.
    """
    if settings.lexical_weight != "auto":
        return settings
    chosen = [checkpoint.facts["progress"].get("lexical_weight") for checkpoint in checkpoints]
    if None in chosen:
        raise UserError(
            "index.lexical_weight: received auto, but no weight was chosen when "
            f"{checkpoints[chosen.index(None)].path} was made: train with it and with validation "
            "rows, or give a number, such as -o index.lexical_weight=0.1"
        )
    weight = float(np.mean(chosen))
    log.info("index.lexical_weight: %.3g, chosen on validation rows", weight)
    return settings.model_copy(update={"lexical_weight": weight})


def digests_of(checkpoints: list[Checkpoint]) -> dict[str, str]:
    """What decides embeddings: the checksums of weights and vocabulary of all checkpoints."""
    first, *others = (checkpoint.facts["sha256"] for checkpoint in checkpoints)
    found = dict(first)
    for i, digests in enumerate(others, 1):
        found |= {f"{name} of {i}": digest for name, digest in digests.items()}
    return found


def load_chosen(runner: Runner) -> list[Checkpoint]:
    """The checkpoints whose scores or cosines are averaged, or else the last that is chosen."""
    return load_checkpoints(runner.infer_ensemble or chosen_checkpoints(runner)[-1:])


def load_checkpoints(paths: list[Path]) -> list[Checkpoint]:
    """Read checkpoints, and log which they are."""
    checkpoints = [load_checkpoint(path) for path in paths]
    for checkpoint in checkpoints:
        log.info("checkpoint %s (step %d)", checkpoint.path, checkpoint.facts["progress"]["step"])
    return checkpoints


def chosen_computation(runner: Runner) -> Computation:
    """What `runner` says to compute with.

    Raises:
        UserError: a precision that only the predictor has is asked of another engine.
    """
    engine = runner.infer_engine
    if engine == "predictor" and runner.use_gpu:
        engine = "dygraph"
    if engine != "predictor" and runner.infer_precision != "float32":
        raise UserError(
            f"runner.infer_precision: received {runner.infer_precision}, but {engine} computes in "
            f"float32; {runner.infer_precision} needs -o runner.infer_engine=predictor, on a CPU"
        )
    return engine
