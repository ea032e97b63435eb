"""Checkpoints: whole or not there, checked before use, the same from either graph."""

import json
import logging
import math
import platform
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, cast

import numpy as np
import paddle
from paddle.version import full_version

import textzoo
from textzoo.config.model_folder import ModelFolder
from textzoo.distributed.sharding import load_shards, own_shards
from textzoo.errors import UserError
from textzoo.files import Listing, digests, new_folder, standing, write_text
from textzoo.running.run import Run

log = logging.getLogger("textzoo")

BEST = "best"
_FACTS = "checkpoint.json"
_WEIGHTS = "rec.pdparams"
_OPTIMIZER = "rec.pdopt"
_VOCABULARY = "vocabulary"
_LISTING = Listing(
    _FACTS,
    frozenset({"progress", "sha256"}),
    "a checkpoint",
    frozenset({_FACTS, _WEIGHTS, _OPTIMIZER, _VOCABULARY, "shards"}),
)
NAME = re.compile(r"(?:\d+|step_\d+|best)")
_DAMAGED = math.inf  # sorts as the newest, so that it is named before an older one is taken


@dataclass
class Checkpoint:
    """A checkpoint that was found whole.

    Attributes:
        path: its folder.
        facts: the content of `checkpoint.json`: model, progress, resolved config, versions.
        parameters: the weights by name.
    """

    path: Path
    facts: dict[str, Any]
    parameters: dict[str, np.ndarray]

    @property
    def vocabulary(self) -> Path:
        """The folder of vocabulary files that the model's reader loads."""
        return self.path / _VOCABULARY

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """The optimizer's accumulators."""
        state = paddle.load(str(self.path / _OPTIMIZER), return_numpy=True)
        return {**state, **load_shards(self.path)[1]}


