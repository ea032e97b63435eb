"""Evaluate and predict with saved checkpoints: the recipe behind infer.py and static_infer.py."""

import json
import logging
import os
from pathlib import Path
from typing import Any, Optional

import numpy as np

from textzoo.config.checking import Config
from textzoo.config.loading import load_config
from textzoo.config.model_folder import ModelFolder
from textzoo.data.cache import Cache, encoded_rows, reader_identity
from textzoo.data.input_files import input_files
from textzoo.devices import choose_device
from textzoo.errors import UserError
from textzoo.evaluation.evaluator import Evaluation, check_metric_names, is_graded
from textzoo.evaluation.score_matrix import ScoreMatrix
from textzoo.inference.choosing import (
    Engine,
    chosen_checkpoints,
    chosen_engine,
    chosen_threshold,
    load_checkpoints,
)
from textzoo.inference.restoring import restore_all
from textzoo.logs import start_logging
from textzoo.training.checkpoint import (
    Checkpoint,
)

log = logging.getLogger("textzoo")

_EXAMPLES = 3


def infer(path: Path, overrides: list[str], engine: Optional[Engine] = None) -> None:
    """Evaluate the checkpoints that a config names on its test data, and write predictions.

    Args:
        path: the config.
        overrides: of its keys.
        engine: what to compute with; default: what `runner.infer_engine` says.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be.
    """
    config, folder = load_config(path, overrides)
    runner = config.runner
    start_logging()
    choose_device(runner.use_gpu)
    engine = engine or chosen_engine(runner)
    if runner.test_data is None:
        raise UserError(f"{path}: runner.test_data_dir: missing; expected a path")

    load_path = runner.infer_load_path or runner.model_save_path
    output = runner.infer_output_dir or load_path / "infer"
    of_pairs = getattr(folder.dygraph_model, "embeds", False)
    if runner.infer_ensemble and of_pairs:
        raise UserError(
            "runner.infer_ensemble: infer.py takes one checkpoint of a model that embeds texts; "
            "recall.py takes several, and evaluate.py computes the metrics of its result"
        )
    if runner.infer_ensemble:
        members = {"ensemble": runner.infer_ensemble}
    else:
        members = {path.name: [path] for path in chosen_checkpoints(runner, load_path)}
    results, steps = {}, {}
    for name, paths in members.items():
        checkpoints = load_checkpoints(paths)
        steps[name] = [checkpoint.facts["progress"]["step"] for checkpoint in checkpoints]
        place = output / name if len(members) > 1 else output
        results[name] = infer_checkpoints(config, folder, checkpoints, engine, place)
    metrics = results[name]
    summary = {**metrics, "checkpoint": name, "steps": steps[name], "checkpoints": results}
    _write(output / "infer_metrics.json", json.dumps(summary, indent=1) + "\n")
    _show_examples(place / "predictions.jsonl", "\n    " if of_pairs else "  ")
    log.info("metrics: %s", json.dumps(metrics))


def infer_checkpoints(
    config: Config,
    folder: ModelFolder,
    checkpoints: list[Checkpoint],
    engine: Engine,
    output: Path,
) -> dict[str, Any]:
    """Evaluate a checkpoint, or the mean scores of several, and write the predictions.

    Returns:
        The metrics by name.
    """
    runner = config.runner
    run, reader = restore_all(config, folder, checkpoints, engine)
    names = runner.metrics or list(run.model.metrics)
    check_metric_names(run.model, names)
    cache = Cache(runner.cache_dir, runner.bad_lines, runner.num_workers)
    files = input_files(runner.test_data, "runner.test_data_dir", cache)
    identity = reader_identity(folder.reader, config.reader, checkpoints[0].vocabulary)
    rows = encoded_rows(files, reader, False, identity, cache)
    evaluation = Evaluation(run.model, runner, reader, rows, np.arange(len(rows)))
    threshold = None if is_graded(run.model) else chosen_threshold(runner, checkpoints, names)
    path = output / "predictions.jsonl"
    temporary = path.with_suffix(".tmp")
    try:
        output.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            results = [evaluation.predictions(file, threshold)]
            if runner.save_scores:
                matrix = ScoreMatrix(len(rows), len(reader.label_names), runner.save_scores)
                results.append(matrix)
            measures = evaluation.metrics(names, threshold)
            metrics = evaluation(run, measures, results)
        os.replace(temporary, path)
        if runner.save_scores:
            matrix.save(output / "scores.npz")
        if report := measures.report():
            report.save(output)
    except OSError as failure:
        if temporary.is_file():
            temporary.unlink()
        raise _cannot_write(failure) from None
    log.info("%d predictions: %s", len(rows), path)
    return metrics


def _show_examples(path: Path, separator: str) -> None:
    with path.open(encoding="utf-8") as file:
        for line, _ in zip(file, range(_EXAMPLES)):
            row = json.loads(line)
            log.info("  %s", row["text"])
            tops = [f"{best['tag']} {best['score']:.3f}" for best in row["top"]]
            gold = f"(gold: {', '.join(row['tags']) or 'none'})"
            log.info("    %s", separator.join([*tops, gold]))


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
