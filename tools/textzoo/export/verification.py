"""Whether an exported model still gives what its net gave: the examples, replayed."""

import logging
from pathlib import Path

import numpy as np

from textzoo.errors import UserError
from textzoo.export.comparison import compared
from textzoo.linear.fusion import all_scores
from textzoo.logs import start_logging
from textzoo.running.engines import FORMATS, is_installed
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.manifest import read_manifest
from textzoo.text.reader import Feeds

log = logging.getLogger("textzoo")

TOLERANCE = 1e-4  # of scores; engines sum in other orders, but none differs by so much


def verify(path: Path, trust_code: bool = False) -> None:
    """Replay the examples of an exported folder on every engine that is there.

    An export in fewer bits is compared with the float32 net, too; a large difference is warned of.

    Args:
        path: the folder.
        trust_code: see `ExportedModel`.

    Raises:
        UserError: the folder is not as it was exported, its code is not trusted, no engine is
            there, or one gives other outputs.
    """
    start_logging()
    manifest = read_manifest(path)
    n_files, n_texts = len(manifest.sha256), len(manifest.examples)
    log.info("%s: model %s, %d files as exported", path, manifest.model, n_files)
    formats = [name for name in FORMATS if name in manifest.formats]
    for name in formats:
        if not is_installed(name):
            log.info("%s: not checked, as its package is not installed", name)
            continue
        model = ExportedModel(path, name, trust_code)
        worst = replayed_difference(model)
        log.info("%s (%s): %d texts, largest difference %.1e", name, model.engine, n_texts, worst)
        if not worst <= TOLERANCE:  # it may be NaN
            raise UserError(
                f"{path}: {name} differs from the net that was exported by {worst:.1e}, more than "
                f"{TOLERANCE:.0e}"
            )
        log_comparison(model)
    if not any(map(is_installed, formats)):
        raise UserError(f"{path}: none of {', '.join(formats)} can be run here")


def log_comparison(model: ExportedModel) -> None:
    """Say how far an export in fewer bits is from the float32 net."""
    precision = model.manifest.precision
    if precision == "float32":
        return
    found = compared(model)
    log.info("%s against float32: %s", precision, found.text)
    if not found.is_near:
        others = "float32" if precision == "bfloat16" else "bfloat16 or float32"
        log.warning("%s changes what this model answers: --precision %s", precision, others)


def replayed_difference(model: ExportedModel) -> float:
    """The largest difference between the outputs of the examples and what the net gave.

    The examples make one batch; one of them is computed alone as well.
    """
    rows, outputs = model.encode(model.manifest.examples), model.examples.outputs
    worst = largest_difference(model.run(model.feeds(rows)), outputs)
    # Other sizes of batch and length: one text, not the longest, by itself.
    alone = min(range(len(rows)), key=lambda i: sum(map(len, rows[i].values())))
    own = {name: array[alone : alone + 1] for name, array in outputs.items()}
    return float(np.maximum(worst, largest_difference(model.run(model.feeds([rows[alone]])), own)))


def largest_difference(ours: Feeds, theirs: Feeds) -> float:
    """The largest difference between the scores or embeddings of two batches of outputs.

    It is NaN if there is one among them.
    """
    if "best_labels" in theirs:
        n_labels = 1 + max(outputs["best_labels"].max() for outputs in (ours, theirs))
        ours, theirs = ({"scores": all_scores(outputs, n_labels)} for outputs in (ours, theirs))
    return float(np.max([np.abs(ours[name] - array).max() for name, array in theirs.items()]))
