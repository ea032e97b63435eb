"""Train a model: the recipe behind trainer.py and static_trainer.py."""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np

from textzoo.batching import hold_out
from textzoo.building import (
    Graph,
    build_reader,
    build_run,
    initialise,
    load_config,
    load_weights,
    net_arguments,
)
from textzoo.cache import (
    Cache,
    Rows,
    encoded_rows,
    fitted_vocabulary,
    reader_identity,
)
from textzoo.checkpoint import (
    BEST,
    Checkpoint,
    load_checkpoint,
    newest_checkpoint,
    remove_checkpoints,
    remove_leftovers,
    save_checkpoint,
)
from textzoo.config import Config, differences
from textzoo.devices import choose_device
from textzoo.errors import UserError
from textzoo.evaluation import Evaluation, check_metric_names, kind
from textzoo.interruption import remember_early_interrupts
from textzoo.model_folder import ModelFolder
from textzoo.paired_files import input_files
from textzoo.processes import (
    SharedInference,
    from_first,
    join_processes,
    n_processes,
    process_rank,
    rank_on_machine,
    wait_for_all,
)
from textzoo.reporting import start_logging
from textzoo.schema import Runner
from textzoo.sharding import own_shards, save_shards, split_off
from textzoo.training import Progress, Training

log = logging.getLogger("textzoo")

_LOWER_IS_BETTER = ("hamming_loss", "level_error")
# A run can only be gone on with if these are as they were.
_FIXED = (
    *("train_batch_size", "length_pool", "accumulate_steps"),
    *("max_grad_norm", "seed", "valid_fraction"),
)


def train(path: Path, overrides: list[str], graph: Graph) -> None:
    """Train the model of a config in one of the two graphs.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be.
        Interrupted: a signal came; a checkpoint was saved.
    """
    remember_early_interrupts()
    config, folder = load_config(path, overrides)
    runner = config.runner
    choose_device(runner.use_gpu)
    join_processes()
    _prepare_output(runner.model_save_path)
    wait_for_all()

    start, resumed = _starting_point(runner)
    if resumed:
        _check_resumable(config, start)
    data = _load_data_in_turn(config, folder, start)
    if resumed and start.facts["data"] != data.contents:
        raise UserError(
            f"runner.resume: the data have changed since {start.path} was saved; start over with "
            "-o runner.resume=none, or from its weights with runner.model_init_path"
        )

    arguments = net_arguments(config, data.reader)
    run = build_run(graph, config, folder, arguments, config.optimizer)
    progress = Progress()
    if not start:
        initialise(run, config, data.reader)
    else:
        load_weights(run, start, folder, "runner.resume" if resumed else "runner.model_init_path")
    if resumed:
        run.set_optimizer_state(own_shards(start.optimizer_state(), run.shards))
        progress = Progress.from_facts(start.facts["progress"])
        log.info("going on from %s (step %d)", start.path, progress.step)
    elif not process_rank() and (removed := remove_checkpoints(runner.model_save_path)):
        log.info("starting over: removed %d checkpoint(s) of an earlier run", removed)
    log.info(
        "%s: %s%d training rows, %d validation rows, %s",
        folder.path.name,
        f"{n_processes()} processes, " if n_processes() > 1 else "",
        len(data.train),
        len(data.valid),
        ", ".join(f"{name} {size}" for name, size in data.reader.sizes().items()),
    )

    training = assemble(config, folder, data, run, progress)
    if progress.stopped:
        log.info("patience had ended this run: start over with -o runner.resume=none")
    elif progress.epoch >= runner.epochs:
        log.info(
            "already trained to the end: raise runner.epochs to go on, or start over with "
            "-o runner.resume=none"
        )
    training.fit()
    if progress.best_value is not None:
        log.info(
            "best %s %.4f at step %d: %s",
            training.best_metric,
            progress.best_value,
            progress.best_step,
            runner.model_save_path / BEST,
        )


@dataclass
class Data:
    """The data of a training run.

    Attributes:
        reader: with its vocabulary.
        train_rows: the encoded rows of the training files.
        train: `[n]` which of them are trained on.
        valid_rows: the rows that hold the validation rows.
        valid: `[m]` which of these are validated on.
    """

    reader: Any
    train_rows: Rows
    train: np.ndarray
    valid_rows: Rows
    valid: np.ndarray

    @property
    def contents(self) -> dict[str, list[str]]:
        """The checksums of all files, for a resumed run to compare."""
        return {"train": self.train_rows.contents, "valid": self.valid_rows.contents}


