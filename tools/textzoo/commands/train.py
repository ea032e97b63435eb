"""Train a model: the recipe behind trainer.py and static_trainer.py."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

from textzoo.config.checking import Config
from textzoo.config.loading import load_config, net_arguments
from textzoo.config.model_folder import ModelFolder
from textzoo.data.dataset import Data, _load_data_in_turn
from textzoo.devices import choose_device, process_rank
from textzoo.distributed.collectives import (
    from_first,
    join_processes,
    n_processes,
    wait_for_all,
)
from textzoo.distributed.sharding import own_shards, save_shards, split_off
from textzoo.errors import UserError
from textzoo.evaluation.evaluator import Evaluation, check_metric_names, kind
from textzoo.logs import start_logging
from textzoo.running.building import Graph, build_run, initialise
from textzoo.running.combined import SharedInference
from textzoo.training.checkpoint import (
    BEST,
    load_weights,
    remove_checkpoints,
    remove_leftovers,
    save_checkpoint,
)
from textzoo.training.interruption import remember_early_interrupts
from textzoo.training.loop import Progress, Training
from textzoo.training.resuming import _check_resumable, _starting_point

log = logging.getLogger("textzoo")

_LOWER_IS_BETTER = ("hamming_loss", "level_error")


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
