"""The schema of a model's configs as JSON Schema, by which editors complete and check them.

It is made from what the commands check a config by: `checking.schema_of`, and the signatures of the
optimizers. Of the drafts, 7 is the one that editors have read for longest.
"""

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, Union

import pydantic
from pydantic.json_schema import GenerateJsonSchema

from textzoo.config.checking import leaf_keys, schema_of
from textzoo.config.model_folder import ModelFolder
from textzoo.config.optimizer_keys import argument_types, optimizer_classes
from textzoo.config.schema import SearchRange
from textzoo.config.search import searchable
from textzoo.text.reader import Reader

# Its name beside the configs of a model, whose first line leads editors to it.
FILE = "config.schema.json"

Schema = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_BASE = "the config that this one inherits from: a path, or the name of a bundled model"
_ABOUT = ("description", "default")
_SEARCHED = (
    "what `textzoo tune` tries for which dotted keys: a list is of values, a block the range of a "
    "number (doc/tuning.md)"
)
_NULL: Schema = {"type": "null"}
# In place of a number and the like; a text takes it anyway.
_VARIABLE: Schema = {"type": "string", "pattern": r"\$\{"}
_ANY_OF: Any = Union  # of types that are known when it runs


class _Generator(GenerateJsonSchema):
    ignored_warning_kinds = {"non-serializable-default"}  # noqa: RUF012 (pydantic's own form)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # it would repeat the key

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
        return {}  # a type of a model's own, such as a function: any value


def schema_text(folder: ModelFolder) -> str:
    """What the file of a model's JSON Schema holds."""
    schema = json_schema(folder.net, folder.reader, folder.dygraph_model.optimizers)
    return _written(schema) + "\n"


def _written(schema: Any, line: str = "\n") -> str:
    """JSON with a line for each key of a config."""
    if not isinstance(schema, dict) or "properties" not in schema:
        return json.dumps(schema, ensure_ascii=False)
    inner = f"{line}  "
    members = []
    for key, of in schema.items():
        text = _written(of, inner)
        if key == "properties":
            keys = [
                f'{inner}  "{name}": {_written(each, f"{inner}  ")}' for name, each in of.items()
            ]
            text = f"{{{','.join(keys)}{inner}}}"
        elif key == "allOf":
            text = f"[{','.join(f'{inner}  {_written(each)}' for each in of)}{inner}]"
        members.append(f'{inner}"{key}": {text}')
    return f"{{{','.join(members)}{line}}}"


def json_schema(
    net_class: type, reader_class: type[Reader], optimizers: Mapping[str, type]
) -> Schema:
    """The JSON Schema of a model's configs.

    A config with a `base` may leave out what has to be said. What only constructors can judge, or
    two keys beside each other, is not in it.

    Args:
        net_class: the model's net.
        reader_class: the model's reader.
        optimizers: those that the model brings, see `Model.optimizers`.
    """
    found = schema_of(net_class, reader_class).model_json_schema(schema_generator=_Generator)
    schema = _for_editors(_resolved(found, found.pop("$defs")))
    blocks = schema["properties"]
    for block, constructor in (("reader", reader_class), ("hyper_parameters", net_class)):
        described, arguments = described_arguments(constructor), blocks[block]["properties"]
        for name in described.keys() & arguments.keys():
            arguments[name] = {**arguments[name], "description": described[name]}
    optimizer = blocks["hyper_parameters"]["properties"]["optimizer"]
    _add_arguments(optimizer, optimizers)
    keys = leaf_keys(schema_of(net_class, reader_class))
    arguments = [f"hyper_parameters.optimizer.{name}" for name in optimizer["properties"]]
    blocks["search"] = _search(searchable(list(dict.fromkeys([*keys, *arguments]))))
    required = _take_required(schema)
    return {
        "$schema": _DRAFT,
        "type": "object",
        "additionalProperties": False,
        "properties": {"base": {"type": "string", "description": _BASE}, **blocks},
        "if": {"required": ["base"]},
        "else": required,
    }


