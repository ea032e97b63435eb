"""The texts most worth labelling next: label_next.py."""

import argparse
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

from textzoo.commands.arguments import config_parser, number_within
from textzoo.commands.cli import run_with_config
from textzoo.errors import UserError
from textzoo.files import check_output, write_lines

log = logging.getLogger("textzoo")

_N = 100


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The texts most worth labelling next."""
    parser = config_parser(
        "label_next",
        "Write the texts most worth labelling: those that a trained model is least sure of, and "
        "that differ from one another.",
        {
            "texts": "a file of texts without labels, one a line, or with a column of texts "
            "(.csv, .jsonl, .parquet), or - for standard input",
            "output": "the file to write; default: label_next.jsonl in runner.infer_output_dir",
        },
    )
    parser.add_argument(
        "-n",
        "--number",
        type=number_within(int, 1, 1_000_000),
        default=_N,
        metavar="N",
        help="how many; default: %(default)s",
    )

    def recipe(parsed: argparse.Namespace) -> None:
        label_next(parsed.config, parsed.override, parsed.texts, parsed.number, parsed.output)

    return run_with_config("label_next", recipe, parser, arguments)


def label_next(
    path: Path,
    overrides: list[str],
    texts: Optional[Path],
    n: int = _N,
    output: Optional[Path] = None,
) -> None:
    """Write the texts most worth labelling, with what is predicted for them, and how surely.

    Args:
        path: the config, with a checkpoint.
        overrides: of its keys.
        texts: a file of texts.
        n: how many to choose.
        output: what to write. Default: `label_next.jsonl` in `runner.infer_output_dir`.

    Raises:
        UserError: config, texts, checkpoint or disk are not as they should be, or the model scores
            no labels.
    """
    from textzoo.config.loading import load_config
    from textzoo.data.input_files import texts_of
    from textzoo.evaluation.predictions import predictions_of
    from textzoo.inference.active_learning import WithMargin, most_worth_labelling
    from textzoo.inference.choosing import inputs_of
    from textzoo.inference.labelling import NO_TEXT, predicted_rows
    from textzoo.logs import start_logging
    from textzoo.running.building import model_class
    from textzoo.serving.trained_model import chosen_scoring_model

    config, folder = load_config(path, overrides)
    runner = config.runner
    if model_class(folder).kind == "embeddings":
        raise UserError(
            f"{path}: model {folder.path.name} gives embeddings, expected a model that scores "
            "labels"
        )
    if texts is None:
        raise UserError("--texts: missing; expected a file of texts without labels, or -")
    key = "--output" if output else "runner.infer_output_dir"
    output = output or runner.output_path / "label_next.jsonl"
    check_output(output, key, [*inputs_of(config), texts])
    start_logging(seconds=runner.print_seconds)
    run, reader, _, _, threshold, calibration = chosen_scoring_model(config, folder)
    names = reader.label_names
    named = predictions_of(run.model.kind, names, runner.top_k, threshold, calibration)
    named = WithMargin(named, threshold, calibration)
    n_read = 0

    def rows() -> Iterator[tuple[str, dict[str, Any]]]:
        nonlocal n_read
        lines = texts_of(texts, "--texts", reader)
        for chunk, found in predicted_rows(run, reader, runner.infer_batch_size, named, lines):
            n_read += len(chunk)
            yield from zip((line.text.strip() for line in chunk), found)

    chosen = list(most_worth_labelling(rows(), n, runner.seed))
    if not chosen:
        raise UserError(NO_TEXT)
    write_lines(output, (json.dumps(row, ensure_ascii=False) for row in chosen), key)
    log.info("%d of %d texts: %s", len(chosen), n_read, output)
    if len(chosen) < n:
        log.info("fewer than %d: blank texts and those that came before are left out", n)
