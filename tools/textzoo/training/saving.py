"""The checkpoints that a training run leaves: what is in them, and when earlier ones go."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textzoo.config.checking import Config
from textzoo.devices import process_rank
from textzoo.distributed.collectives import barrier, broadcast
from textzoo.distributed.sharding import save_shards, split_off
from textzoo.errors import UserError
from textzoo.files import check_folder, remove_leftovers
from textzoo.logs import start_logging
from textzoo.progress import DEFAULT_SECONDS
from textzoo.running.run import Run
from textzoo.text.reader import Reader
from textzoo.training.checkpoint import (
    BEST,
    LISTING,
    NAME,
    remove_checkpoints,
    save_checkpoint,
)
from textzoo.training.facts import Progress
from textzoo.training.locking import LOCK, is_lock, only_trainer
from textzoo.training.run_log import METRICS, has_reports

_LOG = "train.log"


@dataclass(frozen=True)
class Saving:
    """Saves a run under a name; every process calls it, and all go on when it is done.

    Attributes:
        model: the name of the model's folder.
        config: as it was resolved, kept in the checkpoint.
        run: whose weights and optimizer to save.
        reader: whose vocabulary to save.
        contents: the checksums of the data, see `TrainingData.contents`.
        progress: where the run stands.
        parts: see `save_checkpoint`.
    """

    model: str
    config: Config
    run: Run
    reader: Reader
    contents: dict[str, list[str]]
    progress: Progress
    parts: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)

    def __call__(self, name: str) -> None:
        """Write the checkpoint of this name; process 0 does, others add what they alone hold."""
        if not process_rank() or self.run.shards:
            self._write(name)
        barrier()

    def _write(self, name: str) -> None:
        shards, runner = self.run.shards, self.config.runner
        weights, own_weights = split_off(self.run.parameters(), shards)
        state, own_state = split_off(self.run.optimizer_state(), shards)
        own = {**own_weights, **own_state}
        if process_rank():
            save_shards(broadcast(None), own, shards)
            return

        def save_own(place: Path) -> None:
            if own:
                save_shards(broadcast(place), own, shards)

        path = runner.model_save_path / name
        save_checkpoint(path, weights, state, self.reader.save, self._facts(), save_own, self.parts)
        if name != BEST and runner.keep_checkpoints:
            remove_checkpoints(runner.model_save_path, runner.keep_checkpoints)

    def _facts(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "kind": self.run.model.kind,
            "progress": dataclasses.asdict(self.progress),
            "data": self.contents,
            "config": self.config.resolved(),
        }


@contextmanager
def output_folder(folder: Path, seconds: float = DEFAULT_SECONDS) -> Iterator[None]:
    """Hold the folder of a run, tidy up what a killed run left in it, and log to it.

    A folder that was not there is none again if the user's mistake ends the run before it has
    left anything.

    Args:
        folder: the run's `model_save_path`.
        seconds: see `start_logging`.

    Raises:
        UserError: another trainer holds it, it cannot be written, or something else than what a
            run writes has the name of that.
    """
    if process_rank():
        start_logging(seconds=seconds)
        yield
        return
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with _removed_if_refused(made), ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check_files(folder)
            stack.enter_context(only_trainer(folder))
            _check_names(folder)
            remove_leftovers(folder, names=NAME.pattern)
            start_logging(folder / _LOG, seconds=seconds)
        except OSError as failure:
            raise UserError(
                f"runner.model_save_path: cannot write {failure.filename}: {failure.strerror}; "
                "choose another folder with -o runner.model_save_path=PATH"
            ) from None
        yield


@contextmanager
def _removed_if_refused(made: list[Path]) -> Iterator[None]:
    """Remove folders, the innermost first, if nothing but a log is in them after a mistake."""
    try:
        yield
    except UserError:
        with suppress(OSError):  # such as of Windows, where the log is still open
            if made and {path.name for path in made[0].iterdir()} <= {_LOG, LOCK}:
                for path in made[0].iterdir():
                    path.unlink()
                for place in made:
                    place.rmdir()
        raise


def _check_files(folder: Path) -> None:
    """Refuse what stands where a run writes its files and is of none."""
    for name, is_ours in ((LOCK, is_lock), (METRICS, has_reports), (_LOG, None)):
        path = folder / name
        if path.is_symlink() or (path.exists() and not path.is_file()):
            problem = "is a link or no file"
        elif is_ours and path.exists() and not is_ours(path.read_bytes()):
            problem = "was not written by a run"
        else:
            continue
        raise UserError(
            f"runner.model_save_path: {path} {problem}; expected the file of an earlier run, or "
            "nothing: move it elsewhere, or choose another folder with -o "
            "runner.model_save_path=PATH"
        )


def _check_names(folder: Path) -> None:
    """Refuse what stands where checkpoints are written and is none."""
    for path in folder.iterdir():
        if NAME.fullmatch(path.name):
            if path.is_symlink():
                raise UserError(
                    f"runner.model_save_path: {path} is a link; expected a checkpoint, or nothing: "
                    "move it elsewhere, or choose another folder with -o "
                    "runner.model_save_path=PATH"
                )
            check_folder(path, LISTING, "runner.model_save_path")
