"""Whether all processes of a run were given the same: versions, settings, data, a checkpoint."""

import os
from typing import Any

from paddle.version import full_version

import textzoo
from textzoo.config.checking import Config, differences
from textzoo.distributed.collectives import gather, n_processes, own_address
from textzoo.errors import UserError

# What may differ from machine to machine; so may all paths.
_OF_A_MACHINE = ("processes", "num_workers", "master")


def check_settings(config: Config) -> None:
    """Refuse, in all processes, to train with different versions or settings.

    Raises:
        UserError: naming what differs, and where.
    """
    settings = config.resolved()
    for key in _OF_A_MACHINE:
        del settings["runner"][key]
    versions = {"textzoo": textzoo.__version__, "paddle": full_version}
    check_alike({**versions, **_without_paths(settings)})


def check_alike(facts: dict[str, Any]) -> None:
    """Refuse, in all processes, to train with different things.

    Args:
        facts: what all must have alike, by name.

    Raises:
        UserError: naming what differs, and where.
    """
    if n_processes() == 1:
        return
    (first, expected), *others = gather((own_address(), facts))
    for rank, (address, theirs) in enumerate(others, start=1):
        if found := differences(expected, theirs):
            raise UserError(
                f"process {rank} at {address} (there) was given other things than process 0 at "
                f"{first} (here):\n  " + "\n  ".join(found) + "\nStart the same command on all "
                "machines, with the same data, and runner.model_save_path in a folder they share"
            )


def _without_paths(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_paths(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_paths(inner) for inner in value]
    return None if isinstance(value, str) and os.path.isabs(value) else value
