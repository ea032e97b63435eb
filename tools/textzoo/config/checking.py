"""From a YAML file and `-o key=value` to a checked configuration.

The schema has four blocks. `runner` and `index` are the same for all models. `reader` and
`hyper_parameters` are bound to the keyword-only arguments of the model's own reader and net, so
that a constructor's signature is its schema; `hyper_parameters.optimizer` is `schema.Optimizer`.
"""

import functools
import inspect
import os
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

import pydantic

from textzoo.config.dotted import flat, with_value
from textzoo.config.layers import Layer, Layers, check_text, place_of
from textzoo.config.schema import (
    Block,
    EncoderSettings,
    IndexSettings,
    Linear,
    NotNegativeInt,
    Optimizer,
    Runner,
    SearchChoices,
    SearchRange,
    Teacher,
)
from textzoo.config.search import Space, read_search
from textzoo.config.type_names import describe_type
from textzoo.errors import UserError, nearest, shortened, shown
from textzoo.files import check_readable
from textzoo.text.lines import is_pattern, matching
from textzoo.text.reader import Reader
from textzoo.text.streams import STANDARD_INPUT

_HIDDEN = "what a variable of the environment holds"


@dataclass
class Config:
    """A checked configuration.

    Attributes:
        path: the YAML file.
        runner: how to run: data, batches, checkpoints.
        reader: arguments of the model's reader.
        hyper_parameters: arguments of the model's net, without those the data supplies.
        optimizer: the optimizer and its schedule.
        index: how embeddings are searched; read by the commands of retrieval models.
        linear: the linear part beside the net.
        search: what `textzoo tune` may give to which dotted keys; no part of a run's settings.
    """

    path: Path
    runner: Runner
    reader: dict[str, Any]
    hyper_parameters: dict[str, Any]
    optimizer: Optimizer
    index: IndexSettings = field(default_factory=IndexSettings)
    linear: Linear = field(default_factory=Linear)
    search: dict[str, Space] = field(default_factory=dict)

    @property
    def inputs(self) -> list[Path]:
        """The files and folders that it names to be read, itself and the code beside it.

        Of a pretrained folder they are its files: a run may keep its outputs in one.
        """
        code = [self.path, *self.path.parent.glob("*.py")]
        written = ("model_save_path", "infer_load_path", "infer_output_dir", "cache_dir")
        named = _paths([value for name, value in self.runner if name not in written])
        read = (file for path in named for file in (matching(path) if is_pattern(path) else [path]))
        parts = _paths([*self.reader.values(), *self.hyper_parameters.values(), self.linear])
        files = (file for path in parts for file in (path.glob("*") if path.is_dir() else [path]))
        return [*code, *read, *(file for file in files if not file.is_dir())]

    def resolved(self) -> dict[str, Any]:
        """Every key with its value, as plain types that JSON and YAML can write."""
        blocks = {
            "runner": self.runner.model_dump(mode="json"),
            "index": self.index.model_dump(mode="json"),
            "reader": self.reader,
            "hyper_parameters": {
                "optimizer": self.optimizer.model_dump(mode="json", by_alias=True),
                **self.hyper_parameters,
                **self._resolved_linear(),
            },
        }
        return _plain(blocks)

    def _resolved_linear(self) -> dict[str, Any]:
        """The keys of a linear part, if there is one: without, a config is as it was before 0.4.

        So it is with those of embeddings, which came later.
        """
        if self.linear.features == "none":
            return {}
        keys = self.linear.model_dump(mode="json")
        if self.linear.embeddings is None:
            keys = {key: v for key, v in keys.items() if not key.startswith("embeddings")}
        return {"linear": keys}


class _OpenBlock(Block):
    """One that has keys beside its own."""

    model_config = pydantic.ConfigDict(extra="allow")


class _Blocks(Block):
    """The blocks of every config; `schema_of` puts a model's own keys into the last two."""

    runner: Runner
    index: IndexSettings = pydantic.Field(default_factory=IndexSettings)
    reader: Block
    hyper_parameters: Block
    search: dict[str, Union[SearchChoices, SearchRange, None]] = pydantic.Field(
        default_factory=dict
    )


# Keys of `runner` that do nothing unless another one says more: where that is not given at all,
# it is forgotten. One that a base or -o takes back is no mistake.
_NEEDED = {
    "master": "nodes",
    "threshold_shrinkage": "threshold",
    "valid_corpus_texts": "corpus_file",
}


