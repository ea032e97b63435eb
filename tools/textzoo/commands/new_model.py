"""A working copy of a model folder to start from: new_model.py."""

import argparse
import contextlib
import json
import logging
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import yaml

from textzoo.called import command, program
from textzoo.commands.arguments import add_override
from textzoo.commands.cli import guarded
from textzoo.config.bundled import bundled_models, models_folder
from textzoo.devices import import_paddle
from textzoo.errors import UserError, nearest
from textzoo.files import new_folder
from textzoo.logs import start_logging

if TYPE_CHECKING:
    from textzoo.config.checking import Config

log = logging.getLogger("textzoo")

_CONFIG = "config.yaml"
_BESIDE_DATA = {
    "valid": "with --data: validation data; default: a part of the training data is held out",
    "test": "with --data: test data, which infer evaluates",
    "corpus": "with --data, for models of pairs: the texts to search",
}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """A working copy of a model folder."""
    name = program("new_model")
    parser = argparse.ArgumentParser(
        prog=name, description="Make a working copy of a model folder to start from."
    )
    parser.add_argument("folder", type=Path, metavar="NAME", help="the folder to make")
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="MODEL",
        help=f"{', '.join(bundled_models())}, or the path of a model folder",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="your training data: a file, folder or pattern, which is read where it is; the config "
        "then has settings that suit it, each with its reason",
    )
    for option, text in _BESIDE_DATA.items():
        parser.add_argument(f"--{option}", type=Path, metavar="FILE", help=text)
    add_override(parser, "with --data: keys of the reader, such as reader.text_column=headline")
    parsed = parser.parse_args(arguments)
    beside = {option: path for option in _BESIDE_DATA if (path := getattr(parsed, option))}
    if parsed.data is None and (beside or parsed.override):
        parser.error(f"{' and '.join(f'--{name}' for name in beside) or '-o'}: needs --data")

    def run() -> None:
        import_paddle()
        if parsed.data:
            new_model_for(
                parsed.folder, parsed.source, {"data": parsed.data, **beside}, parsed.override
            )
        else:
            new_model(parsed.folder, parsed.source)

    return guarded(name, run)


def new_model(folder: Path, source: str) -> None:
    """Copy a model's code, its `config.yaml` and the sample data that this names.

    The JSON Schema that the config names is made of the copy.

    Args:
        folder: the folder to make.
        source: the name of a bundled model, or the path of a model folder.

    Raises:
        UserError: there is no such model, it or its config cannot be copied, or `folder` exists.
    """
    from textzoo.config.loading import load_config

    start_logging()
    model = _model_folder(source)
    config, _ = load_config(model / _CONFIG, [])
    with _new_folder(folder, model) as copy:
        text = _copy_data(config, copy)
        text = re.sub(
            rf"python tools/(\w+)\.py(?= -m models/{re.escape(model.name)}/)",
            lambda found: command(found[1]),
            text,
        )
        text = text.replace(f"models/{model.name}/", f"{folder.as_posix()}/")
        _write(copy, text)
    log.info("%s: a copy of %s with its sample data; next:", folder, model.name)
    for script in ("check_data", "trainer", "infer"):
        log.info("  %s -m %s", command(script), (folder / _CONFIG).as_posix())


def new_model_for(folder: Path, source: str, paths: dict[str, Path], overrides: list[str]) -> None:
    """Copy a model's code, and write a config that suits someone's data, which stay where they are.

    Args:
        folder: the folder to make.
        source: the name of a bundled model.
        paths: of the data, by option: `data`, and any of `valid`, `test` and `corpus`.
        overrides: of keys of the reader.

    Raises:
        UserError: there is no such model, the data do not suit it, or `folder` exists.
    """
    from textzoo.config.json_schema import FILE
    from textzoo.config.layers import check_text
    from textzoo.starting.config_text import config_text
    from textzoo.starting.suited import suited_to

    start_logging()
    model = _model_folder(source)
    if model.parent != models_folder():
        raise UserError(
            f"--from: received {source}, expected with --data a model whose settings are known: "
            + ", ".join(bundled_models())
        )
    for option, given in paths.items():
        check_text(str(given), f"--{option}")
    path = _typed((folder / _CONFIG).as_posix())
    with _new_folder(folder, model) as copy:
        found = suited_to(model, paths, overrides, copy / ".textzoo_cache", folder)
        commands = _commands(path, folder, paths)
        written = f"Written by {program('new_model')}, which found in the data:"
        listed = [f"- {line}" for line in found.findings]
        editors = f"yaml-language-server: $schema={FILE}"
        header = [editors, found.title, written, *listed, "", *(f"  {line}" for line in commands)]
        text = config_text(header, found.settings)
        _write(copy, text)
    log.info("%s: %s", folder, found.title)
    for line in found.findings:
        log.info("  %s", line)
    log.info("next:")
    for line in commands:
        log.info("  %s", line)


def _write(copy: Path, text: str) -> None:
    """Write a config, and the schema that editors read beside it."""
    from textzoo.config.json_schema import FILE, schema_text
    from textzoo.config.loading import load_config

    (copy / _CONFIG).write_bytes(text.encode())
    _, copied = load_config(copy / _CONFIG, [])
    (copy / FILE).write_bytes(schema_text(copied).encode())


