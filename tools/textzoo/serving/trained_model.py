"""A checkpoint of a training run in the place of an export: the config that it was trained with.

It does what an `ExportedModel` does, with the folder of the model behind it and Paddle alone.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np

from textzoo.config.checking import Config
from textzoo.config.loading import load_config
from textzoo.config.model_folder import ModelFolder
from textzoo.config.schema import IndexSettings, Runner
from textzoo.data.batching import text_batches
from textzoo.devices import choose_device
from textzoo.evaluation.row_outputs import embed
from textzoo.index.text_index import TextIndex
from textzoo.inference.choosing import (
    chosen_calibration,
    chosen_computation,
    chosen_threshold,
    load_chosen,
)
from textzoo.inference.corpus_index import prepared_index
from textzoo.inference.embedder import Embedder
from textzoo.inference.explaining import Explainer
from textzoo.inference.labelling import explainer_of
from textzoo.inference.restoring import restore_all
from textzoo.linear.fusion import Fusion
from textzoo.linear.part import LinearPart
from textzoo.logs import log_restored
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.names import Kind
from textzoo.metrics.thresholds import Threshold
from textzoo.running.building import chosen_metrics, model_class
from textzoo.running.fused import FusedRun
from textzoo.running.run import InferenceRun
from textzoo.serving.embedding_model import linear_encoder
from textzoo.serving.exported_model import encoded_texts
from textzoo.text.ragged import Ragged
from textzoo.text.reader import Feeds, Reader
from textzoo.training.checkpoint import Checkpoint
from textzoo.training.facts import WEIGHTS

_BATCH = 64


@dataclass(frozen=True)
class TrainedFacts:
    """What an export's manifest says of it, of a trained model."""

    kind: Kind
    top_k: int
    threshold: Optional[Threshold] = None
    calibration: Optional[tuple[float, float]] = None
    metrics: Sequence[str] = ()
    width: Optional[int] = None
    index: Optional[IndexSettings] = None


class ScoringModel(NamedTuple):
    """A trained model that scores labels, and what its checkpoints say of the scores.

    Attributes:
        run: what computes.
        reader: with the checkpoints' vocabulary.
        checkpoints: one, or several whose scores are averaged.
        metrics: that the config names.
        threshold: above which a label is predicted; None: the best one is.
        calibration: of scores to probabilities, if known.
    """

    run: InferenceRun
    reader: Reader
    checkpoints: list[Checkpoint]
    metrics: list[str]
    threshold: Optional[Threshold]
    calibration: Optional[Calibration]


def chosen_scoring_model(config: Config, folder: ModelFolder) -> ScoringModel:
    """The model that scores labels of the checkpoints that a config chooses.

    Raises:
        UserError: checkpoints or encoder are not as they should be.
    """
    runner = config.runner
    choose_device(runner.use_gpu)
    checkpoints = load_chosen(runner)
    encoder, computation = linear_encoder(config), chosen_computation(runner)
    run, reader = restore_all(config, folder, checkpoints, computation, encoder)
    metrics = chosen_metrics(runner, run.model)
    threshold = chosen_threshold(runner, checkpoints, metrics, run.model.kind)
    calibration = chosen_calibration(checkpoints)
    return ScoringModel(run, reader, checkpoints, metrics, threshold, calibration)


class TrainedModel:
    """The checkpoint that a config chooses.

    Args:
        config: a YAML file, or a folder with a `config.yaml`.
        overrides: of its keys, `key=value`.

    Attributes:
        path: the YAML file.
        runner: the config's `runner` block.
        manifest: what would be the manifest's.
        reader: with the checkpoint's vocabulary.
        linear: the linear part and what makes one score of two, if there is one.
        weights: the digests of the weights of each checkpoint.
        run: what computes; of several checkpoints that embed texts, the first one's.
        embedder: of a model that embeds texts.

    Raises:
        UserError: config or checkpoint are not as they should be.
    """

    def __init__(self, config: Path, overrides: Sequence[str] = ()):
        self.path = config / "config.yaml" if os.path.isdir(config) else config
        self.linear: Optional[tuple[LinearPart, Fusion]] = None
        self.embedder: Optional[Embedder] = None
        self.run: InferenceRun
        self.reader: Reader
        with log_restored(verbose=False):
            checked, folder = load_config(self.path, list(overrides))
            self.runner: Runner = checked.runner
            if model_class(folder).kind == "embeddings":
                self.embedder = Embedder(self.path, list(overrides))
                checkpoints = self.embedder.checkpoints
                self.run, self.reader = self.embedder.members[0]
                width = self.embedder(["-"]).shape[1]
                names = chosen_metrics(self.runner, self.run.model)
                self.manifest = TrainedFacts(
                    "embeddings", self.runner.top_k, metrics=names, width=width
                )
            else:
                found = chosen_scoring_model(checked, folder)
                self.run, self.reader, checkpoints, names, threshold, calibration = found
                kind = self.run.model.kind
                self.manifest = TrainedFacts(kind, self.runner.top_k, threshold, calibration, names)
                if isinstance(self.run, FusedRun):
                    self.linear = self.run.linear, self.run.fusion
        self.weights = [checkpoint.facts["sha256"][WEIGHTS] for checkpoint in checkpoints]

    def explainer(self) -> Explainer:
        """What tells why a label scores as it does."""
        return explainer_of(self.run, self.reader)

    def open_index(self) -> tuple[TextIndex, IndexSettings]:
        """The index of `runner.corpus_file`; it is built if it is not there as it should be.

        Raises:
            UserError: there is no corpus.
        """
        assert self.embedder is not None
        with log_restored(verbose=False):
            return prepared_index(self.embedder), self.embedder.index_settings

    def encode(self, texts: Sequence[str], n_queries: Optional[int] = None) -> list[Any]:
        """The ids of each text, for each member; see `ExportedModel.encode`."""
        if not self.embedder:
            return encoded_texts(self.reader, texts, n_queries)
        of_members = (encoded_texts(own, texts, n_queries) for _, own in self.embedder.members)
        return list(zip(*of_members))

    def batches(self, rows: Sequence[Any]) -> Iterator[tuple[np.ndarray, Feeds]]:
        """The outputs for encoded texts; see `ExportedModel.batches`."""
        if not rows:
            return
        if self.embedder:
            members = zip(self.embedder.members, zip(*rows))
            parts = [
                embed(run, Ragged.of([ids["text"] for ids in own])) for (run, _), own in members
            ]
            joined = np.concatenate(parts, axis=1) / np.float32(len(parts) ** 0.5)
            yield np.arange(len(rows)), {"embeddings": joined}
            return
        for columns, places in text_batches(rows, _BATCH):
            yield places, self.run.infer_step(self.run.model.infer_feeds(columns, places))