def check(
    path: Path,
    layers: Layers,
    net_class: Optional[type],
    reader_class: type[Reader],
    optimizers: Optional[Mapping[str, type]] = None,
) -> Config:
    """Check merged blocks against the schema of this model.

    Args:
        path: the config.
        layers: what it says.
        net_class: the model's net; None: its own keys may be anything.
        reader_class: the model's reader.
        optimizers: those that the model brings, see `Model.optimizers`.

    Raises:
        UserError: listing every unknown, missing or wrongly typed key at once.
    """
    model = schema_of(net_class, reader_class)
    optimizers = (optimizers or {}) if net_class else None
    blocks = {**layers.blocks}
    search = blocks.pop("search", {})
    checked, problems = _checked(path, blocks, layers.origins, model, optimizers)
    if checked is None:
        raise UserError(_listed(path, [_without_values(one, layers) for one in problems]))
    spaces = {}
    if optimizers is not None:  # without the net its keys cannot be told from mistakes
        spaces, problems = _search(path, search, blocks, layers.origins, model, optimizers)
        if problems:
            raise UserError(_listed(path, [_without_values(one, layers) for one in problems]))
    hyper_parameters = dict(checked.hyper_parameters)
    optimizer, linear = hyper_parameters.pop("optimizer"), hyper_parameters.pop("linear")
    for name in reader_class.supplies:
        if hyper_parameters[name] is None:
            del hyper_parameters[name]
    teacher = hyper_parameters.get("teacher")
    if isinstance(teacher, Teacher) and teacher.model is None:  # as in configs of before it was
        given = teacher.model_fields_set
        if given and "model" not in given:  # null turns off one of a base
            keys = ", ".join(f"hyper_parameters.teacher.{name}" for name in sorted(given))
            raise UserError(
                f"{path}: {keys}: received without hyper_parameters.teacher.model, expected that "
                "too, or none of them"
            )
        del hyper_parameters["teacher"]
    reader = dict(checked.reader)
    encoder = hyper_parameters.get("encoder")
    if encoder and encoder.pretrained:
        _let_folder_decide(path, encoder, reader)
    if encoder and reader.get("tokenizer", "no such key") is None:
        reader["tokenizer"] = "ngram" if encoder.config == "ngram" else encoder.pretrained
    return Config(
        path, checked.runner, reader, hyper_parameters, optimizer, checked.index, linear, spaces
    )


def _checked(
    path: Path,
    blocks: Layer,
    origins: dict[str, Path],
    model: type[_Blocks],
    optimizers: Optional[Mapping[str, type]],
) -> tuple[Optional[_Blocks], list[str]]:
    """The blocks with absolute paths, or what is wrong with them; None: any optimizer will do."""
    problems = _optimizer_problems(blocks, optimizers) if optimizers is not None else []
    try:
        checked = model.model_validate(blocks)
    except pydantic.ValidationError as failure:
        # Each member of a union has its own error, of which one may tell more than another.
        explained = {_explain(error, model): None for error in failure.errors(include_url=False)}
        problems += [
            one for one in explained if not any(other.startswith(f"{one}, ") for other in explained)
        ]
        return None, problems
    _resolve_paths(checked, "", origins, path.parent)
    problems += [*_unreadable(checked), *_without_effect(checked.runner)]
    return (None if problems else checked), problems


def _search(
    path: Path,
    search: Any,
    blocks: Layer,
    origins: dict[str, Path],
    model: type[_Blocks],
    optimizers: Mapping[str, type],
) -> tuple[dict[str, Space], list[str]]:
    """What is searched for which keys, each value of which the config takes; and the problems."""

    def attempt(key: str, value: Any) -> tuple[Any, list[str]]:
        starts = {**origins, key: origins.get(f"search.{key}", path.parent)}
        checked, wrong = _checked(path, with_value(blocks, key, value), starts, model, optimizers)
        found = flat(_plain(checked.model_dump(mode="json", by_alias=True))) if checked else {}
        return found.get(key, value), wrong

    return read_search(search, leaf_keys(model), lambda key: place_of(path, "search", key), attempt)


def _let_folder_decide(path: Path, encoder: EncoderSettings, reader: dict[str, Any]) -> None:
    """A pretrained encoder's folder has its sizes, in place of a preset's, and its tokenizer.

    Raises:
        UserError: the reader is to make n-grams.
    """
    if reader.get("tokenizer") == "ngram":
        raise UserError(
            f"{path}: reader.tokenizer: received ngram, but the pretrained encoder "
            f"{encoder.pretrained} has a tokenizer of its own: -o reader.tokenizer=null"
        )
    if isinstance(encoder.config, str):
        encoder.config = None


