"""Evaluate and predict with saved checkpoints: infer.py and static_infer.py."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import numpy as np

from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import run_with_config

if TYPE_CHECKING:
    from textzoo.data.cache import Rows
    from textzoo.inference.choosing import Computation
    from textzoo.running.model import Model
    from textzoo.text.reader import Reader

log = logging.getLogger("textzoo")

_EXAMPLES = 3


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Evaluate and predict."""
    parser = config_parser("infer", "Evaluate and predict.")
    return run_with_config(
        "infer", lambda parsed: infer(parsed.config, parsed.override), parser, arguments
    )


def static_main(arguments: Optional[Sequence[str]] = None) -> int:
    """Evaluate and predict in static graph."""

    def recipe(parsed: argparse.Namespace) -> None:
        infer(parsed.config, parsed.override, "static")

    parser = config_parser("static_infer", "Evaluate and predict in static graph.")
    return run_with_config("static_infer", recipe, parser, arguments)


def infer(path: Path, overrides: list[str], computation: "Optional[Computation]" = None) -> None:
    """Evaluate the checkpoints that a config names on its test data, and write predictions.

    Args:
        path: the config.
        overrides: of its keys.
        computation: what to compute with; default: what `runner.infer_engine` says.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be.
    """
    from textzoo.config.loading import load_config
    from textzoo.data.cache import Cache
    from textzoo.data.dataset import Dataset
    from textzoo.data.text_vectors import add_vectors
    from textzoo.devices import choose_device
    from textzoo.evaluation.evaluator import evaluator_of
    from textzoo.evaluation.result_files import METRICS, PREDICTIONS, explained, write_results
    from textzoo.evaluation.score_matrix import ScoreMatrix
    from textzoo.files import check_output, write_text
    from textzoo.inference.choosing import (
        chosen_calibration,
        chosen_checkpoints,
        chosen_computation,
        chosen_index,
        chosen_threshold,
        inputs_of,
        load_checkpoints,
    )
    from textzoo.inference.embedder import Embedder
    from textzoo.inference.restoring import check_same_model, restore_all
    from textzoo.logs import start_logging
    from textzoo.running.building import check_run, chosen_metrics, model_class
    from textzoo.serving.embedding_model import linear_encoder

    config, folder = load_config(path, overrides)
    runner = config.runner
    start_logging()
    choose_device(runner.use_gpu)
    computation = computation or chosen_computation(runner)
    check_run("static" if computation == "static" else "dygraph", config, folder, trains=False)
    dataset = Dataset(config, folder)
    dataset.path("test")
    check_output(runner.output_path / PREDICTIONS, "runner.infer_output_dir", inputs_of(config))

    encoder, cache = linear_encoder(config), Cache(runner.cache_dir, runner.bad_lines)

    # One checkpoint, or one for each epoch, or the mean of several.
    of_pairs = model_class(folder).kind == "embeddings"
    several = None  # encoders, each with its own reader
    if runner.infer_ensemble and of_pairs:
        several = Embedder(path, overrides, computation)
    if runner.infer_ensemble:
        members = {"ensemble": runner.infer_ensemble}
    else:
        members = {path.name: [path] for path in chosen_checkpoints(runner)}

    results, steps = {}, {}
    name, place = "", runner.output_path
    for name, paths in members.items():
        checkpoints = several.checkpoints if several else load_checkpoints(paths)
        steps[name] = [checkpoint.facts["progress"]["step"] for checkpoint in checkpoints]
        place = runner.output_path / name if len(members) > 1 else runner.output_path
        if several:
            run, reader = several.members[0]
            check_same_model(config, checkpoints[0], "runner.infer_ensemble")
        else:
            run, reader = restore_all(config, folder, checkpoints, computation, encoder)
        metrics = chosen_metrics(runner, run.model)
        rows = dataset.rows("test", reader, checkpoints[0].vocabulary)
        _tell_unknown(rows, run.model, reader)
        if encoder:
            add_vectors(rows.columns, cache, encoder, "linear")
        kind = run.model.kind
        index = several.index_settings if several else chosen_index(config.index, checkpoints)
        evaluator = evaluator_of(kind, runner, reader, rows, np.arange(len(rows)), index, several)
        threshold = chosen_threshold(runner, checkpoints, metrics, kind)
        scores = None
        if runner.save_scores:
            scores = ScoreMatrix(len(rows), len(reader.label_names), runner.save_scores)
        calibration = chosen_calibration(checkpoints)
        results[name] = write_results(
            place, run, evaluator, metrics, threshold, scores, calibration
        )
        log.info("%d predictions: %s", len(rows), place / PREDICTIONS)

    summary = {"checkpoint": name, "steps": steps[name], "checkpoints": results}
    with explained():
        text = json.dumps({**results[name], **summary}, indent=1)
        write_text(runner.output_path / METRICS, text + "\n")
    _show_examples(place / PREDICTIONS, "\n    " if of_pairs else "  ")
    log.info("metrics: %s", json.dumps(results[name]))


def _tell_unknown(rows: "Rows", model: "Model", reader: "Reader") -> None:
    """How many words and labels training did not have; rows with such count like all others."""
    ids = {"words": (model.text_column, reader.unknown_word_id)}
    if model.kind == "tags":
        ids["labels"] = model.label_column, -1
    for name, (column, unknown) in ids.items():
        values = rows.columns[column].values
        if n_unknown := np.count_nonzero(values == unknown):
            log.info("%s that training did not have: %d of %d", name, n_unknown, len(values))


def _show_examples(path: Path, separator: str) -> None:
    with path.open(encoding="utf-8") as file:
        for line, _ in zip(file, range(_EXAMPLES)):
            row = json.loads(line)
            log.info("  %s", row["text"])
            tops = [f"{best['tag']} {best['score']:.3f}" for best in row["top"]]
            gold = f"(gold: {', '.join(row['tags']) or 'none'})"
            log.info("    %s", separator.join([*tops, gold]))
