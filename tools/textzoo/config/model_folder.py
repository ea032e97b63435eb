"""A model is a folder: loading its files under a private module name."""

import hashlib
import importlib.util
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
    """The classes that the files of a model folder define.

    Attributes:
        path: the folder.
        net: the network, a `paddle.nn.Layer`.
        reader: what turns a line of the user's file into ids.
        dygraph_model: `DygraphModel`, what a dynamic-graph run needs to know.
        static_model: `StaticModel`, what a static-graph run needs to know.
    """

    path: Path
    net: type
    reader: type[Reader]
    dygraph_model: type[ModelClass]
    static_model: type[ModelClass]


def load_model_folder(path: Path) -> ModelFolder:
    """Load a model folder as a package of its own, leaving `sys.path` alone.

    Two folders never clash, whatever their names: each is imported under a name made from its
    full path. Inside it, files import each other as `from .net import ...`.

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
    package = f"{_PREFIX}{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    restore_package(package, str(path))
    return ModelFolder(
        path,
        net=_class(package, path, "net", "Net"),
        reader=_class(package, path, "reader", "Reader"),
        dygraph_model=_class(package, path, "dygraph_model", "DygraphModel"),
        static_model=_class(package, path, "static_model", "StaticModel"),
    )


def restore_package(package: str, folder: str) -> None:
    """Let a model folder be imported under its private name, in this or another process."""
    if package.startswith(_PREFIX) and package not in sys.modules:
        module = ModuleType(package)
        module.__path__ = [folder]
        sys.modules[package] = module


def _class(package: str, path: Path, file: str, name: str) -> type:
    module = importlib.import_module(f"{package}.{file}")
    try:
        return getattr(module, name)
    except AttributeError:
        raise UserError(f"{path / file}.py: defines no class {name}") from None
