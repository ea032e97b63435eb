"""From a config to the parts of a run: model folder, reader, net."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Optional

import numpy as np
import paddle

from textzoo.checkpoint import Checkpoint, check_fit
from textzoo.config import Config, check, differences, read_layers
from textzoo.dygraph import DygraphRun
from textzoo.errors import UserError
from textzoo.model_folder import ModelFolder, load_model_folder
from textzoo.optimizer import SPARSE_OPTIMIZERS
from textzoo.pretrained import pretrained_weights
from textzoo.processes import n_processes
from textzoo.schema import Optimizer
from textzoo.sharding import own_shards
from textzoo.static import StaticRun
from textzoo.tagging import labels_needed
from textzoo.word_vectors import read_word_vectors

log = logging.getLogger("textzoo")

Graph = Literal["dygraph", "static"]

_LABEL_SIZES = ("vocab_tag_size", "vocab_label_size")
_ENCODER = "encoder."  # what a net calls its encoder


def load_config(path: Path, overrides: list[str]) -> tuple[Config, ModelFolder]:
    """Read and check a config together with the model folder that it belongs to.

    Raises:
        UserError: anything in the config is wrong; all problems of its keys are listed at once.
    """
    layers = read_layers(path, overrides)
    folder = load_model_folder(layers.model_folder)
    config = check(path, layers, folder.net, folder.reader)
    # Values that only the constructors can judge: tried before any data is read.
    build_reader(config, folder)
    smallest = dict.fromkeys(set(folder.reader.supplies) - set(config.hyper_parameters), 2)
    net = _construct(config, "hyper_parameters", folder.net, **config.hyper_parameters, **smallest)
    _check_sparse(net, config.optimizer.class_name)
    return config, folder


def build_reader(config: Config, folder: ModelFolder, vocabulary: Optional[Path] = None) -> Any:
    """The model's reader, with the vocabulary of a folder if one is given."""
    reader = _construct(config, "reader", folder.reader, **config.reader)
    if vocabulary:
        reader.load(vocabulary)
    return reader


def net_arguments(config: Config, reader: Any) -> dict[str, Any]:
    """The arguments of the net: those of the config, and the sizes that the data supplies.

    Raises:
        UserError: the config states a size that is too small for the data, or more labels than
            have names.
    """
    for name, size in reader.sizes().items():
        declared = config.hyper_parameters.get(name, size)
        if declared < size or (declared > size and name in _LABEL_SIZES):
            raise UserError(
                f"hyper_parameters.{name}: received {declared}, but the training data has {size}; "
                "leave the key out to take it from the data"
            )
    return {**reader.sizes(), **config.hyper_parameters}


def build_run(
    graph: Graph,
    config: Config,
    folder: ModelFolder,
    arguments: dict[str, Any],
    optimizer: Optional[Optimizer] = None,
) -> Any:
    """A run of the net in one of the two graphs, with the weights that the seed gives."""
    paddle.seed(config.runner.seed)
    clip, cache_rows = config.runner.max_grad_norm, config.runner.gradient_cache_rows
    if optimizer:
        _check_takes_parts(graph, folder, cache_rows)
    model = (folder.dygraph_model if graph == "dygraph" else folder.static_model)(arguments)
    model.n_best = labels_needed(config.runner.metrics or list(model.metrics), config.runner)
    net = _new_net(config, model)
    _check_shards(graph, getattr(net, "shards", {}), clip)
    if graph == "dygraph":
        return DygraphRun(model, net, optimizer, clip, cache_rows)
    # Drawn in dynamic graph, so that both graphs start from the same weights.
    initial = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    return StaticRun(model, model.create_model, initial, optimizer, clip)


def _check_takes_parts(graph: Graph, folder: ModelFolder, cache_rows: int) -> None:
    """Refuse what only the parts of a batch of pairs in dynamic graph can do."""
    embeds = getattr(folder.dygraph_model, "embeds", False)
    if cache_rows and (graph != "dygraph" or not embeds):
        raise UserError(
            "runner.gradient_cache_rows is for models of pairs in dynamic graph; received model "
            f"{folder.path.name} in {graph}"
        )
    if n_processes() > 1 and embeds and graph != "dygraph":
        raise UserError(
            "runner.processes: models of pairs train in several processes in dynamic graph only: "
            "use tools/trainer.py, or -o runner.processes=1"
        )


