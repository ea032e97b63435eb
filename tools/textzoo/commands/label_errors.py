"""Training rows whose labels are likely wrong: label_errors.py."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import numpy as np

from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import run_with_config
from textzoo.errors import UserError
from textzoo.files import check_output, write_lines

if TYPE_CHECKING:
    from textzoo.config.checking import Config
    from textzoo.config.model_folder import ModelFolder
    from textzoo.data.cache import Rows
    from textzoo.text.ragged import Ragged
    from textzoo.text.reader import Reader

log = logging.getLogger("textzoo")

_SHOWN, _CHARACTERS = 5, 70  # rows that are printed, and of each text
# Every row is left out of the linear part, and nothing else is fitted.
_ALONE = ("runner.epochs=0", "hyper_parameters.linear.weight=auto")


class Suspect(NamedTuple):
    """A row whose labels are likely wrong.

    Attributes:
        row: its number.
        score: the probability of what it was given: the lower, the likelier an error.
        labels: ids that it was given.
        suggested: those that it rather has.
    """

    row: int
    score: float
    labels: list[int]
    suggested: list[int]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Training rows whose labels are likely wrong."""
    parser = config_parser(
        "label_errors",
        "Write the training rows whose labels are likely wrong, the likeliest first. It needs no "
        "trained model.",
        {"output": "the file to write; default: label_errors.jsonl in runner.infer_output_dir"},
    )

    def recipe(parsed: argparse.Namespace) -> None:
        label_errors(parsed.config, parsed.override, parsed.output)

    return run_with_config("label_errors", recipe, parser, arguments)


def label_errors(path: Path, overrides: list[str], output: Optional[Path] = None) -> None:
    """Write the training rows whose labels are likely wrong.

    Each row's probabilities come from a linear part that was fitted without it, see
    `linear.fitting`; what is likely wrong by them, `metrics.confident_learning` tells. Rows that
    are alone with a label are not judged by it.

    Args:
        path: the config.
        overrides: of its keys.
        output: what to write. Default: `label_errors.jsonl` in `runner.infer_output_dir`.

    Raises:
        UserError: config, data or disk are not as they should be, or the model scores no labels.
    """
    from textzoo.config.loading import build_reader, load_config
    from textzoo.data.dataset import Dataset
    from textzoo.logs import start_logging
    from textzoo.running.building import smallest_model

    config, folder = load_config(path, overrides)
    model = smallest_model(config, folder, build_reader(config, folder))
    if model.kind != "tags":
        raise UserError(
            f"{path}: model {folder.path.name} gives {model.kind}, expected a model that scores "
            "labels, such as tagspace, xmlcnn or multilabel without levels"
        )
    features = [] if config.linear.features != "none" else ["hyper_parameters.linear.features=auto"]
    config, folder = load_config(path, [*overrides, *features, *_ALONE])
    start_logging(seconds=config.runner.print_seconds)
    dataset = Dataset(config, folder)
    dataset.path("train")
    key = "--output" if output else "runner.infer_output_dir"
    output = output or config.runner.output_path / "label_errors.jsonl"
    check_output(output, key, config.inputs)
    vocabulary = dataset.vocabulary()
    reader = build_reader(config, folder, vocabulary)
    rows = dataset.rows("train", reader, vocabulary)
    judged, found = _suspects(config, folder, reader, rows)
    if judged < len(rows):
        log.info("%d of %d rows are judged, evenly apart", judged, len(rows))
    names = reader.label_names
    lines = [_described(suspect, rows, reader, names) for suspect in found]
    write_lines(output, (json.dumps(line, ensure_ascii=False) for line in lines), key)
    for line in lines[:_SHOWN]:
        log.info(
            "  %s: %s -> %s (%.3f): %s",
            *(line["place"], _shown(line["labels"]), _shown(line["suggested"]), line["score"]),
            line["text"][:_CHARACTERS],
        )
    share = 100 * len(found) / judged
    log.info(
        "%d of %d rows are likely label errors (%.1f %%): %s", len(found), judged, share, output
    )


