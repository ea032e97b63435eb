"""A model is a folder: loading its files under a private module name."""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Protocol

from textzoo.errors import UserError
from textzoo.text.reader import Reader

_PREFIX = "textzoo_model_"


class ModelClass(Protocol):
    """What a config asks of a model; all that a run asks is `running.model.Model`."""

    optimizers: ClassVar[Mapping[str, type]]
    kind: str
    text_column: str
    label_column: str

    def __init__(self, hyper_parameters: dict[str, Any]) -> None: ...

    def create_model(self) -> Any:
        """The net."""


@dataclass(frozen=True)
class ModelFolder:
    """The classes that the files of a model folder define; a file is imported when asked for.

    Attributes:
        path: the folder.
        package: the name that it is imported under.
    """

    path: Path
    package: str

    @property
    def net(self) -> type:
        """The network, a `paddle.nn.Layer`."""
        return self._class("net", "Net")

    @property
    def reader(self) -> type[Reader]:
        """What turns a line of the user's file into ids."""
        return self._class("reader", "Reader")

    @property
    def dygraph_model(self) -> type[ModelClass]:
        """`DygraphModel`, what a dynamic-graph run needs to know."""
        return self._class("dygraph_model", "DygraphModel")

    @property
    def static_model(self) -> type[ModelClass]:
        """`StaticModel`, what a static-graph run needs to know."""
        return self._class("static_model", "StaticModel")

    def _class(self, file: str, name: str) -> type:
        module = importlib.import_module(f"{self.package}.{file}")
        try:
            return getattr(module, name)
        except AttributeError:
            raise UserError(f"{self.path / file}.py: defines no class {name}") from None


def load_model_folder(path: Path, reader_alone: bool = False) -> ModelFolder:
    """Load a model folder as a package of its own, leaving `sys.path` alone.

    Two folders never clash, whatever their names: each is imported under a name made from its
    full path. Inside it, files import each other as `from .net import ...`.

    Args:
        path: the folder.
        reader_alone: leave the other files for later, and with them Paddle.

    Raises:
        UserError: a file or a class is missing. Errors inside the files keep their traceback.
    """
    path = path.resolve()
    needed = ["net.py", "reader.py", "dygraph_model.py", "static_model.py"]
    missing = [name for name in needed if not (path / name).is_file()]
    if missing:
        raise UserError(
            f"{path}: is not a model folder: {', '.join(missing)} missing. "
            "The config file must lie in the folder of its model"
        )
    package = f"{_PREFIX}{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"
    restore_package(package, str(path))
    folder = ModelFolder(path, package)
    for name in ("reader",) if reader_alone else ("net", "reader", "dygraph_model", "static_model"):
        getattr(folder, name)
    return folder


def restore_package(package: str, folder: str) -> None:
    """Let a model folder be imported under its private name, in this or another process."""
    if package.startswith(_PREFIX) and package not in sys.modules:
        module = ModuleType(package)
        module.__path__ = [folder]
        sys.modules[package] = module
