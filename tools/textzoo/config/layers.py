"""The YAML files and overrides of a config, merged but not yet checked."""

import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from textzoo.config.bundled import bundled_config, hint_to_copy
from textzoo.config.schema import ALTERNATIVES, FALLBACKS, NEUTRAL, OTHER_NAMES
from textzoo.config.variables import Substituted, settled, substitute
from textzoo.errors import UserError, shortened, shown
from textzoo.files import check_readable

Layer = dict[str, Any]

# Far above any config: what is beyond is another file, or made to fill the memory or the stack.
_MAX_BYTES, _MAX_DEPTH, _MAX_VALUES = 1 << 20, 16, 1 << 18

# What a text without quotes means: the core schema of YAML 1.2, with decimal numbers alone. 1e-3 is
# a number, and 12:30:45, 0777, 1_000, yes, off and 2020-01-01 are texts.
_PLAIN = (
    ("|~|null|Null|NULL", lambda _: None),
    ("true|True|TRUE", lambda _: True),
    ("false|False|FALSE", lambda _: False),
    (r"[-+]?(0|[1-9][0-9]{0,99})", int),
    (r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?", float),
    (r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", lambda text: float(text.replace(".", ""))),
)


class Layers(NamedTuple):
    """What the YAML files and overrides say, merged but not yet checked.

    Attributes:
        blocks: the merged keys.
        origins: for each dotted key, the folder that a relative path in it starts from: that of
            the YAML file it is written in, or the working directory for an override.
        model_folder: the first folder, from the config to its oldest base, that holds a net.
        varied: the dotted keys whose values are written with variables of the environment.
    """

    blocks: Layer
    origins: dict[str, Path]
    model_folder: Path
    varied: frozenset[str]


def read_layers(path: Path, overrides: list[str]) -> Layers:
    """Merge a YAML file, the files it inherits from and the overrides.

    Args:
        path: the YAML file; its `base: other.yaml` is read first, recursively. Where there is no
            such file, it may be the name of a bundled model.
        overrides: `key=value` texts. A value has YAML's types; in brackets or quotes it is YAML.
            Else all of it is the value, whatever YAML would make of a `#`, `&` or `: ` in it.

    Variables of the environment have their values, see `variables`; those in what a later layer
    replaces need none.

    Raises:
        UserError: a file cannot be read or parsed, an override is malformed, one file or the
            overrides give two keys of which one would silently win, or a variable is not set.
    """
    check_text(os.path.abspath(path), "the path of the config")
    merged: Layer = {}
    origins: dict[str, Path] = {}
    inherited = _inherited(path, seen=())
    layers = [(layer, file.parent, str(file)) for layer, file in inherited]
    for layer, folder, source in [*layers, (_overriding(overrides), Path.cwd(), "-o")]:
        _displace(merged, layer, source)
        _merge(merged, layer, folder, origins)
    varied: set[str] = set()
    blocks = settled(merged, "", varied)
    return Layers(blocks, origins, _model_folder(inherited, path), frozenset(varied))


def _overriding(overrides: list[str]) -> Layer:
    overriding: Layer = {}
    for text in overrides:
        _merge(overriding, _parse_override(text), Path(), {})
    return overriding


def read_overrides(overrides: list[str]) -> Layer:
    """What overrides alone say, see `read_layers`.

    Raises:
        UserError: one is malformed, or a variable is not set.
    """
    return settled(_overriding(overrides), "", set())


def place_of(path: Path, *keys: str) -> str:
    """The file and line where a key is written, of a config that can be read.

    Args:
        path: the config.
        keys: the key in its block, after those of the blocks that it is in.

    Returns:
        `file:line` of the config or of the last of its bases that has the key, or `-o`.
    """
    for _, file in reversed(_inherited(path, seen=())):
        node: Any = yaml.compose(file.read_text(encoding="utf-8-sig"), yaml.SafeLoader)
        line = 0
        for key in keys:
            inner = node.value if isinstance(node, yaml.MappingNode) else ()
            found = next((pair for pair in inner if pair[0].value == key), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        else:
            return f"{file}:{line}"
    return "-o"


def model_folder_of(path: Path) -> Path:
    """The model folder that a config belongs to, see `Layers`.

    Raises:
        UserError: a file cannot be read or parsed.
    """
    return _model_folder(_inherited(path, seen=()), path)


def _model_folder(inherited: list[tuple[Layer, Path]], path: Path) -> Path:
    folders = [file.parent for _, file in reversed(inherited)]
    holders = (folder for folder in folders if os.path.isfile(folder / "net.py"))
    return next(holders, path.parent)


class _Loader(yaml.SafeLoader):
    """Makes blocks with texts as keys, lists, and plain values; it takes no tags.

    Args:
        file: that the text is in; empty: the value of an override.
        text: YAML.
    """

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 (PyYAML's own form)

    def __init__(self, file: str, text: str):
        super().__init__(text)
        self._file = file

    def place(self, node: Any) -> str:
        """Where a value is, as a message begins with it."""
        return f"{self._file}:{node.start_mark.line + 1}: " if self._file else "-o "

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        if self.flow_level == _MAX_DEPTH:  # PyYAML looks at every open bracket at each token
            raise RecursionError
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()
        if getattr(event, "tag", None) is not None:
            raise _problem(f"received the tag {event.tag}, expected a value without one", event)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        block = {}
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode):  # in which there are no variables
                key = _read(key_node)(key_node.value)
            else:
                key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _problem(f"received the key {shown(key)}, expected a text", key_node)
            if key in block:
                raise _problem(f"the key {key!r} is given twice", key_node)
            block[key] = self.construct_object(value_node, deep)
        return block


def _read(node: Any) -> Callable[[str], Any]:
    """What makes a value of a node's text."""
    return str if node.style else _plain  # a style is one of quotes


def _construct_text(loader: _Loader, node: Any) -> Any:
    return substitute(node.value, _read(node), loader.place(node))


_Loader.add_constructor("tag:yaml.org,2002:str", _construct_text)


class _ValueLoader(_Loader):
    """Reads the value of an override, in which nothing is a comment."""

    def scan_to_next_token(self) -> None:
        start = self.pointer
        super().scan_to_next_token()
        if "#" in self.buffer[start : self.pointer]:
            raise yaml.YAMLError("a value has no comments: a text with ` #` stands in quotes")


def _problem(text: str, place: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, text, place.start_mark)


def _plain(text: str) -> Any:
    """The value of a text without quotes."""
    for form, value in _PLAIN:
        if re.fullmatch(form, text):
            return value(text)
    return text


def _parse(text: str, loader: Callable[[str], _Loader], source: str) -> Any:
    """The value of YAML text.

    Raises:
        UserError: it is not valid, or too large or too deep for a config.
    """
    try:
        value = loader(text).get_single_data()
        for n_values, part in enumerate(_parts(value)):
            if n_values == _MAX_VALUES:
                raise UserError(f"{source} has more than {_MAX_VALUES} values: is it a config?")
            if isinstance(part, str):
                check_text(part, source)
    except (yaml.YAMLError, ValueError, OverflowError) as failure:  # of "\\UFFFFFFFF"
        raise UserError(f"{source} is not valid YAML: {failure}") from None
    except RecursionError:
        raise UserError(f"{source} is nested too deeply: expected {_MAX_DEPTH} levels") from None
    return value


def _parts(value: Any, depth: int = 0) -> Iterator[Any]:
    """A value and, as often as aliases repeat them, all keys and values in it."""
    if depth > _MAX_DEPTH:
        raise RecursionError
    yield value
    inner = [*value, *value.values()] if isinstance(value, dict) else value
    for part in inner if isinstance(inner, list) else ():
        yield from _parts(part, depth + 1)


def check_text(text: str, source: str) -> None:
    """Refuse what no path and no file of UTF-8 can hold.

    Raises:
        UserError: naming the source.
    """
    if re.search("[\0\ud800-\udfff]", text):
        where = source.rstrip(":")
        raise UserError(f"{where}: received {shown(text)}, expected UTF-8 without NUL")


def _inherited(path: Path, seen: tuple) -> list[tuple[Layer, Path]]:
    """What the YAML file and those it inherits from say, each with its file; oldest first."""
    real = os.path.realpath(path)
    if real in seen:
        raise UserError(f"{path}: inherits from itself through `base`")
    layer = _read_yaml(path)
    base = settled(layer.pop("base", None), "base", set())
    if base is None:
        return [(layer, path)]
    if not isinstance(base, str):
        raise UserError(f"{path}: base: received {shown(base)}, expected the path of a YAML file")
    inherited = path.parent / base
    if not os.path.exists(inherited):
        inherited = bundled_config(base) or inherited
    return [*_inherited(inherited, (*seen, real)), (layer, path)]


def _read_yaml(path: Path) -> Layer:
    check_readable(path)
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise UserError(f"{path}: is larger than {_MAX_BYTES >> 20} MiB: is it a config?")
        text = content.decode("utf-8").removeprefix("\ufeff")
    except FileNotFoundError:
        raise UserError(f"{path}: no such config file{hint_to_copy(path)}") from None
    except IsADirectoryError:
        raise UserError(
            f"{path}: is a folder; expected a YAML file such as {path / 'config.yaml'}"
        ) from None
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None
    except UnicodeDecodeError as failure:
        raise UserError(f"{path}: is not UTF-8 (byte {failure.start}); save it as UTF-8") from None
    blocks = _parse(text, functools.partial(_Loader, str(path)), f"{path}:")
    if not isinstance(blocks, dict):
        raise UserError(
            f"{path}: received {type(blocks).__name__}, expected blocks such as `runner:`"
        )
    return blocks


def _parse_override(text: str) -> Layer:
    check_text(text, "-o")
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise UserError(f"-o {shortened(text)}: expected key=value, such as runner.epochs=3")
    if len(parts) > _MAX_DEPTH:
        raise UserError(f"-o {shortened(text)}: the key has more than {_MAX_DEPTH} parts")
    bare = value.strip()
    if bare.startswith(("[", "{", "'", '"')):
        loader = functools.partial(_ValueLoader, "")
        parsed = _parse(bare, loader, f"-o {shortened(text)}: the value")
    else:
        parsed = substitute(value, _unquoted, "-o ")
    if parts[0] == "search":  # whose keys are dotted ones themselves
        parts = key.strip().split(".", 1)
    *outer, innermost = parts
    layer: Layer = {innermost: parsed}
    for part in reversed(outer):
        layer = {part: layer}
    return layer


def _unquoted(value: str) -> Any:
    """The value of an override; a text is what was given, with spaces, which may be all of it."""
    bare = value.strip()
    parsed = _plain(bare) if bare or not value else value
    return value if isinstance(parsed, str) else parsed


def _displace(merged: Layer, layer: Layer, source: str) -> None:
    """Take out of what is merged the keys that a later layer's keys stand in the place of.

    Raises:
        UserError: the layer itself has two such keys.
    """
    for block, groups in ALTERNATIVES.items():
        new, old = layer.get(block), merged.get(block)
        if not isinstance(new, dict):
            continue
        displaced = [OTHER_NAMES[name] for name in new if name in OTHER_NAMES]
        for group in groups:
            given = [[name for name in names if _is_set(new, name)] for names in group]
            keys = [f"{block}.{names[0]}" for names in given if names]
            if len(keys) > 1:
                raise UserError(f"{source}: received {' and '.join(keys)}, expected one of them")
            for names, set_here in zip(group, given):
                displaced += names if keys and not set_here else ()
        for name, names in FALLBACKS.items():
            displaced += names if _is_set(new, name) else ()
        for name in displaced:
            if isinstance(old, dict):
                old.pop(name, None)


def _is_set(block: Layer, name: str) -> bool:
    value = block.get(name)
    value = value.value if isinstance(value, Substituted) else value
    return value is not None and value not in NEUTRAL.get(name, ())


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
