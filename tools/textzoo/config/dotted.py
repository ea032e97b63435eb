"""Values of nested blocks by their dotted keys, such as `runner.epochs`, and back."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from textzoo.config.variables import without_variables

Settings = dict[str, Any]


def flat(blocks: Mapping[str, Any], prefix: str = "") -> Settings:
    """The values of nested blocks by their dotted keys."""
    found: Settings = {}
    for name, value in blocks.items():
        key = prefix + str(name).replace("__", ".")
        found |= flat(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return found


def flat_given(blocks: Mapping[str, Any]) -> Settings:
    """The same, of those that are not null."""
    return {key: value for key, value in flat(blocks).items() if value is not None}


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The blocks of dotted keys."""
    blocks: dict[str, Any] = {}
    for key, value in settings.items():
        set_value(blocks, key, value)
    return blocks


def set_value(blocks: dict[str, Any], key: str, value: Any) -> None:
    """Set the value of a dotted key; blocks that are not there are made."""
    *outer, last = key.split(".")
    for part in outer:
        if not isinstance(blocks.get(part), dict):
            blocks[part] = {}
        blocks = blocks[part]
    blocks[last] = value


def with_value(blocks: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of blocks with another value of a dotted key."""
    changed = copy.deepcopy(dict(blocks))
    set_value(changed, key, value)
    return changed


def literal(value: Any) -> Any:
    """A value as a config says it that is to have no variables."""
    if isinstance(value, list):
        return [literal(part) for part in value]
    return without_variables(value) if isinstance(value, str) else value


def override(key: str, value: Any) -> str:
    """What follows `-o` for a key to have this value."""
    return f"{key}={json.dumps(literal(value), ensure_ascii=False)}"
