"""One of the models of a server: what answers for it, and its paths."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np

from textzoo.errors import BadText
from textzoo.serving.exported_ensemble import load_exported
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger
from textzoo.serving.limits import Limits
from textzoo.serving.manifest import MANIFEST
from textzoo.serving.measuring import Metrics
from textzoo.serving.micro_batching import Batcher, Outputs
from textzoo.text.coverage import Coverage

_NAMED = 50  # labels
TOKENS = "tokens"  # the output of a batch with the number of ids of each text


class Served:
    """An exported folder, or several as one, behind a name.

    Args:
        name: by which it is asked for; empty: it is the only one, and has the paths of the root.
        folders: made by export.py.
        limits: what it takes.
        metrics: what is told of its batches.
        engine: `paddle` or `onnx`; default: the first of them that is there.
        trust_code: see `ExportedModel`.

    Attributes:
        name: as given, or that of the model's folder.
        path: what its paths begin with.
        model: what computes.
        batcher: the same, for many requests at a time.
        tagger: of a model that scores labels.
        index: of a model that embeds texts, if it was exported with one.
        facts: what /model tells.
        exported_at: when that was, in seconds since 1970.

    Raises:
        UserError: a folder cannot be loaded.
    """

    def __init__(
        self,
        name: str,
        folders: Sequence[Path],
        limits: Limits,
        metrics: Metrics,
        engine: Optional[str] = None,
        trust_code: bool = False,
    ):
        self.model = model = load_exported(folders, engine, trust_code)
        manifest = model.manifest
        self.name = name or manifest.model
        self.path = f"/models/{name}" if name else ""
        self.tagger: Optional[Tagger] = None
        self.index: Optional[SemanticIndex] = None
        if isinstance(model, ExportedModel) and manifest.kind != "embeddings":
            self.tagger = Tagger(model)
        elif manifest.index:
            self.index = SemanticIndex(Encoder(model))
        self._batch_texts = metrics.batch_texts.labels(self.name)
        self._batch_tokens = metrics.batch_tokens.labels(self.name)
        self.batcher = Batcher(model.encode, self._compute, limits.batch, limits.waiting)
        metrics.waiting.labels(self.name).set_function(lambda: self.batcher.n_waiting)
        self.exported_at = int((model.path / MANIFEST).stat().st_mtime)
        self.facts = self._facts(limits)

    def _compute(self, rows: list[Any]) -> Outputs:
        tokens = np.array([self.model.n_tokens(row) for row in rows])
        self._batch_texts.observe(len(rows))
        self._batch_tokens.observe(tokens.sum())
        return {**self.model.outputs(rows), TOKENS: tokens}

    def _empty_coverage(self) -> Optional[Coverage]:
        try:
            return self.model.coverage("")
        except BadText:  # a reader of one's own may refuse it
            return None

    def _facts(self, limits: Limits) -> dict[str, Any]:
        manifest, empty = self.model.manifest, self._empty_coverage()
        return {
            "name": self.name,
            "model": manifest.model,
            "kind": manifest.kind,
            "engine": self.model.engine,
            "checkpoint": manifest.checkpoint.model_dump(),
            "threshold": manifest.threshold,
            "explains": self.tagger is not None,
            "has_linear": self.model.linear is not None,
            "labels": self.tagger.label_names[:_NAMED] if self.tagger else [],
            "n_labels": len(self.tagger.label_names) if self.tagger else 0,
            "reads": empty and {"unit": empty.unit, "limit": empty.limit},
            "indexed_texts": None if self.index is None else len(self.index),
            "is_hybrid": bool(manifest.index and manifest.index.lexical_weight),
            "weak_below": None if self.index is None else manifest.weak_below,
            "exported_at": self.exported_at,
            "examples": manifest.examples,
            "limits": {
                "texts": limits.texts,
                "characters": limits.characters,
                "results": limits.results,
            },
        }
