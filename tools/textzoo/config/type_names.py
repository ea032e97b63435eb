"""The types of config keys in words, for messages and for doc/config.md."""

import types
import typing
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import pydantic

from textzoo.config.schema import MAX_FLOAT, MAX_INT, MAX_SIZE, Block

_SIGNS = {
    **{"gt": "> ", "ge": ">= ", "lt": "< ", "le": "<= "},
    **{"min_length": "length >= ", "max_length": "length <= "},
}


def describe_type(field: Any) -> str:
    """The type of a field in words: `int, > 0`, `one of error | skip`.

    Limits that are far above any use are left out.
    """
    limits = [
        sign + str(getattr(limit, name))
        for limit in field.metadata
        for name, sign in _SIGNS.items()
        if abs(getattr(limit, name, None) or 0) not in (MAX_INT, MAX_SIZE, MAX_FLOAT)
        and getattr(limit, name, None) is not None
    ]
    return ", ".join([type_in_words(field.annotation), *limits])


def type_in_words(annotation: Any) -> str:
    """A type annotation in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return "one of " + " | ".join(map(str, arguments))
    if origin is Union or isinstance(annotation, getattr(types, "UnionType", ())):
        return " or ".join("null" if a is type(None) else type_in_words(a) for a in arguments)
    if origin is Annotated:
        holder = pydantic.fields.FieldInfo.from_annotation(annotation)
        return describe_type(holder)
    if origin is list:
        return f"a list of {type_in_words(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return "a block of keys"
    names = {Path: "a path", str: "text", pydantic.SecretStr: "text", bool: "true or false"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))
