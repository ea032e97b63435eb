"""Evaluate and predict with saved checkpoints: the recipe behind infer.py and static_infer.py."""

import json
import logging
import os
from pathlib import Path
from typing import Any, Literal, Optional

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
from textzoo.checkpoint import (
    BEST,
    Checkpoint,
    has_best,
    is_checkpoint,
    load_checkpoint,
    newest_checkpoint,
)
from textzoo.config import Config
from textzoo.devices import choose_device
from textzoo.ensemble import AveragedRun, check_same_vocabulary
from textzoo.errors import UserError
from textzoo.evaluation import Evaluation, check_metric_names, is_graded
from textzoo.model_folder import ModelFolder
from textzoo.paired_files import input_files
from textzoo.predictor import Predictor
from textzoo.reporting import start_logging
from textzoo.schema import Runner
from textzoo.score_matrix import ScoreMatrix
from textzoo.thresholds import NAME, Threshold

log = logging.getLogger("textzoo")

Engine = Literal["predictor", "dygraph", "static"]

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
            way_out = "train first"
            if is_checkpoint(load_path):
                way_out = f"it is one itself: -o runner.infer_checkpoint={load_path}"
            raise UserError(f"runner.infer_load_path: no checkpoint in {load_path}: {way_out}")
        return [newest.path]
    return [chosen]


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


def chosen_threshold(
    runner: Runner, checkpoints: list[Checkpoint], names: list[str]
) -> Optional[Threshold]:
    """The threshold of the config, or else the one that was tuned when the checkpoint was made.

    That of several checkpoints is their mean, or 0.5 if it was not tuned for all of them. It is
    None if none of these metrics is of predicted labels.

    Raises:
        UserError: the checkpoint's is one for all labels and the config asks for one per label, or
            the other way round.
    """
    if not any(NAME.fullmatch(name) for name in names):
        return None
    if not isinstance(runner.threshold, str):
        return runner.threshold
    tuned = [checkpoint.facts["progress"].get("threshold") for checkpoint in checkpoints]
    if None in tuned:
        log.info("no threshold was tuned on validation rows: labels above 0.5 are predicted")
        return 0.5
    for checkpoint, threshold in zip(checkpoints, tuned):
        kept = "per_label" if isinstance(threshold, list) else "tuned"
        if kept != runner.threshold:
            raise UserError(
                f"runner.threshold: received {runner.threshold}, but training with {kept} made "
                f"{checkpoint.path}; expected {kept} or a number"
            )
    return np.mean(tuned, axis=0).tolist()


def restore_all(
    config: Config, folder: ModelFolder, checkpoints: list[Checkpoint], engine: Engine
) -> tuple[Any, Any]:
    """A run with the weights of a checkpoint, or one that gives the mean scores of several.

    Returns:
        The run, and the reader with the checkpoints' vocabulary.

    Raises:
        UserError: a checkpoint is of another model or has another vocabulary.
    """
    check_same_vocabulary(checkpoints)
    restored = [restore(config, folder, checkpoint, engine) for checkpoint in checkpoints]
    run, reader = restored[0]
    if len(restored) > 1:
        run = AveragedRun([run for run, _ in restored], len(reader.label_names))
    return run, reader


def restore(
    config: Config, folder: ModelFolder, checkpoint: Checkpoint, engine: Engine
) -> tuple[Any, Any]:
    """A run with the weights of a checkpoint, and the reader with its vocabulary.

    A net that the inference engine does not take is computed in dynamic graph, which is logged.

    Raises:
        UserError: the checkpoint is of another model.
    """
    check_same_model(config, checkpoint, "runner.infer_load_path")
    reader = build_reader(config, folder, checkpoint.vocabulary)
    arguments = net_arguments(config, reader)

    def loaded(graph: Graph) -> Any:
        run = build_run(graph, config, folder, arguments)
        load_weights(run, checkpoint, folder, "runner.infer_load_path")
        return run

    if engine != "predictor":
        return loaded(engine), reader
    try:
        return Predictor(loaded("static"), config.runner.infer_precision), reader
    except UserError:
        raise
    except Exception as failure:  # whatever Paddle's compiler raises
        reason = str(failure).strip().rpartition("\n")[2]
        log.warning("infer_engine: the predictor cannot run this net, dygraph does: %s", reason)
        return loaded("dygraph"), reader


def load_checkpoints(paths: list[Path]) -> list[Checkpoint]:
    """Read checkpoints, and log which they are."""
    checkpoints = [load_checkpoint(path) for path in paths]
    for checkpoint in checkpoints:
        log.info("checkpoint %s (step %d)", checkpoint.path, checkpoint.facts["progress"]["step"])
    return checkpoints


def chosen_engine(runner: Runner) -> Engine:
    """What `runner` says to compute with.

    Raises:
        UserError: a precision that only the predictor has is asked of another engine.
    """
    engine = runner.infer_engine
    if engine == "predictor" and runner.use_gpu:
        engine = "dygraph"
    if engine != "predictor" and runner.infer_precision != "float32":
        raise UserError(
            f"runner.infer_precision: received {runner.infer_precision}, but {engine} computes in "
            f"float32; {runner.infer_precision} needs -o runner.infer_engine=predictor, on a CPU"
        )
    return engine


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
