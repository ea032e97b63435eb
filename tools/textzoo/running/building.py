"""From a config to the parts of a run: model folder, reader, net."""

import logging
from pathlib import Path
from typing import Literal, Optional, Union, get_args

import numpy as np
import paddle

from textzoo.called import program
from textzoo.config.checking import Config
from textzoo.config.loading import build_reader, construct, net_arguments
from textzoo.config.model_folder import ModelFolder
from textzoo.config.schema import Optimizer, Runner
from textzoo.distributed.collectives import n_processes
from textzoo.errors import UserError
from textzoo.metrics.names import Kind, check_metric_names, labels_needed
from textzoo.nets.pretrained import pretrained_weights, prompts
from textzoo.nets.word_vectors import read_word_vectors
from textzoo.running.dygraph import DygraphRun
from textzoo.running.model import Model
from textzoo.running.run import Run
from textzoo.running.static import Example, StaticRun
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Reader

log = logging.getLogger("textzoo")

Graph = Literal["dygraph", "static"]
_HIGH_RATE = 1e-3  # from which on a pretrained encoder is rather trained anew
_ENCODER = "encoder."  # what a net calls its encoder


def model_class(folder: ModelFolder, graph: Graph = "dygraph") -> type[Model]:
    """What a folder says of its model.

    Raises:
        UserError: its class does not keep to the contract.
    """
    found = folder.dygraph_model if graph == "dygraph" else folder.static_model
    if not issubclass(found, Model):
        raise UserError(
            f"{folder.path / f'{graph}_model.py'}: {found.__name__} does not derive from "
            "textzoo.running.model.Model; see doc/add_a_model.md"
        )
    return found


def chosen_metrics(runner: Runner, model: Model) -> list[str]:
    """The names of the metrics to compute: the config's, or else the model's own.

    Raises:
        UserError: this kind of model has no such metric.
    """
    names = runner.metrics or list(model.metrics)
    check_metric_names(names, model.kind)
    return names


def chosen_best_metric(runner: Runner, model: Model) -> str:
    """The metric that chooses the best checkpoint: `best_metric`, or else the first one."""
    return runner.best_metric or chosen_metrics(runner, model)[0]


def smallest_model(
    config: Config, folder: ModelFolder, reader: Reader, graph: Graph = "dygraph"
) -> Model:
    """The model with the sizes that a vocabulary has at least: to be asked before there is one."""
    return model_class(folder, graph)({**reader.smallest_sizes(), **config.hyper_parameters})


def check_run(graph: Graph, config: Config, folder: ModelFolder, trains: bool) -> None:
    """Refuse, before any data are read, what this kind of model cannot compute.

    Args:
        graph: in which it runs.
        config: of the run.
        folder: the model's.
        trains: whether the run trains.

    Raises:
        UserError: naming the key.
    """
    runner = config.runner
    model = smallest_model(config, folder, build_reader(config, folder), graph)
    chosen_metrics(runner, model)
    if trains:
        check_metric_names(
            [runner.best_metric] if runner.best_metric else [], model.kind, "runner.best_metric"
        )
        _check_takes_parts(graph, folder, model, runner.gradient_cache_rows)


def build_run(
    graph: Graph,
    config: Config,
    folder: ModelFolder,
    reader: Reader,
    optimizer: Optional[Optimizer] = None,
    columns: Optional[Columns] = None,
) -> Union[DygraphRun, StaticRun]:
    """A run of the net in one of the two graphs, with the weights that the seed gives.

    Args:
        graph: which one.
        config: with the arguments of the net.
        folder: the model's.
        reader: with its vocabulary.
        optimizer: to train with; None: the run is for inference.
        columns: of the training rows, to train in static graph.

    Raises:
        UserError: the config asks for what this run cannot do.
    """
    runner = config.runner
    paddle.seed(runner.seed)
    arguments, of_graph = net_arguments(config, reader), model_class(folder, graph)
    names = runner.metrics or list(of_graph(arguments).metrics)
    model = of_graph(arguments, labels_needed(names, runner))
    _check_columns(folder, model, reader)
    with paddle.utils.unique_name.guard():
        net = construct(config, "hyper_parameters", model.create_model)
    _check_shards(graph, model.shards(net), runner.max_grad_norm)
    if graph == "dygraph":
        cache_rows = runner.gradient_cache_rows
        return DygraphRun(model, net, optimizer, runner.max_grad_norm, cache_rows)
    # Drawn in dynamic graph, so that both graphs start from the same weights.
    initial = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    example = _example(model, reader, columns)
    return StaticRun(model, model.create_model, initial, example, optimizer, runner.max_grad_norm)


