"""A working copy of a model folder to start from: new_model.py."""

import argparse
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from textzoo.commands.cli import guarded
from textzoo.devices import import_paddle
from textzoo.errors import UserError, nearest
from textzoo.files import new_folder
from textzoo.logs import start_logging

log = logging.getLogger("textzoo")

_MODELS = Path(__file__).resolve().parents[3] / "models"  # of a checkout
_CONFIG = "config.yaml"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """A working copy of a model folder."""
    name = "new_model.py"
    parser = argparse.ArgumentParser(
        prog=name, description="Make a working copy of a model folder to start from."
    )
    parser.add_argument("folder", type=Path, metavar="NAME", help="the folder to make")
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="MODEL",
        help="a folder of models/, such as tagspace, or the path of a model folder",
    )
    parsed = parser.parse_args(arguments)

    def run() -> None:
        import_paddle()
        new_model(parsed.folder, parsed.source)

    return guarded(name, run)


def new_model(folder: Path, source: str) -> None:
    """Copy a model's code, its `config.yaml` and the sample data that this names.

    Args:
        folder: the folder to make.
        source: a folder of `models/`, or the path of a model folder.

    Raises:
        UserError: there is no such model, or `folder` exists.
    """
    from textzoo.config.loading import load_config

    start_logging()
    model = _model_folder(source)
    if folder.exists():
        raise UserError(f"NAME: {folder} exists; choose another folder")
    try:
        with new_folder(folder) as copy:
            for file in model.glob("*.py"):
                shutil.copyfile(file, copy / file.name)
            config = _copy_data(model, copy)
            config = config.replace(f"models/{model.name}/", f"{folder.as_posix()}/")
            (copy / _CONFIG).write_bytes(config.encode())
            load_config(copy / _CONFIG, [])
    except OSError as failure:
        raise UserError(f"NAME: cannot write {folder}: {failure.strerror or failure}") from None
    log.info("%s: a copy of %s with its sample data; next:", folder, model.name)
    for command in ("check_data", "trainer", "infer"):
        log.info("  python tools/%s.py -m %s", command, (folder / _CONFIG).as_posix())


def _model_folder(source: str) -> Path:
    """The folder of a model.

    Raises:
        UserError: there is none; naming those that there are.
    """
    for folder in (_MODELS / source, Path(source)):
        if (folder / "net.py").is_file() and (folder / _CONFIG).is_file():
            return folder
    names = sorted(path.parent.name for path in _MODELS.glob(f"*/{_CONFIG}"))
    hint = nearest(source, names) if names else "give the path of a model folder"
    raise UserError(f"--from: no model {source}; {hint}")


def _copy_data(model: Path, copy: Path) -> str:
    """Copy the data that the config names into `data/`; the config with the places it then has."""
    import yaml

    text = (model / _CONFIG).read_text(encoding="utf-8")
    for written in _texts(yaml.safe_load(text)["runner"]):
        data = model / written
        if not data.exists():
            continue
        target = copy / "data" / data.name
        if data.is_dir():
            shutil.copytree(data, target)
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(data, target)
        text = text.replace(f": {written}\n", f": data/{data.name}\n")
    return text


def _texts(block: dict[str, Any]) -> list[str]:
    return [value for value in block.values() if isinstance(value, str)]
