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
from textzoo.schema import Optimizer
from textzoo.static import StaticRun
from textzoo.tagging import labels_needed
from textzoo.word_vectors import read_word_vectors

log = logging.getLogger("textzoo")

Graph = Literal["dygraph", "static"]


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
    _construct(config, "hyper_parameters", folder.net, **config.hyper_parameters, **smallest)
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
        UserError: the config states a size that is too small for the data.
    """
    for name, size in reader.sizes().items():
        declared = config.hyper_parameters.get(name, size)
        if declared < size:
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
    clip = config.runner.max_grad_norm
    model = (folder.dygraph_model if graph == "dygraph" else folder.static_model)(arguments)
    model.n_best = labels_needed(config.runner.metrics or list(model.metrics), config.runner)
    if graph == "dygraph":
        return DygraphRun(model, _new_net(config, model), optimizer, clip)
    # Drawn in dynamic graph, so that both graphs start from the same weights.
    net = _new_net(config, model)
    initial = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    return StaticRun(model, model.create_model, initial, optimizer, clip)


def load_weights(run: Any, checkpoint: Checkpoint, folder: ModelFolder, source: str) -> None:
    """Give a run the weights of a checkpoint, after checking that they fit exactly."""
    check_fit(run.parameters(), checkpoint, folder.path.name, source)
    run.set_parameters(checkpoint.parameters)


def initialise(run: Any, config: Config, reader: Any) -> None:
    """Set the weights of a new run that depend on the data or come from a file.

    Raises:
        UserError: `embedding.file` is malformed, or has none of the words.
    """
    weights = run.parameters()
    embedding = config.hyper_parameters.get("embedding")
    if embedding and embedding.file:
        _set_word_vectors(weights[run.model.word_embedding], reader.word_ids, embedding.file)
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
    return {"reader": resolved["reader"], "hyper_parameters": net}


def _new_net(config: Config, model: Any) -> paddle.nn.Layer:
    with paddle.utils.unique_name.guard():
        return _construct(config, "hyper_parameters", model.create_model)


def _construct(config: Config, block: str, constructor: Callable, **arguments: Any) -> Any:
    """Call a constructor; values that it refuses are a mistake in the config."""
    try:
        return constructor(**arguments)
    except ValueError as problem:
        raise UserError(f"{config.path}: {block}: {problem}") from None
