"""The commands' entry points: arguments in, exit status out."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Optional

import textzoo
from textzoo.devices import import_paddle
from textzoo.errors import UserError
from textzoo.interruption import Interrupted

_EXAMPLES = """examples:
  {command} -m models/tagspace/config.yaml
  {command} -m config.yaml -o runner.epochs=3 hyper_parameters.win_size=5

-o takes any key of the config; doc/config.md lists them. A relative path in the config starts
from the config's folder, one given with -o from the working directory.

exit status: 0 done, 2 a mistake in config, data or arguments, 130 or 143 interrupted
"""


def trainer(arguments: Optional[list[str]] = None) -> int:
    """Train in dynamic graph."""
    return _command("trainer.py", "Train a model in dynamic graph.", arguments, _train("dygraph"))


def static_trainer(arguments: Optional[list[str]] = None) -> int:
    """Train in static graph."""
    return _command(
        "static_trainer.py", "Train a model in static graph.", arguments, _train("static")
    )


def infer(arguments: Optional[list[str]] = None) -> int:
    """Evaluate and predict in dynamic graph."""
    return _command(
        "infer.py", "Evaluate and predict in dynamic graph.", arguments, _infer("dygraph")
    )


def static_infer(arguments: Optional[list[str]] = None) -> int:
    """Evaluate and predict in static graph."""
    return _command(
        "static_infer.py", "Evaluate and predict in static graph.", arguments, _infer("static")
    )


def word_vectors(arguments: Optional[list[str]] = None) -> int:
    """Train word vectors."""

    def run(path: Path, overrides: list[str]) -> None:
        from textzoo.train_word_vectors import train_word_vectors

        train_word_vectors(path, overrides)

    description = "Train word vectors on a config's training texts, into its embedding.file."
    return _command("word_vectors.py", description, arguments, run)


def _train(graph: str) -> Callable[[Path, list[str]], None]:
    def run(path: Path, overrides: list[str]) -> None:
        from textzoo.train import train

        train(path, overrides, graph)

    return run


def _infer(graph: str) -> Callable[[Path, list[str]], None]:
    def run(path: Path, overrides: list[str]) -> None:
        from textzoo.infer import infer

        infer(path, overrides, graph)

    return run


def _command(
    name: str,
    description: str,
    arguments: Optional[list[str]],
    run: Callable[[Path, list[str]], None],
) -> int:
    """Parse the arguments, run, and turn a user's mistake or a signal into an exit status.

    Any other exception is a fault of the program and keeps its traceback.
    """
    parser = argparse.ArgumentParser(
        prog=name,
        description=description,
        epilog=_EXAMPLES.format(command=f"python tools/{name}"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-m", "--config", required=True, type=Path, metavar="CONFIG.yaml")
    parser.add_argument(
        "-o",
        "--override",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="set config keys; values are YAML",
    )
    parser.add_argument("--version", action="version", version=f"textzoo {textzoo.__version__}")
    parsed = parser.parse_args(arguments)
    try:
        import_paddle()
        run(parsed.config, parsed.override)
    except UserError as mistake:
        print(f"{name}: {mistake}", file=sys.stderr)
        return 2
    except Interrupted as interruption:
        return interruption.exit_status
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return 0
