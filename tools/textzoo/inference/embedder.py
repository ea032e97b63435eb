"""Texts to embeddings with the checkpoint that a config chooses."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

import numpy as np

from textzoo.config.loading import load_config
from textzoo.config.schema import IndexSettings
from textzoo.config.variables import without_variables
from textzoo.data.unknown_pieces import UnknownPieces
from textzoo.devices import choose_device
from textzoo.errors import BadLine, UserError
from textzoo.evaluation.row_outputs import embed
from textzoo.index.opening import index_settings
from textzoo.inference.choosing import (
    Computation,
    chosen_computation,
    chosen_index,
    digests_of,
    inputs_of,
    load_chosen,
)
from textzoo.inference.restoring import restore
from textzoo.logs import ProgressBar, start_logging
from textzoo.progress import Work
from textzoo.running.building import model_class
from textzoo.running.run import InferenceRun
from textzoo.text.ragged import Ragged
from textzoo.text.reader import Reader, Side, encoded_text
from textzoo.training.checkpoint import Checkpoint

_CHUNK = 20_000  # texts that are embedded between two moves of the progress bar


class Embedder:
    """Embeds texts with the checkpoint that a config chooses, as its `infer_engine` says.

    With `runner.infer_ensemble` the embeddings of several checkpoints stand side by side, so that a
    cosine is the mean of theirs. Each has the reader and the net that it was trained with.

    Attributes:
        config: the config.
        reader: the model's reader, with the (first) checkpoint's vocabulary.
        made_from: what decides an embedding: the checksums of weights and vocabulary.
        output: where the commands write.
        inputs: where they must not write.
        model: the name of the model's folder.
        checkpoints: those whose cosines are averaged, or the one that is chosen.
        members: what computes, and its reader, of each checkpoint.
        truncate_dim: how many of their first numbers the embeddings of each have; None: all.

    Raises:
        UserError: there is no such checkpoint, or the model does not embed texts.
    """

    def __init__(self, path: Path, overrides: list[str], computation: Optional[Computation] = None):
        self.config, folder = load_config(path, overrides)
        runner = self.config.runner
        start_logging(seconds=runner.print_seconds)
        choose_device(runner.use_gpu)
        if model_class(folder).kind != "embeddings":
            raise UserError(f"{path}: model {folder.path.name} does not embed texts")
        self.output, self.inputs = runner.output_path, inputs_of(self.config)
        self.model = folder.path.name
        checkpoints = self.checkpoints = load_chosen(runner)
        self._index = chosen_index(self.config.index, checkpoints)
        computation = computation or chosen_computation(runner)
        self._unknown: dict[Optional[Path], UnknownPieces] = defaultdict(UnknownPieces)
        self.members: list[tuple[InferenceRun, Reader]] = []
        for checkpoint in checkpoints:
            config = self.config
            if runner.infer_ensemble:
                trained = _as_trained(checkpoint, self.config.hyper_parameters)
                config, _ = load_config(path, [*overrides, *trained])
            self.members.append(restore(config, folder, checkpoint, computation))
        self.reader = self.members[0][1]
        self.made_from = digests_of(checkpoints)
        self.truncate_dim = self.config.hyper_parameters.get("truncate_dim")

    @cached_property
    def index_settings(self) -> IndexSettings:
        """The config's `index` block with every name, path and weight."""
        return index_settings(self._index, self.config.runner, self.model)

    def __call__(
        self, texts: list[str], side: Side = "query", source: Optional[Path] = None
    ) -> np.ndarray:
        """The embeddings of texts, `[texts, width]`, of length 1.

        Args:
            texts: any texts.
            side: whether they seek, or are to be found.
            source: the file that they come from, for a warning.

        Raises:
            UserError: the model cannot read one of them.
        """
        return np.concatenate(list(self.chunks(texts, side, source)))

    def chunks(
        self, texts: list[str], side: Side = "query", source: Optional[Path] = None
    ) -> Iterator[np.ndarray]:
        """The same in pieces, which come with a progress bar."""
        bar = ProgressBar(total=len(texts), unit="text", disable=not sys.stderr.isatty())
        with bar, Work("embedding", len(texts), "texts") as work:
            for first in range(0, len(texts), _CHUNK):
                chunk = texts[first : first + _CHUNK]
                embeddings = []
                for run, reader in self.members:
                    ids = Ragged.of([ids_of(reader, text, side, source) for text in chunk])
                    self._unknown[source].add({"text": ids}, reader)
                    embeddings.append(embed(run, ids, work, 1 / len(self.members)))
                self._unknown[source].warn_once(source)
                yield np.concatenate(embeddings, axis=1) / len(embeddings) ** 0.5
                bar.update(len(chunk))


def ids_of(reader: Reader, text: str, side: Side, source: Optional[Path] = None) -> list[int]:
    """The ids of a text.

    Raises:
        UserError: the tokenizer fails at it; `source` is the file that it is of.
    """
    try:
        return encoded_text(reader, text, side)["text"]
    except BadLine as problem:  # of a tokenizer that fails at it
        place = f"{source}: " if source else ""
        raise UserError(f"{place}{text[:50]!r}: {problem}") from None


def _as_trained(checkpoint: Checkpoint, ours: dict[str, Any]) -> list[str]:
    """Overrides that give a checkpoint's own reader and net, cut off as `ours` says."""
    saved = checkpoint.facts["config"]
    net = saved["hyper_parameters"] | {k: v for k, v in ours.items() if k == "truncate_dim"}
    blocks = {"reader": saved["reader"], "hyper_parameters": net}
    return [f"{name}={without_variables(json.dumps(block))}" for name, block in blocks.items()]
