"""A loaded model on labelled rows: the metrics of infer.py."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Optional, cast

import numpy as np

from textzoo.config.schema import IndexSettings, Runner
from textzoo.data.cache import Cache, encoded_rows
from textzoo.data.given_rows import Rows, is_path, write_rows
from textzoo.data.input_files import input_files
from textzoo.errors import UserError
from textzoo.evaluation.evaluator import evaluator_of
from textzoo.logs import log_restored
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.names import check_metric_names
from textzoo.running.run import InferenceRun
from textzoo.serving.exported_model import ExportedModel

if TYPE_CHECKING:
    from textzoo.serving.trained_model import TrainedModel

_MOST_LABELS = 100  # that metrics look at, as `Model.n_best` is elsewhere


def evaluate_model(
    model: "ExportedModel | TrainedModel", rows: Rows, names: Optional[Sequence[str]] = None
) -> dict[str, Any]:
    """The metrics of a model on rows with labels, or of one of pairs on pairs.

    Args:
        model: what was loaded.
        rows: as `given_rows.write_rows` takes them, or a path of files.
        names: of the metrics; default: those that infer.py would compute.

    Raises:
        UserError: a row cannot be read, or there is no such metric.
    """
    manifest = model.manifest
    names = list(names or manifest.metrics or ())
    if not names:
        raise UserError(
            f"{model.path}: was exported before exports named metrics: expected metrics=[...]"
        )
    check_metric_names(names, manifest.kind)
    is_export = isinstance(model, ExportedModel)
    run = cast(InferenceRun, _ExportedRun(model)) if is_export else model.run
    runner = Runner(top_k=manifest.top_k or 1) if is_export else model.runner
    embedder = None if is_export else model.embedder
    with log_restored(verbose=False), tempfile.TemporaryDirectory() as folder:
        path = Path(rows) if is_path(rows) else Path(folder, "rows.jsonl")
        if not is_path(rows):
            write_rows(rows, model.reader.fields, path, "rows")
        cache = Cache(Path(folder, "cache"), "error")
        files = input_files(path, "rows", cache)
        read = encoded_rows(files, model.reader, False, "", cache)
        index = embedder.index_settings if embedder else manifest.index or IndexSettings()
        several = embedder if embedder and len(embedder.members) > 1 else None
        evaluator = evaluator_of(
            manifest.kind, runner, model.reader, read, np.arange(len(read)), index, several
        )
        calibration = Calibration(*manifest.calibration) if manifest.calibration else None
        measured = evaluator(run, names, manifest.threshold, calibration=calibration)
        return measured.result()


class _ExportedRun:
    """An exported model as a run of it, see `InferenceRun`."""

    def __init__(self, model: ExportedModel):
        self.infer_step = model.run
        text, labels = model.reader.columns[:2]
        self.model = SimpleNamespace(
            kind=model.manifest.kind,
            text_column=text,
            label_column=labels,
            n_best=_MOST_LABELS,
            infer_feeds=model.feeds_of,
        )