@functools.cache
def schema_of(net_class: Optional[type], reader_class: type[Reader]) -> type[_Blocks]:
    """The schema of a whole configuration for one model; without its net, see `check`."""
    hyper_parameters = signature_fields(net_class) if net_class else {}
    for name in reader_class.supplies:
        annotation, _ = hyper_parameters.get(name, (NotNegativeInt, None))
        hyper_parameters[name] = (Optional[annotation], None)
    if net_class is None:  # which may have one, by which the reader goes
        hyper_parameters["encoder"] = (Optional[EncoderSettings], None)
    hyper_parameters["optimizer"] = (Optimizer, ...)
    hyper_parameters["linear"] = (Linear, pydantic.Field(default_factory=Linear))
    net_block = _block("HyperParameters", hyper_parameters, Block if net_class else _OpenBlock)
    reader_block = _block("Reader", signature_fields(reader_class))
    return pydantic.create_model(
        "Config",
        __base__=_Blocks,
        reader=(reader_block, pydantic.Field(default_factory=reader_block)),
        hyper_parameters=(net_block, ...),
    )


def _block(name: str, fields: dict[str, Any], base: type[Block] = Block) -> type[Block]:
    return pydantic.create_model(name, __base__=base, **fields)


def signature_fields(constructor: type) -> dict[str, tuple[Any, Any]]:
    """The keyword-only arguments of a constructor as pydantic fields: name -> (type, default)."""
    hints = typing.get_type_hints(constructor.__init__, include_extras=True)
    fields = {}
    for name, parameter in inspect.signature(constructor.__init__).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (hints[name], default)
    return fields