def _suspects(
    config: "Config", folder: "ModelFolder", reader: "Reader", rows: "Rows"
) -> tuple[int, list[Suspect]]:
    """How many rows were judged, and those that are likely wrong, the likeliest first."""
    from textzoo.data.dataset import TrainingData
    from textzoo.linear.of_data import linear_of
    from textzoo.running.building import chosen_best_metric, model_class
    from textzoo.serving.embedding_model import linear_encoder

    model = model_class(folder)({**reader.sizes(), **config.hyper_parameters})
    labels, every = rows.columns[model.label_column], np.arange(len(rows))
    counts = labels.lengths(every)
    needs_label = not reader.rows_without_labels_count
    is_judged = counts > 0 if needs_label else np.full(len(rows), True)
    n_rows = np.bincount(labels.values, minlength=len(reader.label_names))
    known = np.flatnonzero(n_rows > 1)  # of others a fit without their row knows nothing
    of_one = bool((counts[is_judged] == 1).all())
    if of_one:
        is_judged[is_judged] = np.isin(labels.values, known)
    if len(known) + (not of_one) < 2 or not is_judged.any():
        raise UserError(
            f"runner.train_data_dir: {config.runner.train_data_dir}: received {len(known)} "
            "label(s) that several rows have, expected two or more to choose from"
        )
    best_metric = chosen_best_metric(config.runner, model)
    data = TrainingData(reader, rows, every, rows, every[:0], every[:0])
    of_data = data, config, model.label_column, best_metric, linear_encoder(config)
    asked, scores = linear_of(*of_data)[1]
    asked, scores = asked[is_judged[asked]], scores[is_judged[asked]]
    find = _of_one_label if of_one else _of_several_labels
    return len(asked), find(asked, labels.chosen(asked), scores, known, needs_label)


def _of_one_label(
    rows: np.ndarray, labels: "Ragged", scores: np.ndarray, known: np.ndarray, needs_label: bool
) -> list[Suspect]:
    """Of rows that have one label each; arguments as of `_of_several_labels`."""
    from textzoo.metrics.calibration import scaled_softmax
    from textzoo.metrics.confident_learning import label_errors

    given = np.searchsorted(known, labels.values)
    errors = label_errors(scaled_softmax(scores[:, known], given), given)
    return [
        Suspect(int(rows[place]), float(score), [int(known[given[place]])], [int(known[label])])
        for place, label, score in zip(*errors)
    ]


def _of_several_labels(
    rows: np.ndarray, labels: "Ragged", scores: np.ndarray, known: np.ndarray, needs_label: bool
) -> list[Suspect]:
    """Of rows that have any number of labels, each label against the rest.

    Args:
        rows: `[n]` their numbers.
        labels: those that each was given.
        scores: `[n, labels]` of a fit without the row.
        known: the labels that are judged.
        needs_label: whether each row has one: where its own are all wrong and none is missing, the
            likeliest other one is suggested.
    """
    from textzoo.linear.fusion import probabilities
    from textzoo.metrics.confident_learning import pair_errors
    from textzoo.text.ragged import truth_of

    truth = truth_of(labels, np.arange(len(rows)), scores.shape[1])
    chances = probabilities(scores, truth)
    errors = pair_errors(chances[:, known], truth[:, known])
    found: dict[int, Suspect] = {}
    for place, label, score in zip(*(array.tolist() for array in errors)):
        if place not in found:
            own = np.flatnonzero(truth[place]).tolist()
            found[place] = Suspect(int(rows[place]), score, own, [*own])
        changed, suggested = int(known[label]), found[place].suggested
        suggested.remove(changed) if changed in suggested else suggested.append(changed)
    for place, suspect in found.items() if needs_label else ():
        if not suspect.suggested:
            suspect.suggested.append(int(np.where(truth[place], -1, chances[place]).argmax()))
    return list(found.values())


def _described(
    suspect: Suspect, rows: "Rows", reader: "Reader", names: Sequence[str]
) -> dict[str, Any]:
    line = rows.line(suspect.row)
    return {
        "place": line.place,
        "score": round(suspect.score, 6),
        "labels": [names[label] for label in suspect.labels],
        "suggested": [names[label] for label in suspect.suggested],
        "text": reader.describe(line.text)["text"],
    }


def _shown(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "no label"
