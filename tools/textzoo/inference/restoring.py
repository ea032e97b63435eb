"""Runs with the weights of checkpoints."""

import logging
from typing import Any, Optional

from textzoo.config.checking import Config, differences
from textzoo.config.loading import build_reader
from textzoo.config.model_folder import ModelFolder
from textzoo.data.text_vectors import EmbeddingModel
from textzoo.errors import UserError
from textzoo.inference.choosing import Computation
from textzoo.linear.fusion import Mixed
from textzoo.running.building import Graph, build_run
from textzoo.running.combined import AveragedRun
from textzoo.running.fused import FusedModel, FusedRun
from textzoo.running.predictor import Predictor
from textzoo.running.run import InferenceRun, Run
from textzoo.running.static import StaticRun
from textzoo.text.reader import Reader
from textzoo.training.checkpoint import (
    Checkpoint,
    load_weights,
)

log = logging.getLogger("textzoo")


def check_same_vocabulary(checkpoints: list[Checkpoint]) -> None:
    """Refuse checkpoints that were not trained with one vocabulary.

    Raises:
        UserError: two of them were trained with other vocabularies.
    """
    first = checkpoints[0]
    for other in checkpoints[1:]:
        if _vocabulary(other) != _vocabulary(first):
            raise UserError(
                f"runner.infer_ensemble: {other.path} has another vocabulary than {first.path}; "
                "expected checkpoints trained on the same data"
            )


def _vocabulary(checkpoint: Checkpoint) -> dict[str, str]:
    digests = checkpoint.facts["sha256"]
    return {name: digest for name, digest in digests.items() if name.startswith("vocabulary/")}


def check_same_model(config: Config, checkpoint: Checkpoint, source: str) -> None:
    """Refuse a checkpoint that was trained with another reader or net than the config's.

    Raises:
        UserError: naming the keys that differ.
    """
    ours, theirs = config.resolved(), checkpoint.facts["config"]
    changed = differences(_model_keys(ours), _model_keys(theirs))
    if changed:
        raise UserError(
            f"{source}: the checkpoint {checkpoint.path} was trained with other settings:\n  "
            + "\n  ".join(changed)
            + "\nUse the config that it was trained with"
        )


def _model_keys(resolved: dict[str, Any]) -> dict[str, Any]:
    """What a trained net depends on: not how it was trained, nor what it started from."""
    apart = ("optimizer", "embedding", "teacher", "matryoshka_dims", "truncate_dim")
    net = {k: v for k, v in resolved["hyper_parameters"].items() if k not in apart}
    if "encoder" in net:
        apart = ("pretrained", "freeze_layers")
        net["encoder"] = {k: v for k, v in net["encoder"].items() if k not in apart}
    if "linear" in net:
        apart = ("weight", "embeddings")  # the files that the latter names are compared
        net["linear"] = {k: v for k, v in net["linear"].items() if k not in apart}
    apart = ("tokenizer", "max_negatives")
    reader = {k: v for k, v in resolved["reader"].items() if k not in apart}
    return {"reader": reader, "hyper_parameters": net}


def restore_all(
    config: Config,
    folder: ModelFolder,
    checkpoints: list[Checkpoint],
    computation: Computation,
    encoder: Optional[EmbeddingModel] = None,
) -> tuple[InferenceRun, Reader]:
    """A run with the weights of a checkpoint, or one that gives the mean scores of several.

    The encoder is what the config's linear part names, see `serving.embedding_model`.

    Returns:
        The run, and the reader with the checkpoints' vocabulary.

    Raises:
        UserError: a checkpoint is of another model or has another vocabulary.
    """
    check_same_vocabulary(checkpoints)
    restored = [
        restore(config, folder, checkpoint, computation, encoder) for checkpoint in checkpoints
    ]
    run, reader = restored[0]
    if len(restored) > 1:
        return AveragedRun([run for run, _ in restored], len(reader.label_names)), reader
    return run, reader


def restore(
    config: Config,
    folder: ModelFolder,
    checkpoint: Checkpoint,
    computation: Computation,
    encoder: Optional[EmbeddingModel] = None,
) -> tuple[InferenceRun, Reader]:
    """A run with the weights of a checkpoint, and the reader with its vocabulary.

    A net that the inference engine does not take is computed in dynamic graph, which is logged.

    Raises:
        UserError: the checkpoint is of another model.
    """
    check_same_model(config, checkpoint, "runner.infer_load_path")
    reader = build_reader(config, folder, checkpoint.vocabulary)
    run = _computed(config, folder, checkpoint, reader, computation)
    return with_linear(run, config, checkpoint, reader, encoder), reader


def _computed(
    config: Config,
    folder: ModelFolder,
    checkpoint: Checkpoint,
    reader: Reader,
    computation: Computation,
) -> InferenceRun:
    """A run of the net."""
    if computation != "predictor":
        return _loaded(computation, config, folder, checkpoint, reader)
    try:
        run = restore_static(config, folder, checkpoint, reader)
        return Predictor(run, config.runner.infer_precision)
    except UserError:
        raise
    except Exception as failure:  # whatever Paddle's compiler raises
        reason = str(failure).strip().rpartition("\n")[2]
        log.warning("infer_engine: the predictor cannot run this net, dygraph does: %s", reason)
        return _loaded("dygraph", config, folder, checkpoint, reader)


def with_linear(
    run: InferenceRun,
    config: Config,
    checkpoint: Checkpoint,
    reader: Reader,
    encoder: Optional[EmbeddingModel] = None,
) -> InferenceRun:
    """The run with the linear part of its checkpoint beside the net, if the config has one.

    Raises:
        UserError: the linear part is damaged, or was fitted with another encoder.
    """
    if config.linear.features == "none":
        return run
    n_labels, weight = len(reader.label_names), config.linear.weight
    fusion = checkpoint.fusion(n_labels)
    if weight != "auto":
        if weight < 1 and checkpoint.facts["progress"]["step"] == 0:
            log.warning(
                "hyper_parameters.linear.weight: received %g, but %s is of before the first step: "
                "a net that is not trained counts; 1, or auto, leaves it out",
                *(weight, checkpoint.path),
            )
        fusion = Mixed(weight, run.model.score_scale)
    linear = checkpoint.linear(n_labels)
    if linear.embeddings and encoder:
        if linear.embeddings.sha256 != encoder.sha256:
            raise UserError(
                f"hyper_parameters.linear.embeddings: {config.linear.embeddings} is another "
                f"encoder than that of {checkpoint.path}; expected the same files"
            )
        linear.embeddings.embed = encoder.queries
    return FusedRun(run, FusedModel(run.model, linear), fusion)


def restore_static(
    config: Config, folder: ModelFolder, checkpoint: Checkpoint, reader: Reader
) -> StaticRun:
    """A run in static graph, whose program can be saved."""
    run = _loaded("static", config, folder, checkpoint, reader)
    assert isinstance(run, StaticRun)
    return run


def _loaded(
    graph: Graph, config: Config, folder: ModelFolder, checkpoint: Checkpoint, reader: Reader
) -> Run:
    run = build_run(graph, config, folder, reader)
    load_weights(run, checkpoint, folder, "runner.infer_load_path")
    return run
