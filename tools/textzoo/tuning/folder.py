"""The folder of a study: the database, the trials in plain text, the best config and its run."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from textzoo.config.dotted import nested
from textzoo.errors import UserError
from textzoo.files import remove_folder, remove_leftovers, write_text
from textzoo.logs import start_logging
from textzoo.progress import DEFAULT_SECONDS
from textzoo.report.recorded import BEST_CONFIG, TRIALS
from textzoo.starting.config_text import config_text
from textzoo.starting.settings import Chosen
from textzoo.training.locking import LOCK, is_lock, only_trainer
from textzoo.tuning.study import Settings, Trial

DATABASE = "study.db"
_LOG = "tune.log"
_HEADER = "Found by textzoo tune: "
_RUN = re.compile(r"trial_(\d+)")


class StudyFolder:
    """Where a study is. What stands in it beside what is named here stays as it is.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path):
        self.path = path

    @contextmanager
    def held(self, seconds: float = DEFAULT_SECONDS) -> Iterator[None]:
        """Hold it against other commands, and log to it.

        Args:
            seconds: see `start_logging`.

        Raises:
            UserError: another command holds it, it is of something else, or cannot be written.
        """
        with ExitStack() as stack:
            try:
                self._check()
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(only_trainer(self.path, "--output", "--output DIR"))
                start_logging(self.path / _LOG, seconds=seconds)
            except OSError as failure:
                raise UserError(
                    f"--output: cannot write {failure.filename}: {failure.strerror}; choose "
                    "another folder"
                ) from None
            yield

    def _check(self) -> None:
        """Refuse a folder that holds something else, such as a run or a model."""
        if os.path.lexists(self.path) and not self.path.is_dir():
            raise UserError(f"--output: {self.path} is a file; expected a folder to make")
        if not self.path.is_dir() or self.database.is_file():
            return
        foreign = [path.name for path in sorted(self.path.iterdir()) if not _is_ours(path)]
        if foreign:
            raise UserError(
                f"--output: {self.path} holds something other than a study: "
                f"{', '.join(foreign[:5])}; choose a folder that is new or empty"
            )

    @property
    def database(self) -> Path:
        """The database of Optuna."""
        return self.path / DATABASE

    @property
    def best_config(self) -> Path:
        """The config with the best settings."""
        return self.path / BEST_CONFIG

    def run_of(self, number: int) -> Path:
        """The `model_save_path` of a trial."""
        return self.path / f"trial_{number}"

    def keep(self, trials: list[Trial], best: int, metric: str) -> None:
        """Write down the trials, and remove the runs of all but the best one.

        Args:
            trials: all that have ended.
            best: the number of the best one; -1: there is none.
            metric: what judged them.
        """
        told = ({"metric": metric, **trial._asdict()} for trial in trials)
        lines = (json.dumps(trial, ensure_ascii=False) + "\n" for trial in told)
        write_text(self.path / TRIALS, "".join(lines))
        remove_leftovers(self.path, names=_RUN.pattern)
        for path in self.path.iterdir():
            found = _RUN.fullmatch(path.name)
            if found and int(found[1]) <= len(trials) and int(found[1]) != best and path.is_dir():
                remove_folder(path)

    def write_best(
        self, base: Path, trial: Trial, own: Settings, given: Settings, header: list[str]
    ) -> None:
        """Write the best config.

        Args:
            base: the config that was tuned.
            trial: the best one.
            own: the values that the config has itself.
            given: those of `-o`.
            header: what stands above it, in lines.
        """
        found = {
            key: Chosen(value, f"was {json.dumps(own[key], ensure_ascii=False)}")
            for key, value in trial.settings.items()
            if value != own[key]
        }
        place = {"runner.model_save_path": Chosen(f"trial_{trial.number}", "its run")}
        settings = {"base": _relative(base, self.path), **nested({**given, **found, **place})}
        write_text(self.best_config, config_text([_HEADER + header[0], *header[1:]], settings))


def _is_ours(path: Path) -> bool:
    """Whether it is what a command leaves that was killed before there was a database."""
    if path.name == LOCK:
        return path.is_file() and is_lock(path.read_bytes())
    return path.name == _LOG


def _relative(path: Path, folder: Path) -> str:
    """A path as a config in a folder says it."""
    real = Path(os.path.realpath(path))
    try:
        return Path(os.path.relpath(real, os.path.realpath(folder))).as_posix()
    except ValueError:  # on another drive of Windows
        return real.as_posix()
