"""The YAML files and overrides of a config, merged but not yet checked."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from textzoo.errors import UserError
from textzoo.text.streams import STANDARD_INPUT

Layer = dict[str, Any]


class Layers(NamedTuple):
    """What the YAML files and overrides say, merged but not yet checked.

    Attributes:
        blocks: the merged keys.
        origins: for each dotted key, the folder that a relative path in it starts from: that of
            the YAML file it is written in, or the working directory for an override.
        model_folder: the first folder, from the config to its oldest base, that holds a net.
    """

    blocks: Layer
    origins: dict[str, Path]
    model_folder: Path


def read_layers(path: Path, overrides: list[str]) -> Layers:
    """Merge a YAML file, the files it inherits from and the overrides.

    Args:
        path: the YAML file; its `base: other.yaml` is read first, recursively.
        overrides: `key=value` texts; values are parsed as YAML and may contain `=`.

    Raises:
        UserError: a file cannot be read or parsed, or an override is malformed.
    """
    merged: Layer = {}
    origins: dict[str, Path] = {}
    inherited = _inherited(path, seen=())
    for layer, folder in inherited:
        _merge(merged, layer, folder, origins)
    for text in overrides:
        _merge(merged, _parse_override(text), Path.cwd(), origins)
    holders = [folder for _, folder in reversed(inherited) if (folder / "net.py").is_file()]
    return Layers(merged, origins, holders[0] if holders else path.parent)


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-3 as a number and refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1, which PyYAML follows, takes 1e-3 and 5e5 for strings: they lack the dot.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _inherited(path: Path, seen: tuple) -> list[tuple[Layer, Path]]:
    """The YAML file behind those it inherits from, each with its folder; oldest first."""
    if path.resolve() in seen:
        raise UserError(f"{path}: inherits from itself through `base`")
    layer = _read_yaml(path)
    base = layer.pop("base", None)
    if base is None:
        return [(layer, path.parent)]
    if not isinstance(base, str):
        raise UserError(f"{path}: base: received {base!r}, expected the path of a YAML file")
    return [*_inherited(path.parent / base, (*seen, path.resolve())), (layer, path.parent)]


def _read_yaml(path: Path) -> Layer:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such config file") from None
    except IsADirectoryError:
        raise UserError(
            f"{path}: is a folder; expected a YAML file such as {path / 'config.yaml'}"
        ) from None
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None
    except UnicodeDecodeError as failure:
        raise UserError(f"{path}: is not UTF-8 (byte {failure.start}); save it as UTF-8") from None
    except yaml.YAMLError as failure:
        raise UserError(f"{path}: is not valid YAML: {failure}") from None
    if not isinstance(content, dict):
        raise UserError(
            f"{path}: received {type(content).__name__}, expected blocks such as `runner:`"
        )
    return content


def _parse_override(text: str) -> Layer:
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise UserError(f"-o {text}: expected key=value, such as runner.epochs=3")
    try:
        # To YAML, a dash alone would be a list.
        parsed = value if value == str(STANDARD_INPUT) else yaml.load(value, Loader=_Loader)
    except yaml.YAMLError as failure:
        raise UserError(f"-o {text}: the value is not valid YAML: {failure}") from None
    *outer, innermost = parts
    layer: Layer = {innermost: parsed}
    for part in reversed(outer):
        layer = {part: layer}
    return layer


def _merge(
    target: Layer, layer: Layer, folder: Path, origins: dict[str, Path], prefix: str = ""
) -> None:
    """Lay one layer over another, in place, noting the folder that each key came from."""
    for key, value in layer.items():
        where = f"{prefix}{key}"
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value, folder, origins, f"{where}.")
        elif isinstance(value, dict):
            target[key] = {}
            _merge(target[key], value, folder, origins, f"{where}.")
        else:
            target[key] = value
            origins[where] = folder
