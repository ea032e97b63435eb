"""What a run starts from: nothing, the weights of a checkpoint, or where an earlier run stood."""

import logging
from pathlib import Path
from typing import NamedTuple, Optional

from textzoo.config.checking import Config, differences
from textzoo.config.model_folder import ModelFolder
from textzoo.config.schema import IndexSettings, Runner
from textzoo.data.teacher_vectors import Turn
from textzoo.devices import process_rank
from textzoo.errors import UserError
from textzoo.files import copy_files, new_file, new_folder
from textzoo.running.building import initialise
from textzoo.running.optimizer import learning_rate
from textzoo.running.run import Run
from textzoo.text.reader import Reader
from textzoo.training.checkpoint import (
    BEST,
    LISTING,
    Checkpoint,
    has_best,
    list_checkpoints,
    load_checkpoint,
    load_optimizer_state,
    load_weights,
    newest_checkpoint,
    remove_best,
    remove_checkpoints,
    step_of,
)
from textzoo.training.facts import Progress
from textzoo.training.label_transfer import start_from
from textzoo.training.loop import Training
from textzoo.training.run_log import METRICS

log = logging.getLogger("textzoo")

# A run can only be gone on with if these are as they were: what it computes depends on them, and
# what its validation metrics mean.
_FIXED = (
    *("train_batch_size", "length_pool", "accumulate_steps"),
    *("max_grad_norm", "seed", "valid_fraction", "valid_corpus_texts", "left_out_fold"),
    *("threshold", "propensity_a", "propensity_b"),
)
_FIXED_INDEX = (
    *("center", "lexical_weight", "lexical_features", "lexical_ngram_max", "lexical_weighting"),
)
_INDEX, _RUNNER = IndexSettings().model_dump(), Runner().model_dump()