def save_checkpoint(
    path: Path,
    parameters: dict[str, np.ndarray],
    optimizer_state: dict[str, np.ndarray],
    save_vocabulary: Callable[[Path], None],
    facts: dict[str, Any],
    save_more: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Write a checkpoint to a temporary folder, sync it to disk, then rename it into place.

    Args:
        path: the folder to make; one that is there already is replaced.
        parameters: the weights by name.
        optimizer_state: the optimizer's accumulators by name.
        save_vocabulary: writes the reader's vocabulary to a folder.
        facts: what else describes the run, as JSON types.
        save_more: writes weights that this process does not hold whole to a folder.

    Raises:
        UserError: the disk is full or cannot be written. Earlier checkpoints are as they were.
    """
    try:
        with new_folder(path, _LISTING) as place:
            _save(parameters, place / _WEIGHTS)
            _save(optimizer_state, place / _OPTIMIZER)
            (place / _VOCABULARY).mkdir()
            save_vocabulary(place / _VOCABULARY)
            save_more(place)
            versions = {
                "textzoo": textzoo.__version__,
                "paddlepaddle": full_version,
                "python": platform.python_version(),
            }
            facts = {**facts, "versions": versions, "sha256": digests(place)}
            write_text(place / _FACTS, json.dumps(facts, ensure_ascii=False, indent=1))
    except OSError as failure:
        raise UserError(
            f"cannot save the checkpoint {path}: {failure.strerror or failure}. Earlier "
            "checkpoints are intact: make room and run the same command again, or choose another "
            "folder with -o runner.model_save_path=PATH"
        ) from None


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, checking every file against its checksum.

    Raises:
        UserError: it is not a checkpoint, or a file of it is missing or damaged.
    """
    path = standing(path)
    try:
        facts = json.loads((path / _FACTS).read_text(encoding="utf-8"))
        expected = dict(facts["sha256"])
    except FileNotFoundError:
        found = "a folder without it" if path.is_dir() else "no such folder"
        raise UserError(f"{path}: is not a checkpoint: expected {_FACTS}, found {found}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path / _FACTS}: is damaged; use another checkpoint") from None
    actual = digests(path, list(expected))
    for name, digest in expected.items():
        if actual[name] != digest:
            state = "missing" if actual[name] is None else "truncated or changed since it was saved"
            raise UserError(f"{path / name}: is {state}; use another checkpoint")
    parameters = paddle.load(str(path / _WEIGHTS), return_numpy=True)
    return Checkpoint(path, facts, {**parameters, **load_shards(path)[0]})


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder in the order they were made; `best` is not among them."""
    if not folder.is_dir():
        return []
    found = [
        (_step(path), path)
        for path in folder.iterdir()
        if NAME.fullmatch(path.name) and path.name != BEST and is_checkpoint(path)
    ]
    return [path for _, path in sorted(found, key=lambda pair: (pair[0], pair[1].name))]


def newest_checkpoint(folder: Path) -> Optional[Checkpoint]:
    """The newest whole checkpoint in a folder; damaged ones are named in the log and passed over.

    Raises:
        UserError: there are checkpoints, but every one is damaged.
    """
    paths = list_checkpoints(folder)
    for path in reversed(paths):
        try:
            return load_checkpoint(path)
        except UserError as damage:
            log.warning("passed over: %s", damage)
    if paths:
        raise UserError(
            f"{folder}: every checkpoint is damaged; start over with -o runner.resume=none"
        )
    return None


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder looks like a checkpoint."""
    return (folder / _FACTS).is_file()


def has_best(folder: Path) -> bool:
    """Whether there is a `best` checkpoint."""
    return standing(folder / BEST).is_dir()


def remove_checkpoints(folder: Path, keep: int = 0) -> int:
    """Remove all but the newest `keep` checkpoints; `best` goes too when none is kept.

    Returns:
        How many were removed.
    """
    paths = list_checkpoints(folder)
    if keep:
        kept = [path for path in paths if _step(path) != _DAMAGED][-keep:]
        doomed = [path for path in paths if path not in kept]
    else:
        doomed = [*paths, *folder.glob(BEST)]
    for path in doomed:
        shutil.rmtree(path)
    return len(doomed)


def check_fit(
    expected: dict[str, np.ndarray], checkpoint: Checkpoint, model: str, source: str
) -> None:
    """Refuse a checkpoint whose tensors are not exactly those of the net, or not all finite.

    Args:
        expected: the net's own weights.
        checkpoint: what is to be loaded.
        model: the name of this model.
        source: the config key that chose the checkpoint.

    Raises:
        UserError: listing missing, unexpected and misshapen tensors, and such with NaN or infinity.
    """
    received = checkpoint.parameters
    problems = [f"missing: {name}" for name in expected if name not in received]
    problems += [f"unexpected: {name}" for name in received if name not in expected]
    problems += [
        f"{name}: the checkpoint has {list(received[name].shape)}, "
        f"the net {list(expected[name].shape)}"
        for name in expected
        if name in received and received[name].shape != expected[name].shape
    ]
    problems += [
        f"{name}: has numbers that are not finite: use an earlier checkpoint"
        for name, values in received.items()
        if not np.isfinite(values).all()
    ]
    if not problems:
        return
    theirs = checkpoint.facts.get("model")
    raise UserError(
        f"{source}: the checkpoint {checkpoint.path} of model {theirs!r} does not fit "
        f"this net (model {model!r}):\n  " + "\n  ".join(problems)
    )


def _save(values: dict[str, np.ndarray], path: Path) -> None:
    paddle.save(cast(dict[str, paddle.Tensor], values), str(path))  # arrays are not in its type


def _step(path: Path) -> float:
    try:
        return int(json.loads((path / _FACTS).read_text(encoding="utf-8"))["progress"]["step"])
    except (ValueError, KeyError, TypeError):
        return _DAMAGED


def load_weights(run: Run, checkpoint: Checkpoint, folder: ModelFolder, source: str) -> None:
    """Give a run the weights of a checkpoint, after checking that they fit exactly."""
    expected = run.parameters()
    for name, n_rows in run.shards.items():
        expected[name] = np.broadcast_to(expected[name][:1], (n_rows, *expected[name].shape[1:]))
    check_fit(expected, checkpoint, folder.path.name, source)
    run.set_parameters(own_shards(checkpoint.parameters, run.shards))
