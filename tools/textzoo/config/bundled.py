"""The model folders that come with the library: what setup.py packs, or those of a checkout."""

from pathlib import Path

from textzoo.called import command


def models_folder() -> Path:
    """The folder of the model folders."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "models"
    return packed if packed.is_dir() else package.parents[1] / "models"


def bundled_models() -> list[str]:
    """The names of the model folders."""
    return sorted(path.parent.name for path in models_folder().glob("*/config.yaml"))


def hint_to_copy(missing: Path) -> str:
    """What to say of a config that is not there, and is named like one of a bundled model."""
    named = {missing.name, missing.parent.name}
    name = next((name for name in bundled_models() if name in named), None)
    return f"; {command('new_model')} NAME --from {name} makes a folder with one" if name else ""