def assemble(
    config: Config, folder: ModelFolder, data: Data, run: Any, progress: Progress
) -> Training:
    """Put the parts of a training run together."""
    runner = config.runner
    metrics = runner.metrics or list(run.model.metrics)
    best_metric = runner.best_metric or metrics[0]
    if best_metric in _LOWER_IS_BETTER:
        raise UserError(f"runner.best_metric: received {best_metric}, expected one to be high")
    names = list(dict.fromkeys([best_metric, *metrics]))
    check_metric_names(run.model, names)
    fixed = None if isinstance(runner.threshold, str) else runner.threshold

    def save(name: str) -> None:
        if not process_rank() or run.shards:
            write(name)
        wait_for_all()

    def write(name: str) -> None:
        weights, own_weights = split_off(run.parameters(), run.shards)
        state, own_state = split_off(run.optimizer_state(), run.shards)
        own = {**own_weights, **own_state}
        if process_rank():
            save_shards(from_first(None), own, run.shards)
            return
        facts = {
            "model": folder.path.name,
            "kind": kind(run.model),
            "progress": dataclasses.asdict(progress),
            "data": data.contents,
            "config": config.resolved(),
        }

        def save_own(place: Path) -> None:
            if own:
                save_shards(from_first(place), own, run.shards)

        path = runner.model_save_path / name
        save_checkpoint(path, weights, state, data.reader.save, facts, save_own)
        if name != BEST and runner.keep_checkpoints:
            remove_checkpoints(runner.model_save_path, runner.keep_checkpoints)

    validate = None
    if len(data.valid):
        evaluation = Evaluation(run.model, runner, data.reader, data.valid_rows, data.valid)
        evaluation.metrics(names)  # what the reader lacks for them stops the run here
        shared = SharedInference(run)

        def validate() -> dict[str, float]:
            return from_first(evaluation(shared, evaluation.metrics(names, fixed)))

    columns = data.train_rows.columns
    distinct_keys = getattr(run.model, "distinct_keys", None)
    return Training(
        run=run,
        runner=runner,
        optimizer=config.optimizer,
        lengths=columns[run.model.columns[0]].lengths(data.train),
        distinct_keys=distinct_keys(columns, data.train) if distinct_keys else None,
        feeds=lambda rows, random: run.model.train_feeds(columns, data.train[rows], random),
        release=data.train_rows.release,
        validate=validate,
        best_metric=best_metric,
        save=save,
        progress=progress,
    )


def _prepare_output(folder: Path) -> None:
    if process_rank():
        start_logging()
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        start_logging(folder / "train.log")
    except OSError as failure:
        raise UserError(
            f"runner.model_save_path: cannot write {failure.filename}: {failure.strerror}; "
            "choose another folder with -o runner.model_save_path=PATH"
        ) from None


def _starting_point(runner: Runner) -> tuple[Optional[Checkpoint], bool]:
    """The checkpoint to start from, and whether to resume it or only to take its weights."""
    if runner.resume == "auto":
        if newest := newest_checkpoint(runner.model_save_path):
            return newest, True
    elif runner.resume != "none":
        return load_checkpoint(runner.resume), True
    return (load_checkpoint(runner.model_init_path) if runner.model_init_path else None), False


def _check_resumable(config: Config, start: Checkpoint) -> None:
    ours, theirs = config.resolved(), start.facts["config"]
    for resolved in (ours, theirs):
        resolved.pop("index", None)
        resolved["runner"] = {key: resolved["runner"].get(key) for key in _FIXED}
    changed = differences(ours, theirs)
    if changed:
        raise UserError(
            f"runner.resume: {start.path} was trained with other settings:\n  "
            + "\n  ".join(changed)
            + "\nStart over with -o runner.resume=none (this removes the earlier run's "
            "checkpoints), or choose another folder with -o runner.model_save_path=PATH"
        )


def _load_data_in_turn(config: Config, folder: ModelFolder, start: Optional[Checkpoint]) -> Data:
    """Load the data; the first process of a machine encodes them, the others find them encoded."""
    for is_first in (True, False):
        if is_first == (rank_on_machine() == 0):
            data = load_data(config, folder, start)
        wait_for_all()
    return data


def load_data(config: Config, folder: ModelFolder, start: Optional[Checkpoint]) -> Data:
    """Read and encode the training and validation files with one vocabulary."""
    runner = config.runner
    cache = Cache(runner.cache_dir, runner.bad_lines, runner.num_workers)
    if runner.train_data_dir is None:
        raise UserError(f"{config.path}: runner.train_data_dir: missing; expected a path")
    files = input_files(runner.train_data_dir, "runner.train_data_dir", cache)
    if start:
        vocabulary = start.vocabulary
    else:
        identity = reader_identity(folder.reader, config.reader)
        declared = {
            name: config.hyper_parameters[name]
            for name in folder.reader.supplies
            if name in config.hyper_parameters
        }
        reader = build_reader(config, folder)
        vocabulary = fitted_vocabulary(files, reader, declared, identity, cache)
    reader = build_reader(config, folder, vocabulary)
    identity = reader_identity(folder.reader, config.reader, vocabulary)
    train_rows = encoded_rows(files, reader, True, identity, cache)
    valid_rows = train_rows
    train, valid = hold_out(len(train_rows), runner.valid_fraction, runner.seed)
    if runner.valid_data:
        files = input_files(runner.valid_data, "runner.valid_data_dir", cache)
        valid_rows = encoded_rows(files, reader, False, identity, cache)
        train, valid = np.arange(len(train_rows)), np.arange(len(valid_rows))
    return Data(reader, train_rows, train, valid_rows, valid)