def differences(ours: Any, theirs: Any, prefix: str = "") -> list[str]:
    """The dotted keys in which two resolved configurations differ, with both values."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return [] if ours == theirs else [f"{prefix}: {theirs!r} there, {ours!r} here"]
    found = []
    for key in sorted({*ours, *theirs}):
        where = f"{prefix}.{key}" if prefix else key
        found += differences(ours.get(key), theirs.get(key), where)
    return found


def _resolve_paths(block: Block, prefix: str, origins: dict[str, Path], folder: Path) -> None:
    """Make every relative path start from the folder of the layer that it was written in."""
    for name, value in block:
        start = origins.get(prefix + name, folder)
        if isinstance(value, Path):
            setattr(block, name, _absolute(value, start))
        elif isinstance(value, list) and all(isinstance(item, Path) for item in value):
            setattr(block, name, [_absolute(item, start) for item in value])
        elif isinstance(value, Block):
            _resolve_paths(value, f"{prefix}{name}.", origins, folder)


def _absolute(path: Path, start: Path) -> Path:
    if path == STANDARD_INPUT:
        return path
    return Path(os.path.abspath(start / os.path.expanduser(path)))


def _without_effect(runner: Runner) -> Iterator[str]:
    given = runner.model_fields_set
    for key, needed in _NEEDED.items():
        value = getattr(runner, key)
        if key in given and needed not in given and value != Runner.model_fields[key].default:
            yield (
                f"runner.{key}: received {shown(value)} without runner.{needed}, expected that "
                "too, or neither"
            )


# What reads data, of which each command needs some, refuses what it cannot read.
DATA = (
    "train_data_dir",
    "valid_data_dir",
    "valid_pair_file",
    "test_data_dir",
    "test_pair_file",
    "corpus_file",
)


def _unreadable(block: Block, prefix: str = "") -> list[str]:
    """What the paths of a block name that no command can read."""
    problems = []
    for name, value in block:
        if isinstance(value, Block):
            problems += _unreadable(value, f"{prefix}{name}.")
        for path in value if isinstance(value, list) else [value]:
            if not isinstance(path, Path):
                continue
            try:
                check_text(str(path), prefix + name)  # relative ones start from what may not be
                if name not in DATA:
                    check_readable(path, prefix + name)
            except UserError as problem:
                problems.append(str(problem))
    return problems


def _listed(path: Path, problems: list[str]) -> str:
    return f"{path}: {len(problems)} problem(s):\n  " + "\n  ".join(problems)


def _without_values(problem: str, layers: Layers) -> str:
    """A problem that does not tell what a variable of the environment holds: it may be a secret."""
    for key in layers.varied:
        if key in problem or key.startswith("search."):  # of which problems name the key searched
            value = _of_key(layers.blocks, key)
            for item in [value, *(value if isinstance(value, list) else [])]:
                received = f"received {shown(item)}"
                problem = problem.replace(received, f"received {_HIDDEN}")
    return problem


def _of_key(block: Layer, key: str) -> Any:
    """The value of a dotted key; those of the block `search` have dots in them."""
    for name, value in block.items():
        if key == name:
            return value
        if key.startswith(f"{name}.") and isinstance(value, dict):
            return _of_key(value, key.removeprefix(f"{name}."))
    return None


def _explain(error: Mapping[str, Any], model: type[Block]) -> str:
    """One problem: the full key, what was received, what was expected."""
    block, field, parts = _locate(model, [str(part) for part in error["loc"]])
    key = shortened(".".join(parts))
    if error["type"] == "extra_forbidden":
        elsewhere = [name for name in _all_keys(model) if name.rpartition(".")[2] == parts[-1]]
        if elsewhere:
            return f"{key}: unknown key; did you mean {' or '.join(elsewhere)}?"
        prefix = ".".join([*parts[:-1], ""])
        return f"{key}: unknown key; {nearest(parts[-1], list(_fields_by_key(block)), prefix)}"
    if error["type"] == "value_error":  # of a validator, which says what it expected
        return f"{key}: {error['ctx']['error']}"
    expected = describe_type(field) if field else error["msg"]
    if error["type"] == "missing":
        return f"{key}: missing; expected {expected}"
    received = error["input"]
    value = "a block of keys" if isinstance(received, dict) else shown(received)
    if field and pydantic.SecretStr in typing.get_args(field.annotation):
        value = "a value"
    if error["type"] == "finite_number":
        expected += ", finite"
    if field and _is_block(field.annotation):
        name, first = next(iter(_fields_by_key(field.annotation).items()))
        if isinstance(first.default, str):
            expected += f", such as {key}.{name}={first.default}"
    limit = str(error.get("ctx", {}).get("le", "")).removesuffix(".0")
    if limit and f"<= {limit}" not in expected:
        expected += f", <= {limit}"
    return f"{key}: received {value} ({type(received).__name__}), expected {expected}"


def _optimizer_problems(blocks: Layer, own: Mapping[str, type]) -> list[str]:
    """Problems with the arguments of the optimizer's class, which Paddle's signature decides."""
    from textzoo.config.optimizer_keys import optimizer_problems  # imports Paddle

    try:
        keys = dict(blocks["hyper_parameters"]["optimizer"])
        return optimizer_problems(
            keys.pop("class"),
            {k: v for k, v in keys.items() if k not in Optimizer.model_fields},
            own,
        )
    except (KeyError, TypeError, ValueError):
        return []  # there is no such block or class, as the schema will say


def _locate(model: type[Block], parts: list[str]) -> tuple[type[Block], Any, list[str]]:
    """The block that holds a key, the key's field if there is one, and the parts of the key.

    Pydantic's own parts, which tell the members of a union apart, are left out.
    """
    block = model
    for i, part in enumerate(parts):
        holder, field = block, _fields_by_key(block).get(part)
        if field is None or not _is_block(field.annotation):
            return holder, field, parts[: i + 1]
        block = field.annotation
    return holder, field, parts


def _fields_by_key(block: type[Block]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in block.model_fields.items()}


def _all_keys(block: type[Block], prefix: str = "") -> Iterator[str]:
    for key, of_key in _fields_by_key(block).items():
        yield prefix + key
        if _is_block(of_key.annotation):
            yield from _all_keys(of_key.annotation, f"{prefix}{key}.")


def leaf_keys(block: type[Block]) -> list[str]:
    """The dotted keys of the configs that this is the schema of, without those of blocks."""
    keys = list(_all_keys(block))
    return [key for key in keys if not any(other.startswith(f"{key}.") for other in keys)]


def _is_block(annotation: Any) -> bool:
    return inspect.isclass(annotation) and issubclass(annotation, Block)


def _paths(values: list[Any]) -> Iterator[Path]:
    for value in values:
        if isinstance(value, Block):
            yield from _paths([item for _, item in value])
        elif isinstance(value, list):
            yield from _paths(value)
        elif isinstance(value, Path) and value != STANDARD_INPUT:
            yield value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    return str(value) if isinstance(value, Path) else value
