"""The model folders that come with the library: what setup.py packs, or those of a checkout."""

import os
from pathlib import Path
from typing import Optional

from textzoo.called import command


def models_folder() -> Path:
    """The folder of the model folders."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "models"
    return packed if packed.is_dir() else package.parents[1] / "models"


def bundled_models() -> list[str]:
    """The names of the model folders."""
    return sorted(path.parent.name for path in models_folder().glob("*/config.yaml"))


def bundled_config(name: str) -> Optional[Path]:
    """The config of a bundled model by its name, or another of its configs; None: there is none.

    Args:
        name: such as `tagspace`, or `tagspace/config_linear.yaml`.
    """
    model, _, file = name.partition("/")
    path = models_folder() / model / (file or "config.yaml")
    return path if model in bundled_models() and os.path.isfile(path) else None


def hint_to_copy(missing: Path) -> str:
    """What to say of a config that is not there, and is named like one of a bundled model."""
    named = {missing.name, missing.parent.name}
    name = next((name for name in bundled_models() if name in named), None)
    return f"; {command('new_model')} NAME --from {name} makes a folder with one" if name else ""
