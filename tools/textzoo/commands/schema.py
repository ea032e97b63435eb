"""The JSON Schema of a model's configs, for editors: schema.py."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from textzoo.called import program
from textzoo.commands.cli import guarded
from textzoo.config.bundled import bundled_models, models_folder
from textzoo.devices import import_paddle
from textzoo.files import check_output, new_output


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The JSON Schema of a model's configs."""
    name = program("schema")
    parser = argparse.ArgumentParser(
        prog=name,
        description="Print the JSON Schema of a model's configs, by which editors complete and "
        "check them. A config names it: # yaml-language-server: $schema=config.schema.json",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "-m", "--config", type=Path, metavar="CONFIG.yaml", help="a config of the model"
    )
    source.add_argument("--model", choices=bundled_models(), help="a bundled model")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")
    parsed = parser.parse_args(arguments)

    return guarded(name, lambda: write_schema(parsed.config, parsed.model, parsed.output))


def write_schema(config: Optional[Path], model: Optional[str], output: Optional[Path]) -> None:
    """Write the JSON Schema of a model's configs.

    Args:
        config: one of them; without, `model` is the name of a bundled model.
        model: see `config`.
        output: default: standard output.

    Raises:
        UserError: there is no such config or model folder, or the file cannot be written.
    """
    from textzoo.config.layers import model_folder_of

    folder = model_folder_of(config) if config else models_folder() / (model or "")
    if output:
        read = [*folder.glob("*.py"), *folder.glob("*.yaml"), *([config] if config else [])]
        check_output(output, "--output", read)
    import_paddle()
    from textzoo.config.json_schema import schema_text
    from textzoo.config.model_folder import load_model_folder

    text = schema_text(load_model_folder(folder))
    if output is None:
        sys.stdout.write(text)
        return
    with new_output(output, "--output") as file:
        file.write(text.encode())