def _example(model: Model, reader: Reader, columns: Optional[Columns]) -> Example:
    """Feeds of one row: the first one of training, and for inference one whose every id is 0."""
    first, random = np.zeros(1, np.int64), np.random.default_rng(0)
    made_up = dict.fromkeys((*reader.columns, "text"), Ragged.of([[0]]))
    return Example(
        inference=model.infer_feeds(made_up, first),
        training=model.train_feeds(columns, first, random) if columns else {},
    )


def _check_columns(folder: ModelFolder, model: Model, reader: Reader) -> None:
    """Refuse columns that the reader does not give, and a kind of model that there is not."""
    for name, valid in (
        *((name, list(reader.columns)) for name in ("text_column", "label_column")),
        ("kind", list(get_args(Kind))),
    ):
        received = getattr(model, name, None)
        if received not in valid:
            raise UserError(
                f"{folder.path / 'dygraph_model.py'}: {name}: received {received!r}, expected one "
                f"of {', '.join(valid)}"
            )


def _check_takes_parts(graph: Graph, folder: ModelFolder, model: Model, cache_rows: int) -> None:
    """Refuse what only the parts of a batch of pairs in dynamic graph can do."""
    embeds = model.kind == "embeddings"
    if cache_rows and (graph != "dygraph" or not embeds):
        raise UserError(
            "runner.gradient_cache_rows is for models of pairs in dynamic graph; received model "
            f"{folder.path.name} in {graph}"
        )
    if n_processes() > 1 and embeds and graph != "dygraph":
        raise UserError(
            "runner.processes: models of pairs train in several processes in dynamic graph only: "
            f"use {program('trainer')}, or -o runner.processes=1"
        )


def _check_shards(graph: Graph, shards: dict[str, int], clip: Optional[float]) -> None:
    """Refuse what weights that are divided among processes cannot do."""
    if not shards:
        return
    if graph != "dygraph":
        problem = f"several processes need dynamic graph: use {program('trainer')}"
    elif clip:
        problem = f"several processes cannot clip by runner.max_grad_norm={clip}: leave it out"
    elif min(shards.values()) < 2 * n_processes():
        problem = f"received {min(shards.values())} labels for {n_processes()} processes"
    else:
        return
    raise UserError(
        f"hyper_parameters.shard_labels: {problem}; or -o hyper_parameters.shard_labels=false"
    )


def initialise(run: Run, config: Config, reader: Reader) -> None:
    """Set the weights of a new run that depend on the data or come from a file.

    Raises:
        UserError: such a file is malformed or does not fit.
    """
    weights = run.parameters()
    embedding = config.hyper_parameters.get("embedding")
    if embedding and embedding.file and run.model.word_embedding:
        _set_word_vectors(weights[run.model.word_embedding], reader.word_ids, embedding.file)
    encoder = config.hyper_parameters.get("encoder")
    if encoder and encoder.pretrained:
        set_pretrained(weights, encoder.pretrained)
        _advise(config, encoder.pretrained)
    elif encoder and encoder.freeze_layers is not None:
        log.warning(
            "hyper_parameters.encoder.freeze_layers: received %d, but the encoder starts from "
            "random weights, which then stay: set encoder.pretrained, or leave it out",
            encoder.freeze_layers,
        )
    run.model.initialise(weights, reader)
    run.model.initialise_labels(weights, reader)
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


def _advise(config: Config, folder: Path) -> None:
    """Tell of settings that a pretrained encoder is known to suffer from."""
    rate = config.optimizer.learning_rate
    if rate > _HIGH_RATE:
        log.warning(
            "hyper_parameters.optimizer.learning_rate: received %g: a pretrained encoder forgets "
            "what it knows; 1e-5 to 1e-4 are usual",
            rate,
        )
    prefixes = {k: v for k, v in config.reader.items() if k.endswith("prefix")}
    advise_prefixes(folder, {f"reader.{key}": prefix for key, prefix in prefixes.items()})


def advise_prefixes(folder: Path, prefixes: dict[str, Optional[str]]) -> None:
    """Tell what the texts of a pretrained encoder began with, if no prefix is set.

    Args:
        folder: the encoder's.
        prefixes: by the keys that set them.
    """
    found = prompts(folder)
    if found and prefixes and not any(prefixes.values()):
        log.warning(
            "%s: its texts began with %s; set %s",
            folder,
            ", ".join(f"{prompt!r} ({name})" for name, prompt in found.items()),
            ", ".join(prefixes),
        )


def set_pretrained(weights: dict[str, np.ndarray], folder: Path) -> None:
    """Set the weights of the net's encoder from a folder of pretrained ones."""
    ours = {
        name.removeprefix(_ENCODER): tensor
        for name, tensor in weights.items()
        if name.startswith(_ENCODER)
    }
    for name, tensor in pretrained_weights(folder, ours).items():
        weights[_ENCODER + name] = tensor
