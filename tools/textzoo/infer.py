"""Evaluate and predict with saved checkpoints: the recipe behind infer.py and static_infer.py."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from textzoo.building import (
    Graph,
    build_reader,
    build_run,
    check_same_model,
    load_config,
    load_weights,
    net_arguments,
)
from textzoo.cache import Cache, encoded_rows, reader_identity
from textzoo.checkpoint import BEST, Checkpoint, has_best, load_checkpoint, newest_checkpoint
from textzoo.config import Config
from textzoo.devices import choose_device
from textzoo.errors import UserError
from textzoo.evaluation import evaluation
from textzoo.metrics import RankingMetrics
from textzoo.model_folder import ModelFolder
from textzoo.reading import data_files
from textzoo.reporting import start_logging
from textzoo.schema import Runner
from textzoo.tagging import Predictions

log = logging.getLogger("textzoo")

_EXAMPLES = 3


def infer(path: Path, overrides: list[str], graph: Graph) -> None:
    """Evaluate the checkpoints that a config names on its test data, and write predictions.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be.
    """
    config, folder = load_config(path, overrides)
    runner = config.runner
    start_logging()
    choose_device(runner.use_gpu)
    RankingMetrics(runner.metrics or [])  # unknown names stop the run here
    if runner.test_data is None:
        raise UserError(f"{path}: runner.test_data_dir: missing; expected a path")

    load_path = runner.infer_load_path or runner.model_save_path
    output = runner.infer_output_dir or load_path / "infer"
    checkpoints = chosen_checkpoints(runner, load_path)
    results = {}
    for checkpoint_path in checkpoints:
        checkpoint = load_checkpoint(checkpoint_path)
        log.info("checkpoint %s (step %d)", checkpoint.path, checkpoint.facts["progress"]["step"])
        place = output / checkpoint.path.name if len(checkpoints) > 1 else output
        results[checkpoint.path.name] = infer_checkpoint(config, folder, checkpoint, graph, place)
    metrics = results[checkpoint.path.name]
    summary = {**metrics, "checkpoint": checkpoint.path.name, "checkpoints": results}
    _write(output / "infer_metrics.json", json.dumps(summary, indent=1) + "\n")
    _show_examples(place / "predictions.jsonl")
    log.info("metrics: %s", json.dumps(metrics))


def chosen_checkpoints(runner: Runner, load_path: Path) -> list[Path]:
    """The checkpoints that `infer_checkpoint`, or else the two epochs, name.

    Raises:
        UserError: one of them is not there.
    """
    chosen = runner.infer_checkpoint
    first, end = runner.infer_start_epoch, runner.infer_end_epoch
    if chosen is None and (first, end) != (None, None):
        epochs = range(first or 0, end if end is not None else (first or 0) + 1)
        if not epochs:
            raise UserError(
                f"runner.infer_end_epoch: received {end}, expected more than "
                f"infer_start_epoch ({first or 0}): the end is not included"
            )
        missing = [str(epoch) for epoch in epochs if not (load_path / str(epoch)).is_dir()]
        if missing:
            raise UserError(
                f"runner.infer_load_path: {load_path} has no checkpoint of epoch "
                + ", ".join(missing)
            )
        return [load_path / str(epoch) for epoch in epochs]
    if chosen == BEST or (chosen is None and has_best(load_path)):
        return [load_path / BEST]
    if chosen in (None, "last"):
        newest = newest_checkpoint(load_path)
        if newest is None:
            raise UserError(f"runner.infer_load_path: no checkpoint in {load_path}: train first")
        return [newest.path]
    return [chosen]


def infer_checkpoint(
    config: Config, folder: ModelFolder, checkpoint: Checkpoint, graph: Graph, output: Path
) -> dict[str, Any]:
    """Evaluate one checkpoint and write its `predictions.jsonl`.

    Returns:
        The metrics by name.
    """
    runner = config.runner
    run, reader = restore(config, folder, checkpoint, graph)
    files = data_files(runner.test_data, "runner.test_data_dir")
    identity = reader_identity(folder.reader, config.reader, checkpoint.vocabulary)
    rows = encoded_rows(files, reader, False, identity, Cache(runner.cache_dir, runner.bad_lines))
    evaluate, candidates = evaluation(run.model, runner, reader, rows, np.arange(len(rows)))
    names = runner.metrics or list(run.model.metrics)
    path = output / "predictions.jsonl"
    temporary = path.with_suffix(".tmp")
    try:
        output.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            predictions = Predictions(file, reader.describe, candidates, runner.top_k)
            metrics = evaluate(run, names=names, predictions=predictions)
        os.replace(temporary, path)
    except OSError as failure:
        if temporary.is_file():
            temporary.unlink()
        raise _cannot_write(failure) from None
    log.info("%d predictions: %s", len(rows), path)
    return metrics


def restore(
    config: Config, folder: ModelFolder, checkpoint: Checkpoint, graph: Graph
) -> tuple[Any, Any]:
    """A run with the weights of a checkpoint, and the reader with its vocabulary.

    Raises:
        UserError: the checkpoint is of another model.
    """
    check_same_model(config, checkpoint, "runner.infer_load_path")
    reader = build_reader(config, folder, checkpoint.vocabulary)
    run = build_run(graph, config, folder, net_arguments(config, reader))
    load_weights(run, checkpoint, folder, "runner.infer_load_path")
    return run, reader


def _show_examples(path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        for line, _ in zip(file, range(_EXAMPLES)):
            row = json.loads(line)
            log.info("  %s", row["text"])
            tops = "  ".join(f"{best['tag']} {best['score']:.3f}" for best in row["top"])
            log.info("    %s  (gold: %s)", tops, ", ".join(row["tags"]) or "none given")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as failure:
        raise _cannot_write(failure) from None


def _cannot_write(failure: OSError) -> UserError:
    return UserError(
        f"runner.infer_output_dir: cannot write {failure.filename}: {failure.strerror}; choose "
        "another folder with -o runner.infer_output_dir=PATH"
    )
