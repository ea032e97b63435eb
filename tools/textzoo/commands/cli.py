"""From a command line to a recipe: arguments in, exit status out.

A command's recipe imports what needs Paddle inside itself, so that `--help`, and what is wrong with
the arguments, are answered without it.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Optional

from textzoo.devices import import_paddle
from textzoo.errors import UserError
from textzoo.training.interruption import Interrupted

_REQUIRED = ("hnswlib", "numpy", "paddle", "pydantic", "safetensors", "tokenizers", "tqdm", "yaml")


def run_with_config(
    name: str,
    recipe: Callable[[argparse.Namespace], Optional[int]],
    parser: argparse.ArgumentParser,
    arguments: Optional[Sequence[str]],
    trains: bool = False,
) -> int:
    """Parse the arguments of a command that takes a config, import Paddle, and run its recipe.

    Args:
        name: of the command.
        recipe: called with the parsed arguments.
        parser: with `-m` and `-o`, see `arguments.config_parser`.
        arguments: of the command line; default: those of this process.
        trains: whether several processes may share the work.
    """
    parsed = parser.parse_args(arguments)

    def run() -> Optional[int]:
        from textzoo.config.layers import read_layers
        from textzoo.distributed.launching import processes_to_start, run_processes

        # What cannot be read is said before Paddle is imported.
        read_layers(parsed.config, parsed.override)
        if trains and (n := processes_to_start(parsed.config, parsed.override)) > 1:
            given = sys.argv[1:] if arguments is None else arguments
            return run_processes(n, name.removesuffix(".py"), list(given))
        import_paddle()
        return recipe(parsed)

    return guarded(name, run)


def guarded(name: str, run: Callable[[], Optional[int]]) -> int:
    """Run a command; a user's mistake or a signal becomes its exit status.

    Any other exception is a fault of the program and keeps its traceback.
    """
    try:
        return run() or 0
    except UserError as mistake:
        print(f"{name}: {mistake}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as failure:
        if failure.name not in _REQUIRED:
            raise
        print(
            f"{name}: {failure.name} is not installed for {sys.executable}: activate the "
            "environment that TextZoo is installed in (source .venv/bin/activate), or install it: "
            "python -m pip install -e .",
            file=sys.stderr,
        )
        return 2
    except Interrupted as interruption:
        return interruption.exit_status
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