def _check_shards(graph: Graph, shards: dict[str, int], clip: Optional[float]) -> None:
    """Refuse what weights that are divided among processes cannot do."""
    if not shards:
        return
    if graph != "dygraph":
        problem = "several processes need dynamic graph: use tools/trainer.py"
    elif clip:
        problem = f"several processes cannot clip by runner.max_grad_norm={clip}: leave it out"
    elif min(shards.values()) < 2 * n_processes():
        problem = f"received {min(shards.values())} labels for {n_processes()} processes"
    else:
        return
    raise UserError(
        f"hyper_parameters.shard_labels: {problem}; or -o hyper_parameters.shard_labels=false"
    )


def load_weights(run: Any, checkpoint: Checkpoint, folder: ModelFolder, source: str) -> None:
    """Give a run the weights of a checkpoint, after checking that they fit exactly."""
    expected = run.parameters()
    for name, n_rows in run.shards.items():
        expected[name] = np.broadcast_to(expected[name][:1], (n_rows, *expected[name].shape[1:]))
    check_fit(expected, checkpoint, folder.path.name, source)
    run.set_parameters(own_shards(checkpoint.parameters, run.shards))


def initialise(run: Any, config: Config, reader: Any) -> None:
    """Set the weights of a new run that depend on the data or come from a file.

    Raises:
        UserError: such a file is malformed or does not fit.
    """
    weights = run.parameters()
    embedding = config.hyper_parameters.get("embedding")
    if embedding and embedding.file:
        _set_word_vectors(weights[run.model.word_embedding], reader.word_ids, embedding.file)
    encoder = config.hyper_parameters.get("encoder")
    if encoder and encoder.pretrained:
        _set_pretrained(weights, encoder.pretrained)
    if hasattr(run.model, "initialise"):
        run.model.initialise(weights, reader)
    run.set_parameters(weights)


def _set_word_vectors(table: np.ndarray, ids: dict[str, int], file: Path) -> None:
    """Words that the file lacks keep their random vectors, scaled to the spread of the others."""
    vectors, n_found = read_word_vectors(file, ids, table.shape[1])
    if not n_found:
        raise UserError(
            f"hyper_parameters.embedding.file: {file} has none of the {len(ids)} words of the "
            f"vocabulary, such as {', '.join(list(ids)[1:4])}"
        )
    share = n_found / len(ids)
    log.info("%s: has %d of %d words (%.1f %%)", file, n_found, len(ids), 100 * share)
    missing = np.isnan(vectors).any(axis=1)
    random = table[: len(ids)][missing]
    vectors[missing] = random * (vectors[~missing].std() / random.std() if missing.any() else 1)
    table[: len(ids)] = vectors


def _set_pretrained(weights: dict[str, np.ndarray], folder: Path) -> None:
    """Set the weights of the net's encoder from a folder of pretrained ones."""
    ours = {
        name.removeprefix(_ENCODER): tensor
        for name, tensor in weights.items()
        if name.startswith(_ENCODER)
    }
    for name, tensor in pretrained_weights(folder, ours).items():
        weights[_ENCODER + name] = tensor


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
    apart = ("optimizer", "embedding")
    net = {k: v for k, v in resolved["hyper_parameters"].items() if k not in apart}
    if "encoder" in net:
        net["encoder"] = {k: v for k, v in net["encoder"].items() if k != "pretrained"}
    reader = {k: v for k, v in resolved["reader"].items() if k != "tokenizer"}
    return {"reader": reader, "hyper_parameters": net}


def _new_net(config: Config, model: Any) -> paddle.nn.Layer:
    with paddle.utils.unique_name.guard():
        return _construct(config, "hyper_parameters", model.create_model)


def _check_sparse(net: paddle.nn.Layer, optimizer_class: str) -> None:
    """Refuse what Paddle computes wrongly.

    With sparse gradients its Adam differs between the two graphs, and from Adam.
    """
    for name, layer in net.named_sublayers(include_self=True):
        if getattr(layer, "_sparse", False) and optimizer_class not in SPARSE_OPTIMIZERS:
            raise UserError(
                f"hyper_parameters.optimizer.class: received {optimizer_class}, but the gradients "
                f"of {name or 'the net'} are sparse: expected one of "
                f"{', '.join(SPARSE_OPTIMIZERS)}; or -o hyper_parameters.sparse=false"
            )


def _construct(config: Config, block: str, constructor: Callable, **arguments: Any) -> Any:
    """Call a constructor; values that it refuses are a mistake in the config."""
    try:
        return constructor(**arguments)
    except ValueError as problem:
        raise UserError(f"{config.path}: {block}: {problem}") from None
