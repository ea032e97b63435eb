"""How the present command was called, so that what it says of others can be called alike.

A command is a script of a checkout's `tools/`, or a subcommand of `textzoo`, which the package
installs. Within Python it is spoken of as the latter.
"""

import sys
from pathlib import Path

_SUBCOMMANDS = {"trainer": "train", "static_trainer": "static-train", "new_model": "new"}


def subcommand(script: str) -> str:
    """The subcommand of `textzoo` that does what a script of `tools/` does.

    Args:
        script: without its ending, such as `static_trainer`.
    """
    return _SUBCOMMANDS.get(script, script.replace("_", "-"))


def is_script() -> bool:
    """Whether the present command is a script of `tools/`."""
    called = _called()
    tools = Path(__file__).resolve().parents[1]  # of a checkout
    return called.suffix == ".py" and called.resolve().parent == tools


def program(script: str) -> str:
    """What a command is spoken of as: `trainer.py`, or `textzoo train`."""
    return f"{script}.py" if is_script() else f"{package()} {subcommand(script)}"


def command(script: str) -> str:
    """What to type for a command: `python tools/trainer.py`, or `textzoo train`."""
    if not is_script():
        return program(script)
    path = _called().with_name(f"{script}.py").as_posix()
    return f'python "{path}"' if " " in path else f"python {path}"


def package() -> str:
    """The command that the package installs, `textzoo`, as it was called."""
    called = _called()
    by_module = called.name == "__main__.py" and called.parent == Path(__file__).parent
    return "python -m textzoo" if by_module else "textzoo"


def _called() -> Path:
    return Path(sys.argv[0] if sys.argv else "")
