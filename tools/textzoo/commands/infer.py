"""Evaluate and predict with saved checkpoints: infer.py and static_infer.py."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from textzoo.commands.arguments import config_parser, number_within
from textzoo.commands.cli import run_with_config
from textzoo.errors import UserError
from textzoo.report import N_WRONG

if TYPE_CHECKING:
    from textzoo.data.cache import Rows
    from textzoo.inference.choosing import Computation
    from textzoo.inference.explaining import Explainer
    from textzoo.metrics.names import Kind
    from textzoo.running.model import Model
    from textzoo.text.reader import Reader

log = logging.getLogger("textzoo")

_EXAMPLES = 3
_EXPLAINED = 10  # wrong predictions


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Evaluate and predict."""
    parser = _parser("infer", "Evaluate and predict.")

    def recipe(parsed: argparse.Namespace) -> None:
        infer(parsed.config, parsed.override, n_explained=parsed.explain_mistakes)

    return run_with_config("infer", recipe, parser, arguments)


def static_main(arguments: Optional[Sequence[str]] = None) -> int:
    """Evaluate and predict in static graph."""

    def recipe(parsed: argparse.Namespace) -> None:
        infer(parsed.config, parsed.override, "static", parsed.explain_mistakes)

    parser = _parser("static_infer", "Evaluate and predict in static graph.")
    return run_with_config("static_infer", recipe, parser, arguments)


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = config_parser(name, description)
    parser.add_argument(
        "--explain-mistakes",
        type=number_within(int, 1, N_WRONG),
        nargs="?",
        const=_EXPLAINED,
        default=0,
        metavar="N",
        help="also tell, for the report, which words speak for the N surest wrong predictions of a "
        f"model that scores labels; default of N: {_EXPLAINED}",
    )
    return parser


def infer(
    path: Path,
    overrides: list[str],
    computation: "Optional[Computation]" = None,
    n_explained: int = 0,
) -> None:
    """Evaluate the checkpoints that a config names on its test data, and write predictions.

    Args:
        path: the config.
        overrides: of its keys.
        computation: what to compute with; default: what `runner.infer_engine` says.
        n_explained: how many of the surest wrong predictions to explain.

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
    from textzoo.inference.restoring import check_same_model, restore_all
    from textzoo.logs import start_logging
    from textzoo.metrics.names import printed
    from textzoo.running.building import check_run, chosen_metrics, model_class
    from textzoo.serving.embedding_model import linear_encoder
    from textzoo.training.loggers import Loggers

    config, folder = load_config(path, overrides)
    runner = config.runner
    start_logging(seconds=runner.print_seconds)
    choose_device(runner.use_gpu)
    computation = computation or chosen_computation(runner)
    check_run("static" if computation == "static" else "dygraph", config, folder, trains=False)
    dataset = Dataset(config, folder)
    dataset.path(dataset.evaluated)
    check_output(runner.output_path / PREDICTIONS, "runner.infer_output_dir", inputs_of(config))

    encoder, cache = linear_encoder(config), Cache(runner.cache_dir, runner.bad_lines)

    # One checkpoint, or one for each epoch, or the mean of several.
    of_pairs = model_class(folder).kind == "embeddings"
    if n_explained and of_pairs:
        raise UserError(
            f"--explain-mistakes: model {folder.path.name} gives embeddings, expected a model that "
            "scores labels"
        )
    several = None  # encoders, each with its own reader
    if runner.infer_ensemble and of_pairs:
        from textzoo.inference.embedder import Embedder

        several = Embedder(path, overrides, computation)
    if runner.infer_ensemble:
        members = {"ensemble": runner.infer_ensemble}
    else:
        members = {path.name: [path] for path in chosen_checkpoints(runner)}

    results, steps = {}, {}
    name, place, n_labels = "", runner.output_path, 0
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
        rows, chosen = dataset.to_evaluate(reader, checkpoints[0].vocabulary)
        is_linear_alone = config.linear.features != "none" and not any(steps[name])
        _tell_unknown(rows, run.model, reader, is_linear_alone)
        if encoder:
            add_vectors(rows.columns, cache, encoder, "linear")
        kind = run.model.kind
        index = several.index_settings if several else chosen_index(config.index, checkpoints)
        evaluator = evaluator_of(kind, runner, reader, rows, chosen, index, several)
        n_labels = evaluator.n_labels
        threshold = chosen_threshold(runner, checkpoints, metrics, kind)
        scores = None
        if runner.save_scores:
            scores = ScoreMatrix(len(rows), len(reader.label_names), runner.save_scores)
        calibration = chosen_calibration(checkpoints)
        results[name] = write_results(
            place, run, evaluator, metrics, threshold, scores, calibration
        )
        log.info("%d predictions: %s", len(chosen), place / PREDICTIONS)
        if len(paths) == 1 and runner.logger_names:
            loggers = Loggers(runner, paths[0].parent, {}, step=None)
            loggers.scalars(steps[name][0], {f"test/{k}": v for k, v in results[name].items()})
            loggers.close()
        if n_explained:
            from textzoo.inference.labelling import explainer_of

            n_counted = results[name].get("rows")
            with explained():
                _explain_mistakes(place, explainer_of(run, reader), kind, n_counted, n_explained)

    summary = {"checkpoint": name, "steps": steps[name], "labels": n_labels, "checkpoints": results}
    with explained():
        text = json.dumps({**results[name], **summary}, indent=1)
        write_text(runner.output_path / METRICS, text + "\n")
    _show_examples(place / PREDICTIONS, "\n    " if of_pairs else "  ")
    log.info("%s", printed(results[name]))


def _explain_mistakes(
    place: Path, explainer: "Explainer", kind: "Kind", n_counted: Optional[int], n_explained: int
) -> None:
    """Write which words speak for the surest wrong predictions."""
    from textzoo.evaluation.result_files import PREDICTIONS
    from textzoo.files import write_lines
    from textzoo.inference.explaining import MOST_SPANS
    from textzoo.report.explained import EXPLANATIONS
    from textzoo.report.predictions import Predictions

    predictions = Predictions.read(place / PREDICTIONS, kind, n_counted)
    rows = []
    for mistake in predictions.wrong[:n_explained] if predictions else ():
        text, label = mistake.row["text"], {"tag": mistake.label, "score": mistake.score}
        row: dict[str, Any] = {"text": text, "top": [label]}
        explainer.explain([text], [row], MOST_SPANS)
        rows.append({"text": text, **label, "shares_of": row["shares_of"]})
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    n_lines = write_lines(place / EXPLANATIONS, lines, "runner.infer_output_dir")
    log.info("%d mistakes explained: %s", n_lines, place / EXPLANATIONS)


def _tell_unknown(rows: "Rows", model: "Model", reader: "Reader", is_linear_alone: bool) -> None:
    """How many words and labels training did not have; rows with such count like all others.

    The words are those of a net: a linear part has n-grams of its own.
    """
    ids = {} if is_linear_alone else {"words": (model.text_column, reader.unknown_word_id)}
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
