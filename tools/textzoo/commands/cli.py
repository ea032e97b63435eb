"""From a command line to a recipe: arguments in, exit status out.

A command's recipe imports what needs Paddle inside itself, so that `--help`, and what is wrong with
the arguments, are answered without it.
"""

import argparse
import contextlib
import errno
import importlib
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Optional

from textzoo.called import is_script, program
from textzoo.devices import import_paddle
from textzoo.errors import OutputLost, UserError
from textzoo.training.interruption import Interrupted, raising_signals

_SIGPIPE = 13  # which Windows lacks
# What a path or a machine may be short of, wherever it shows.
_OF_THE_MACHINE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP),
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
)
_NO_MEMORY = re.compile(r"ResourceExhausted|bad_alloc|[Nn]ot enough memory|allocate memory")
OUT_OF_MEMORY = (
    "out of memory: lower runner.train_batch_size (or infer_batch_size), reader.max_len, or the "
    "sizes of hyper_parameters"
)
_REQUIRED = ("numpy", "paddle", "pydantic", "safetensors", "tokenizers", "tqdm", "yaml")


def run_with_config(
    name: str,
    recipe: Callable[[argparse.Namespace], Optional[int]],
    parser: argparse.ArgumentParser,
    arguments: Optional[Sequence[str]],
    trains: bool = False,
    needs_paddle: bool = True,
) -> int:
    """Parse the arguments of a command that takes a config, import Paddle, and run its recipe.

    Args:
        name: of the command's script, such as `trainer`.
        recipe: called with the parsed arguments.
        parser: with `-m` and `-o`, see `arguments.config_parser`.
        arguments: of the command line; default: those of this process.
        trains: whether several processes may share the work.
        needs_paddle: whether the recipe computes with a net.
    """
    parsed = parser.parse_args(arguments)

    def run() -> Optional[int]:
        from textzoo.config.layers import read_layers
        from textzoo.distributed.launching import (
            nodes_to_join,
            processes_to_start,
            run_processes,
        )

        # What cannot be read is said before Paddle is imported.
        read_layers(parsed.config, parsed.override)
        if trains:
            n = processes_to_start(parsed.config, parsed.override)
            nodes = nodes_to_join(parsed.config, parsed.override)
            if n > 1 or nodes:
                given = sys.argv[1:] if arguments is None else arguments
                return run_processes(n, name, list(given), nodes)
        if needs_paddle:
            import_paddle()
        return recipe(parsed)

    return guarded(program(name), run)


def start(module: str, function: str = "main") -> int:
    """Import a command and run it: what a script of `tools/` does.

    Args:
        module: of `textzoo.commands`.
        function: of the module.
    """

    def run() -> int:
        return getattr(importlib.import_module(f"textzoo.commands.{module}"), function)()

    return guarded(os.path.basename(sys.argv[0]), run)


def guarded(name: str, run: Callable[[], Optional[int]]) -> int:
    """Run a command; a mistake or a signal, and what the machine lacks, become its exit status.

    Any other exception is a fault of the program and keeps its traceback. What is printed is UTF-8,
    whatever the locale is.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not so where something stands in for it
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        with raising_signals():
            try:
                status = run() or 0
            except SystemExit:  # argparse has printed its help
                sys.stdout.flush()
                raise
            sys.stdout.flush()
            return status
    except UserError as mistake:
        return _refuse(name, str(mistake))
    except ModuleNotFoundError as failure:
        if failure.name not in _REQUIRED:
            raise
        return _refuse(
            name,
            f"{failure.name} is not installed for {sys.executable}: activate the environment that "
            "TextZoo is installed in (source .venv/bin/activate), or install it: python -m pip "
            f"install {'-e .' if is_script() else 'textzoo'}",
        )
    except Interrupted as interruption:
        return interruption.exit_status
    except KeyboardInterrupt as stop:
        print(f"{name}: interrupted", file=sys.stderr)
        return getattr(stop, "exit_status", 128 + signal.SIGINT)
    except (OSError, OutputLost) as failure:
        cause = failure.__cause__ if isinstance(failure, OutputLost) else failure
        if isinstance(cause, BrokenPipeError):
            return _without_reader()
        if not isinstance(cause, OSError) or cause.errno not in _OF_THE_MACHINE:
            raise
        place = "standard output" if isinstance(failure, OutputLost) else cause.filename
        return _refuse(name, ": ".join(filter(None, [place and str(place), cause.strerror])))
    except (MemoryError, RuntimeError) as failure:
        if not lacks_memory(failure):
            raise
        return _refuse(name, OUT_OF_MEMORY)


def lacks_memory(failure: Exception) -> bool:
    """Whether it is that there is too little memory, whoever says so."""
    return isinstance(failure, MemoryError) or bool(_NO_MEMORY.search(str(failure)))


def _refuse(name: str, message: str) -> int:
    print(f"{name}: {message}", file=sys.stderr)
    return 2


def _without_reader() -> int:
    """End as if SIGPIPE had: whoever read the output, such as `head`, has enough."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor, as in tests
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # else Python complains as it flushes them
            os.dup2(nowhere, stream.fileno())
    return 128 + _SIGPIPE