def _search(keys: list[str]) -> Schema:
    """The schema of the block `search`, whose keys are these."""
    form = SearchRange.model_json_schema(schema_generator=_Generator)
    numbers = {name: _for_editors(of) for name, of in form["properties"].items()}
    space = {**form, "properties": numbers}
    return {
        "description": _SEARCHED,
        "type": "object",
        "propertyNames": {"enum": keys},
        "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1}, space, _NULL]},
    }


def described_arguments(constructor: type) -> dict[str, str]:
    """What the `Args` of a docstring in Google's style say of each argument."""
    docstring = inspect.getdoc(constructor) or ""
    section = re.search(r"^Args:\n((?:    .*\n?|\n)+)", docstring, re.MULTILINE)
    entries = re.split(r"^    (?=\w+: )", section[1], flags=re.MULTILINE)[1:] if section else []
    pairs = (entry.split(": ", 1) for entry in entries)
    return {name: " ".join(text.split()) for name, text in pairs}


def _resolved(schema: Any, definitions: Mapping[str, Schema]) -> Any:
    """A schema of pydantic's with what it refers to in place of the references."""
    if isinstance(schema, list):
        return [_resolved(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    named = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
    whole = {**named, **schema}
    return {key: _resolved(part, definitions) for key, part in whole.items() if key != "$ref"}


def _for_editors(schema: Schema) -> Schema:
    """A schema whose values may be variables, without defaults that say nothing."""
    if "properties" in schema:
        inner = {name: _for_editors(of) for name, of in schema["properties"].items()}
        kept = {key: of for key, of in schema.items() if key not in ("title", "default")}
        return {**kept, "properties": inner}
    about = {key: schema[key] for key in _ABOUT if schema.get(key) is not None}
    kinds = schema.get("anyOf") or [{key: of for key, of in schema.items() if key not in _ABOUT}]
    kinds = [_kind(kind) for kind in kinds]
    types = [kind.get("type", "string") for kind in kinds if not {"enum", "const"} & kind.keys()]
    others = [kind for kind in kinds if kind.get("type") not in ("array", "object", "null")]
    if others and "string" not in types:
        kinds.append(_VARIABLE)
    return {**about, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})}


def _kind(schema: Schema) -> Schema:
    """One of the kinds of values that a key takes."""
    if "properties" in schema:
        return _for_editors(schema)
    return {**schema, "items": _for_editors(schema["items"])} if "items" in schema else schema


def _add_arguments(optimizer: Schema, own: Mapping[str, type]) -> None:
    """Add the arguments of every optimizer, of which each config may have those of its class."""
    arguments = {
        name: argument_types(of, name in own) for name, of in optimizer_classes(own).items()
    }
    keys = sorted({key for types in arguments.values() for key in types})
    properties = optimizer["properties"]
    properties["class"] = {
        "description": properties["class"]["description"],
        "anyOf": [{"enum": sorted(arguments)}, _VARIABLE],
    }
    for key in keys:
        types = {name: of[key] for name, of in sorted(arguments.items()) if key in of}
        found = pydantic.TypeAdapter(_ANY_OF[tuple(types.values())]).json_schema()
        properties[key] = {"description": f"of {', '.join(types)}", **_for_editors(found)}
    of_all = [key for key in properties if key not in keys]
    optimizer["additionalProperties"] = False
    optimizer["allOf"] = [
        {
            "if": {"properties": {"class": {"const": name}}, "required": ["class"]},
            "then": {"propertyNames": {"enum": [*of_all, *types]}},
        }
        for name, types in sorted(arguments.items())
    ]


def _take_required(schema: Schema) -> Schema:
    """Take out of a schema which keys it requires, as a schema of its own."""
    keys = schema.pop("required", None)
    inner = {name: _take_required(of) for name, of in schema.get("properties", {}).items()}
    inner = {name: of for name, of in inner.items() if of}
    return {**({"required": keys} if keys else {}), **({"properties": inner} if inner else {})}