class Start(NamedTuple):
    """What a run starts from.

    Attributes:
        checkpoint: None: random weights.
        resumed: whether the run goes on from it, or only takes its weights and vocabulary.
    """

    checkpoint: Optional[Checkpoint]
    resumed: bool

    @property
    def vocabulary(self) -> Optional[Path]:
        """The folder of the vocabulary to keep to, if there is one."""
        return self.checkpoint.vocabulary if self.checkpoint else None

    def check_data(self, contents: dict[str, list[str]]) -> None:
        """Refuse to go on with other data.

        Raises:
            UserError: a file has changed since.
        """
        if self.resumed and self.checkpoint and self.checkpoint.facts["data"] != contents:
            before, what = self.checkpoint.facts["data"], "the data have"
            models = {"teacher": "the teacher", "encoder": "hyper_parameters.linear.embeddings"}
            for key, name in models.items():
                if before.get(key) != contents.get(key):
                    what = f"{name} has"
            raise UserError(
                f"runner.resume: {what} changed since {self.checkpoint.path} was saved; "
                "start over with -o runner.resume=none, or from its weights with "
                "runner.model_init_path"
            )

    def turn(self, contents: dict[str, list[str]]) -> Optional[Turn]:
        """How the vectors of the same teacher were turned in the run that the checkpoint is of.

        A student that starts from it has learned them so.

        Raises:
            UserError: it is damaged.
        """
        turn = self.checkpoint.turn() if self.checkpoint else None
        if self.checkpoint is None or turn is None:
            return None
        if self.checkpoint.facts["data"].get("teacher") == contents["teacher"]:
            return turn
        log.info(
            "hyper_parameters.teacher: %s learned from another one, or from one with other "
            "settings: the vectors to learn are turned in another way than those",
            self.checkpoint.path,
        )
        return None

    def tell_rate(self, training: Training) -> None:
        """Say in the log where another number of epochs moves the learning rate."""
        progress, runner = training.progress, training.runner
        if not (self.resumed and self.checkpoint) or progress.epoch >= runner.epochs:
            return
        earlier = self.checkpoint.facts["config"]["runner"]["epochs"]
        before, now = (
            learning_rate(training.optimizer, progress.step, n_steps)
            for n_steps in (training.total_steps // runner.epochs * earlier, training.total_steps)
        )
        if before != now:
            log.warning(
                "runner.epochs: received %d, the run had %d before: the %s schedule goes on with a "
                "learning rate of %.3g in place of %.3g",
                *(runner.epochs, earlier, training.optimizer.schedule, now, before),
            )

    def give(self, run: Run, config: Config, folder: ModelFolder, reader: Reader) -> Progress:
        """Give a new run its weights, and a resumed one its optimizer; says so in the log.

        Checkpoints of an earlier run are removed where this one starts over.

        Returns:
            Where the run stands.

        Raises:
            UserError: the checkpoint does not fit the net or its optimizer.
        """
        if self.checkpoint is None:
            initialise(run, config, reader)
        elif self.resumed:
            load_weights(run, self.checkpoint, folder, "runner.resume")
        else:
            start_from(run, self.checkpoint, config, folder, reader)
        if self.resumed and self.checkpoint:
            load_optimizer_state(run, self.checkpoint)
            progress = Progress(**self.checkpoint.facts["progress"])
            log.info("going on from %s (step %d)", self.checkpoint.path, progress.step)
            _bring_along(progress, self.checkpoint.path, config.runner.model_save_path)
            return progress
        if not process_rank() and (removed := remove_checkpoints(config.runner.model_save_path)):
            log.info("starting over: removed %d checkpoint(s) of an earlier run", removed)
        return Progress()


def starting_point(config: Config) -> Start:
    """What the config says that its run is to start from.

    Raises:
        UserError: there is no such checkpoint, it is damaged, or a run cannot go on from it.
    """
    runner = config.runner
    if runner.resume == "auto":
        checkpoint = newest_checkpoint(runner.model_save_path)
    elif runner.resume == "none":
        checkpoint = None
    else:
        checkpoint = load_checkpoint(Path(runner.resume))
        _check_nothing_later(checkpoint, runner.model_save_path)
    if checkpoint:
        _check_resumable(config, checkpoint)
        return Start(checkpoint, resumed=True)
    if runner.model_init_path:
        return Start(load_checkpoint(runner.model_init_path), resumed=False)
    return Start(None, resumed=False)


def _check_resumable(config: Config, start: Checkpoint) -> None:
    ours, theirs = config.resolved(), dict(start.facts["config"])
    for resolved in (ours, theirs):
        index, runner = resolved.get("index", {}), resolved["runner"]
        # Earlier checkpoints have fewer keys.
        resolved["index"] = {key: index.get(key, _INDEX[key]) for key in _FIXED_INDEX}
        resolved["runner"] = {key: runner.get(key, _RUNNER[key]) for key in _FIXED}
    changed = differences(ours, theirs)
    if changed:
        raise UserError(
            f"runner.resume: {start.path} was trained with other settings:\n  "
            + "\n  ".join(changed)
            + "\nStart over with -o runner.resume=none (this removes the earlier run's "
            "checkpoints), or choose another folder with -o runner.model_save_path=PATH"
        )


def _check_nothing_later(start: Checkpoint, folder: Path) -> None:
    """Refuse to go on from a checkpoint in a folder that has later ones, or those of another run.

    They would be replaced one by one, and until then be taken for those of the new run.
    """
    later = list_checkpoints(folder)
    if _is_of(start.path, folder):
        later = [path for path in later if step_of(path) > start.facts["progress"]["step"]]
    elif has_best(folder):
        later.append(folder / BEST)
    if later:
        names = ", ".join(path.name for path in later)
        raise UserError(
            f"runner.resume: {folder} holds other checkpoints than those before {start.path}: "
            f"{names}; go on from the newest with -o runner.resume=auto, or choose another folder "
            "with -o runner.model_save_path=PATH"
        )


def _is_of(checkpoint: Path, folder: Path) -> bool:
    return checkpoint.parent.resolve() == folder.resolve()


def _bring_along(progress: Progress, start: Path, folder: Path) -> None:
    """Have the best checkpoint and the log of a run in the folder where it goes on.

    A best checkpoint that is gone is forgotten: the next evaluation makes another.
    """
    source, is_here = start.parent, _is_of(start, folder)
    best = _best_of(progress, source, is_here)
    if progress.best_value is not None and best is None:
        log.info("%s has no best checkpoint of step %d", source, progress.best_step)
        _forget_best(progress)
    if is_here or process_rank():
        return
    try:
        if best:
            with new_folder(folder / BEST, LISTING) as place:
                copy_files(best, place)
        lines = source / METRICS
        with new_file(folder / METRICS) as file:
            file.write(lines.read_bytes() if lines.is_file() else b"")
    except OSError as failure:
        raise UserError(
            f"runner.resume: cannot copy from {source} to {folder}: {failure.strerror}"
        ) from None


def forget_linear_alone(progress: Progress, runner: Runner) -> None:
    """Remove `best` where the linear part alone was evaluated, and the net cannot be.

    It would stay what it is however long the net is trained.

    Args:
        progress: of a run without validation rows.
        runner: the config's `runner` block.
    """
    if progress.evaluated or progress.best_value is None or progress.epoch >= runner.epochs:
        return
    best = runner.model_save_path / BEST
    log.info(
        "no validation rows: %s, the linear part alone, goes: inference takes the newest one",
        best,
    )
    _forget_best(progress)
    if not process_rank():
        remove_best(runner.model_save_path)


def _forget_best(progress: Progress) -> None:
    progress.best_metric, progress.best_value = None, None
    progress.best_step, progress.worse = 0, 0


def _best_of(progress: Progress, folder: Path, is_here: bool) -> Optional[Path]:
    """The whole checkpoint `best` in a folder, if it is the one that the progress tells of.

    Where the run goes on in that folder, it may also be of work that was lost after the checkpoint
    it goes on from, and is done again.
    """
    if progress.best_value is None:
        return None
    try:
        best = load_checkpoint(folder / BEST)
    except UserError:
        return None
    step = best.facts["progress"]["step"]
    return best.path if step == progress.best_step or (is_here and step > progress.step) else None