def _commands(config: str, folder: Path, paths: dict[str, Path]) -> list[str]:
    """What to type next, from training to a server."""
    exported = _typed((folder / "exported").as_posix())
    typed = "" if "test" in paths else " --queries -"
    return [
        f"{command('trainer')} -m {config}",
        *([f"{command('infer')} -m {config}"] if "test" in paths else []),
        *([f"{command('recall')} -m {config}{typed}"] if "corpus" in paths else []),
        f"{command('export')} -m {config} --output {exported}",
        f"{command('serve')} {exported}",
    ]


def _typed(path: str) -> str:
    """A path as it is typed; in double quotes, which Windows knows too, where they are enough."""
    if re.fullmatch(r"[\w./:~-]+", path):
        return path
    return shlex.quote(path) if re.search(r'["$`\\!]', path) else f'"{path}"'


@contextlib.contextmanager
def _new_folder(folder: Path, model: Path) -> Iterator[Path]:
    """A new folder with a model's code, to add to.

    Raises:
        UserError: it exists, cannot be written, or its name cannot stand in a config.
    """
    from textzoo.config.layers import check_text

    check_text(os.path.abspath(folder), "NAME")
    if folder.exists():
        raise UserError(f"NAME: {folder} exists; choose another folder")
    try:
        with new_folder(folder) as copy:
            for file in model.glob("*.py"):
                shutil.copyfile(file, copy / file.name)
            yield copy
    except OSError as failure:
        raise UserError(f"NAME: cannot write {folder}: {failure.strerror or failure}") from None


def _model_folder(source: str) -> Path:
    """The folder of a model.

    Raises:
        UserError: there is none; naming those that there are.
    """
    for folder in (models_folder() / source, Path(source)):
        if (folder / "net.py").is_file() and (folder / _CONFIG).is_file():
            return folder
    raise UserError(f"--from: no model {source}; {nearest(source, bundled_models())}")


def _copy_data(config: "Config", copy: Path) -> str:
    """Copy what a config names to be read; the text of the config with the places it then has.

    What lies in the model's folder keeps its place; what lies outside goes to `data/`.

    Raises:
        UserError: the config inherits from another, or names a folder that cannot be read.
    """
    text = config.path.read_text(encoding="utf-8")
    tree = yaml.compose(text, yaml.SafeLoader)
    if base := [node.value for key, node in tree.value if key.value == "base"]:
        raise UserError(
            f"--from: {config.path} inherits from {base[0]}, expected a config without `base`; "
            "copy the folder by hand"
        )
    model = Path(os.path.abspath(config.path.parent))
    blocks = {block: getattr(config, block) for block in ("runner", "reader", "hyper_parameters")}
    found = [name for name in _named(tree, blocks) if name.path.exists()]
    places: dict[Path, Path] = {}  # of the copy, by those of the source
    for name in sorted(found, key=lambda name: model not in (name.path, *name.path.parents)):
        if name.path not in places:
            places[name.path] = _place(name.path, model, copy, [*places.values()])
            _copy(name, copy / places[name.path])
    for start, name in sorted({name.node.start_mark.index: name for name in found}.items())[::-1]:
        place = places[name.path]
        if os.path.abspath(copy / os.path.expanduser(name.node.value)) != str(copy / place):
            end = name.node.end_mark.index
            text = text[:start] + _written(place, text[start:end]) + text[end:]
    return text


class _Named(NamedTuple):
    """A path that a config names to be read.

    Attributes:
        key: dotted.
        node: its text in the config.
        path: absolute.
    """

    key: str
    node: yaml.ScalarNode
    path: Path


def _named(node: yaml.Node, value: Any, key: str = "") -> Iterator[_Named]:
    """The paths below a node that are read, but for those of a run of the model itself."""
    from textzoo.config.checking import DATA
    from textzoo.text.streams import STANDARD_INPUT

    if isinstance(node, yaml.ScalarNode):
        block, _, name = key.partition(".")
        read = block != "runner" or name in (*DATA, "model_init_path")
        if isinstance(value, Path) and value != STANDARD_INPUT and read:
            yield _Named(key, node, value)
    elif isinstance(node, yaml.MappingNode):
        inner = dict(value or {})
        for name, part in node.value:
            yield from _named(part, inner.get(name.value), f"{key}.{name.value}".strip("."))
    elif isinstance(node, yaml.SequenceNode) and isinstance(value, list):
        for part, item in zip(node.value, value):
            yield from _named(part, item, key)


def _place(source: Path, model: Path, copy: Path, taken: list[Path]) -> Path:
    """Where a source comes to lie, from the folder of the copy; it shares its place with none."""
    if model in (source, *source.parents):
        return source.relative_to(model)
    folders = (Path("data" if number == 1 else f"data-{number}") for number in count(1))
    return next(
        folder / source.name
        for folder in folders
        if folder not in taken and not (copy / folder / source.name).exists()
    )


def _copy(name: _Named, target: Path) -> None:
    """Copy a file; all below a folder of data; the files in a pretrained one, as it is read."""
    from textzoo.text.lines import data_files

    source = name.path
    if name.key.startswith("runner.") or not source.is_dir():
        files = data_files(source, name.key)
    else:
        files = [file for file in source.glob("*") if file.is_file()]
    for file in files:
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def _written(place: Path, old: str) -> str:
    """A place as the text of a config, with the anchor and the end of line of the old one."""
    from textzoo.config.variables import without_variables

    new = without_variables(place.as_posix())
    if not re.fullmatch(r"[\w./-]+", new):
        new = json.dumps(new, ensure_ascii=False)
    anchor = re.match(r"(&\S+\s+)?", old)
    return f"{anchor[0] if anchor else ''}{new}{old[len(old.rstrip()) :]}"
