"""Checkpoints: whole or not there, checked before use, the same from either graph."""

import logging
import math
import platform
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Optional, TypeVar, cast

import numpy as np
import paddle
from paddle.version import full_version

import textzoo
from textzoo.config.model_folder import ModelFolder
from textzoo.data.teacher_vectors import Turn
from textzoo.distributed.sharding import load_shards, own_shards
from textzoo.errors import UserError
from textzoo.files import Listing, digests, foreign_files, new_folder, remove_folder, standing
from textzoo.linear.fusion import Fusion, load_fusion
from textzoo.linear.part import LinearPart
from textzoo.nets.pdparams import read_arrays
from textzoo.running.run import Run, misfits
from textzoo.training.facts import FACTS, OPTIMIZER, WEIGHTS, read_facts, write_facts

Loaded = TypeVar("Loaded")

log = logging.getLogger("textzoo")

BEST = "best"
_VOCABULARY = "vocabulary"
LINEAR, TEACHER = "linear", "teacher"
LISTING = Listing(
    FACTS,
    frozenset({"progress", "sha256"}),
    "a checkpoint",
    frozenset({FACTS, WEIGHTS, OPTIMIZER, _VOCABULARY, LINEAR, TEACHER, "shards"}),
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

    def linear(self, n_labels: int) -> LinearPart:
        """The linear part.

        Raises:
            UserError: it is damaged, or of another number of labels.
        """
        return self._of_linear(LinearPart.load, n_labels)

    def fusion(self, n_labels: int) -> Fusion:
        """What makes one score of the linear part's and the net's.

        Raises:
            UserError: it is damaged, or of another number of labels.
        """
        return self._of_linear(load_fusion, n_labels)

    def turn(self) -> Optional[Turn]:
        """How the vectors of the teacher were turned, if there was one.

        Raises:
            UserError: it is damaged.
        """
        folder = self.path / TEACHER
        if not any(name.startswith(f"{TEACHER}/") for name in self.facts["sha256"]):
            return None
        try:
            return Turn.load(folder)
        except ValueError as problem:
            raise UserError(f"{folder}: is damaged ({problem}); use another checkpoint") from None

    def _of_linear(self, load: Callable[[Path, int], Loaded], n_labels: int) -> Loaded:
        folder = self.path / LINEAR
        if f"{LINEAR}/weights_values.npy" in self.facts["sha256"]:
            raise UserError(
                f"{folder}: was saved by an earlier textzoo, whose linear parts were not deflated; "
                "train anew, or use that version"
            )
        try:
            return load(folder, n_labels)
        except ValueError as problem:
            raise UserError(f"{folder}: is damaged ({problem}); use another checkpoint") from None

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """The optimizer's accumulators.

        Raises:
            UserError: their file holds something else.
        """
        shards = load_shards(self.path, self.facts["sha256"])[1]
        return {**_read(self.path / OPTIMIZER), **shards}


def save_checkpoint(
    path: Path,
    parameters: dict[str, np.ndarray],
    optimizer_state: dict[str, np.ndarray],
    save_vocabulary: Callable[[Path], None],
    facts: dict[str, Any],
    save_more: Callable[[Path], None] = lambda folder: None,
    parts: Mapping[str, Callable[[Path], None]] = MappingProxyType({}),
) -> None:
    """Write a checkpoint to a temporary folder, sync it to disk, then rename it into place.

    Args:
        path: the folder to make; one that is there already is replaced.
        parameters: the weights by name.
        optimizer_state: the optimizer's accumulators by name.
        save_vocabulary: writes the reader's vocabulary to a folder.
        facts: what else describes the run, as JSON types.
        save_more: writes weights that this process does not hold whole to a folder.
        parts: what writes the linear part and the teacher's turn, by the names of their folders.

    Raises:
        UserError: the disk is full or cannot be written. Earlier checkpoints are as they were.
    """
    try:
        with new_folder(path, LISTING) as place:
            _save(parameters, place / WEIGHTS)
            _save(optimizer_state, place / OPTIMIZER)
            for name, save in {_VOCABULARY: save_vocabulary, **parts}.items():
                (place / name).mkdir()
                save(place / name)
            save_more(place)
            versions = {
                "textzoo": textzoo.__version__,
                "paddlepaddle": full_version,
                "python": platform.python_version(),
            }
            write_facts(place, {**facts, "versions": versions, "sha256": digests(place)})
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
    facts = read_facts(path)
    expected = facts["sha256"]
    try:
        actual = digests(path, list(expected))
    except OSError as failure:
        raise UserError(f"{failure.filename}: cannot be read: {failure.strerror}") from None
    for name, digest in expected.items():
        if actual[name] != digest:
            state = "missing" if actual[name] is None else "truncated or changed since it was saved"
            raise UserError(f"{path / name}: is {state}; use another checkpoint")
    return Checkpoint(path, facts, {**_read(path / WEIGHTS), **load_shards(path, expected)[0]})


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder in the order they were made; `best` is not among them."""
    if not folder.is_dir():
        return []
    found = [
        (step_of(path), path)
        for path in folder.iterdir()
        if NAME.fullmatch(path.name) and path.name != BEST and is_checkpoint(path)
    ]
    return [path for _, path in sorted(found, key=lambda pair: (pair[0], pair[1].name))]


def newest_checkpoint(folder: Path) -> Optional[Checkpoint]:
    """The newest whole checkpoint in a folder; damaged ones are named in the log and passed over.

    It is `best` where there is no other.

    Raises:
        UserError: there are checkpoints, but every one is damaged.
    """
    paths = list_checkpoints(folder) or [folder / BEST] * has_best(folder)
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
    return (folder / FACTS).is_file()


def has_best(folder: Path) -> bool:
    """Whether there is a `best` checkpoint."""
    return standing(folder / BEST).is_dir()


def remove_checkpoints(folder: Path, keep: int = 0) -> int:
    """Remove all but the newest `keep` checkpoints; `best` goes too when none is kept.

    One that holds files of something else is left alone, which is logged.

    Returns:
        How many were removed.
    """
    paths = list_checkpoints(folder)
    if keep:
        kept = [path for path in paths if step_of(path) != _DAMAGED][-keep:]
        doomed = [path for path in paths if path not in kept]
    else:
        doomed = [*paths, *folder.glob(BEST)]
    return _removed(doomed)


def remove_best(folder: Path) -> None:
    """Remove `best`, unless it holds files of something else."""
    _removed(folder.glob(BEST))


def _removed(doomed: Iterable[Path]) -> int:
    n_removed = 0
    for path in doomed:
        if path.is_symlink() or foreign_files(path, LISTING):
            log.warning("not removed: %s, which holds something other than a checkpoint", path)
        else:
            remove_folder(path)
            n_removed += 1
    return n_removed


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
    problems = misfits(expected, checkpoint.parameters)
    problems += [
        f"{name}: has numbers that are not finite: use an earlier checkpoint"
        for name, values in checkpoint.parameters.items()
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
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The input state dict is empty")  # without a step
        paddle.save(cast(dict[str, paddle.Tensor], values), str(path))  # arrays are not in its type


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path)
    except ValueError as problem:
        raise UserError(f"{path}: {problem}; use another checkpoint") from None
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None


def step_of(path: Path) -> float:
    """The step that a checkpoint was made at; infinity if it is damaged."""
    try:
        return read_facts(path)["progress"]["step"]
    except UserError:
        return _DAMAGED


def load_weights(run: Run, checkpoint: Checkpoint, folder: ModelFolder, source: str) -> None:
    """Give a run the weights of a checkpoint, after checking that they fit exactly."""
    expected = run.parameters()
    for name, n_rows in run.shards.items():
        expected[name] = np.broadcast_to(expected[name][:1], (n_rows, *expected[name].shape[1:]))
    check_fit(expected, checkpoint, folder.path.name, source)
    run.set_parameters(own_shards(checkpoint.parameters, run.shards))


def load_optimizer_state(run: Run, checkpoint: Checkpoint) -> None:
    """Give a run the accumulators of a checkpoint, after checking that they fit exactly.

    Before the first step there are none in dynamic graph, and only their first values in static.

    Raises:
        UserError: they do not.
    """
    if not checkpoint.facts["progress"]["step"]:
        return
    try:
        run.set_optimizer_state(own_shards(checkpoint.optimizer_state(), run.shards))
    except ValueError as problems:
        file = checkpoint.path / OPTIMIZER
        raise UserError(
            f"runner.resume: {file} does not fit this optimizer:\n  {problems}"
        ) from None
