"""A checked config with its model folder; what its constructors make of it."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional, TypeVar

from textzoo.config.checking import Config, check
from textzoo.config.layers import read_layers
from textzoo.config.model_folder import ModelFolder, load_model_folder
from textzoo.errors import UserError
from textzoo.text.reader import Reader, load_vocabulary

Made = TypeVar("Made")

_LABEL_SIZES = ("vocab_tag_size", "vocab_label_size")
# What a backend cannot keep of embeddings, and what to say of it.
_IN_MILVUS = "expected float32: Milvus keeps vectors as they are; the others have int8"
_NO_INDEX = {
    ("milvus", "int8"): _IN_MILVUS,
    ("milvus", "binary"): _IN_MILVUS,
    ("faiss", "binary"): "expected float32 or int8: faiss has codes of its own; exact has binary",
    ("hnsw", "binary"): "expected float32 or int8: no graph is made of signs; exact has binary",
}


def load_config(path: Path, overrides: list[str]) -> tuple[Config, ModelFolder]:
    """Read and check a config together with the model folder that it belongs to.

    Raises:
        UserError: anything in the config is wrong; all problems of its keys are listed at once.
    """
    from textzoo.config.optimizer_keys import check_layer_decay, check_sparse  # imports Paddle

    layers = read_layers(path, overrides)
    folder = load_model_folder(layers.model_folder)
    _check_contracts(folder)
    config = check(path, layers, folder.net, folder.reader, folder.dygraph_model.optimizers)
    # Values that only the constructors can judge: tried before any data is read.
    reader = build_reader(config, folder)
    model = folder.dygraph_model({**reader.smallest_sizes(), **config.hyper_parameters})
    net = construct(config, "hyper_parameters", model.create_model)
    check_sparse(net, config.optimizer.class_name)
    check_layer_decay(net, config.optimizer)
    if config.runner.save_scores and model.kind == "embeddings":
        raise UserError(
            f"{path}: runner.save_scores: received {config.runner.save_scores}, expected 0: a "
            "model that embeds texts scores no labels"
        )
    if model.kind != "tags":
        for name, off in (("features", "none"), ("embeddings", None)):
            value = getattr(config.linear, name)
            if value != off:
                raise UserError(
                    f"{path}: hyper_parameters.linear.{name}: received {value}, expected "
                    f"{off or 'null'}: only scores of labels have a linear part, and this model "
                    f"gives {model.kind}"
                )
    if config.linear.features == "none" and config.linear.embeddings:
        raise UserError(
            f"{path}: hyper_parameters.linear.embeddings: received {config.linear.embeddings} "
            "without n-grams, which they go beside; expected hyper_parameters.linear.features=auto "
            "as well"
        )
    if config.index.backend == "milvus" and config.index.lexical_weight:
        raise UserError(
            f"{path}: index.lexical_weight: received {config.index.lexical_weight}, expected 0: "
            "n-grams are counted by index.backend=hnsw, exact and faiss"
        )
    if (config.index.backend, config.index.dtype) in _NO_INDEX:
        raise UserError(
            f"{path}: index.dtype: received {config.index.dtype} with index.backend="
            f"{config.index.backend}, {_NO_INDEX[config.index.backend, config.index.dtype]}"
        )
    if not config.runner.epochs and config.linear.features == "none":
        raise UserError(
            f"{path}: runner.epochs: received 0, which trains a linear part alone; expected 1 or "
            "more, or hyper_parameters.linear.features=both"
        )
    if not config.runner.epochs and config.linear.weight not in ("auto", 1):
        raise UserError(
            f"{path}: hyper_parameters.linear.weight: received {config.linear.weight:g}, expected "
            "auto or 1: with runner.epochs=0 no net is trained"
        )
    return config, folder


def load_without_net(path: Path, overrides: list[str]) -> tuple[Config, ModelFolder]:
    """As `load_config`, for who reads data alone: without Paddle, in a tenth of the time.

    Most of `hyper_parameters` are the net's, and are not looked at.

    Raises:
        UserError: anything else in the config is wrong.
    """
    layers = read_layers(path, overrides)
    folder = load_model_folder(layers.model_folder, reader_alone=True)
    _check_reader(folder)
    return check(path, layers, None, folder.reader), folder


def _check_reader(folder: ModelFolder) -> None:
    if not issubclass(folder.reader, Reader):
        raise UserError(
            f"{folder.path}/reader.py: Reader does not derive from textzoo.text.reader.Reader; "
            "see doc/add_a_model.md"
        )


def _check_contracts(folder: ModelFolder) -> None:
    """Refuse classes that do not derive from those that say what they may be asked."""
    _check_reader(folder)
    if not hasattr(folder.dygraph_model, "optimizers"):
        raise UserError(
            f"{folder.path}/dygraph_model.py: DygraphModel does not derive from "
            "textzoo.running.model.Model; see doc/add_a_model.md"
        )


def build_reader(config: Config, folder: ModelFolder, vocabulary: Optional[Path] = None) -> Reader:
    """The model's reader, with the vocabulary of a folder if one is given.

    Raises:
        UserError: the config has a value that the reader refuses, or the vocabulary is damaged.
    """
    reader = construct(config, "reader", folder.reader, **config.reader)
    reader.with_characters = config.linear.features != "none"
    reader.keeps_case = config.linear.embeddings is not None
    if vocabulary:
        load_vocabulary(reader, vocabulary)
    return reader


def net_arguments(config: Config, reader: Reader) -> dict[str, Any]:
    """The arguments of the net: those of the config, and the sizes that the data supplies.

    Raises:
        UserError: the config states a size that is too small for the data, or more labels than
            have names.
    """
    sizes = reader.sizes()
    if missing := set(reader.supplies) - set(sizes):
        raise UserError(
            f"{inspect.getfile(type(reader))}: Reader.sizes: received {', '.join(sizes)}, expected "
            f"{', '.join(sorted(missing))} too, which Reader.supplies names"
        )
    for name, size in sizes.items():
        declared = config.hyper_parameters.get(name, size)
        if declared < size or (declared > size and name in _LABEL_SIZES):
            raise UserError(
                f"hyper_parameters.{name}: received {declared}, but the training data has {size}; "
                "leave the key out to take it from the data"
            )
    return {**sizes, **config.hyper_parameters}


def construct(
    config: Config, block: str, constructor: Callable[..., Made], **arguments: Any
) -> Made:
    """Call a constructor; values that it refuses are a mistake in the config."""
    try:
        return constructor(**arguments)
    except ValueError as problem:
        raise UserError(f"{config.path}: {block}: {problem}") from None
    except MemoryError:
        raise UserError(
            f"{config.path}: {block}: its sizes need more memory than there is; lower them"
        ) from None
    except IndexError as problem:  # a product of sizes beyond 32 bits
        if "(OutOfRange)" not in str(problem):
            raise
        raise UserError(f"{config.path}: {block}: its sizes are too large; lower them") from None
