"""The weights of a checkpoint for a run whose labels are not all those that it was trained on."""

import logging

import numpy as np

from textzoo.config.checking import Config
from textzoo.config.loading import build_reader
from textzoo.config.model_folder import ModelFolder
from textzoo.distributed.collectives import own_rows
from textzoo.distributed.sharding import own_shards
from textzoo.errors import UserError
from textzoo.running.run import Run
from textzoo.text.reader import Reader
from textzoo.training.checkpoint import Checkpoint, check_fit, load_weights

log = logging.getLogger("textzoo")

_SOURCE = "runner.model_init_path"
_NAMED = 5  # labels that a line of the log names


def start_from(
    run: Run, checkpoint: Checkpoint, config: Config, folder: ModelFolder, reader: Reader
) -> None:
    """Give a new run the weights of a checkpoint; those of each label go by the label's name.

    Labels that the checkpoint lacks start as in a new net, which is logged.

    Args:
        run: the new run.
        checkpoint: what it starts from.
        config: of the run.
        folder: the model's.
        reader: with the vocabulary of the run.

    Raises:
        UserError: the checkpoint does not fit the net, or the model does not say which of its
            weights are those of labels.
    """
    if run.model.kind == "embeddings":
        load_weights(run, checkpoint, folder, _SOURCE)
        return
    before = build_reader(config, folder, checkpoint.vocabulary).label_names
    labels = reader.label_names
    if labels == before:
        load_weights(run, checkpoint, folder, _SOURCE)
        return
    _tell(checkpoint, before, labels)
    weights = run.parameters()
    axes = {name: axis for name, axis in run.model.label_weights.items() if name in weights}
    if not axes:
        raise UserError(
            f"{_SOURCE}: {checkpoint.path} was trained on other labels, and model "
            f"{folder.path.name} does not say which weights belong to them, expected "
            "Model.label_weights (doc/add_a_model.md); train anew without runner.model_init_path"
        )
    expected = {}
    for name, values in weights.items():
        shape = list(values.shape)
        if name in run.shards:
            shape[0] = run.shards[name]
        if name in axes:
            shape[axes[name]] = shape[axes[name]] // len(labels) * len(before)
        expected[name] = np.broadcast_to(np.float32(0), shape)
    check_fit(expected, checkpoint, folder.path.name, _SOURCE)
    own = own_shards(checkpoint.parameters, run.shards)
    weights.update({name: values for name, values in own.items() if name not in axes})
    run.model.initialise_labels(weights, reader)
    ids = {label: i for i, label in enumerate(before)}
    places = np.array([ids.get(label, -1) for label in labels])
    for name, axis in axes.items():
        of_name = places[own_rows(len(labels))] if name in run.shards else places
        ours = _by_label(weights[name], axis, len(of_name))
        theirs = _by_label(checkpoint.parameters[name], axis, len(before))
        known = np.flatnonzero(of_name >= 0)
        ours[known] = theirs[of_name[known]]
    run.set_parameters(weights)


def _by_label(values: np.ndarray, axis: int, n_labels: int) -> np.ndarray:
    """A view of weights with one row for each label; a label may have several along its axis."""
    shape = values.shape
    apart = values.reshape(*shape[:axis], n_labels, -1, *shape[axis + 1 :])
    return np.moveaxis(apart, axis, 0)


def _tell(checkpoint: Checkpoint, before: list[str], labels: list[str]) -> None:
    for what, some, others in (
        ("new label(s), which start afresh", labels, before),
        ("label(s) that reader.labels lacks, which are left out", before, labels),
    ):
        known = set(others)
        if found := [label for label in some if label not in known]:
            shown = ", ".join(found[:_NAMED]) + ", ..." * (len(found) > _NAMED)
            log.info("%s: %s: %d %s: %s", _SOURCE, checkpoint.path, len(found), what, shown)
