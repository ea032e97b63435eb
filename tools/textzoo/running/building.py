"""From a config to the parts of a run: model folder, reader, net."""

import logging
from pathlib import Path
from typing import Any, Literal, Optional

import numpy as np
import paddle

from textzoo.config.checking import Config
from textzoo.config.loading import _construct
from textzoo.config.model_folder import ModelFolder
from textzoo.config.schema import Optimizer
from textzoo.distributed.collectives import n_processes
from textzoo.errors import UserError
from textzoo.metrics.names import labels_needed
from textzoo.nets.pretrained import pretrained_weights
from textzoo.nets.word_vectors import read_word_vectors
from textzoo.running.dygraph import DygraphRun
from textzoo.running.static import StaticRun

log = logging.getLogger("textzoo")

Graph = Literal["dygraph", "static"]
_ENCODER = "encoder."  # what a net calls its encoder


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


def _new_net(config: Config, model: Any) -> paddle.nn.Layer:
    with paddle.utils.unique_name.guard():
        return _construct(config, "hyper_parameters", model.create_model)
