"""Several exported models that embed texts, as one: a cosine is the mean of theirs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from textzoo.errors import UserError
from textzoo.serving.exported_model import ExportedModel
from textzoo.text.coverage import Coverage
from textzoo.text.reader import Feeds, Side, n_tokens

Row = Any  # a tuple of `Ids`, one for each model


class ExportedEnsemble:
    """The embeddings of several models side by side; each has its own reader and net.

    It does what an `ExportedModel` does; path, manifest and examples are those of the first model.

    Args:
        models: what embeds.

    Attributes:
        path: the folder of the first one.
        manifest: its manifest, with the width of all.
        linear: None, as no model of embeddings has a linear part.
        widths: all numbers of the embeddings, which cannot be cut off.
        weights: the digests of the weights of each.

    Raises:
        UserError: one of them does not embed texts.
    """

    def __init__(self, models: Sequence[ExportedModel]):
        for model in models:
            if model.manifest.kind != "embeddings":
                raise UserError(
                    f"{model.path}: holds a model of {model.manifest.kind}; expected models that "
                    "embed texts, or one folder alone"
                )
        self._models = models
        self.path = models[0].path
        width = sum(model.manifest.width or 0 for model in models)
        self.manifest = models[0].manifest.model_copy(update={"width": width})
        self.linear = None
        self.widths = [width]
        self.weights = [digest for model in models for digest in model.weights]

    @property
    def engine(self) -> str:
        """The names and versions of what runs the programs."""
        return ", ".join(dict.fromkeys(model.engine for model in self._models))

    def encode(self, texts: Sequence[str], n_queries: Optional[int] = None) -> list[Row]:
        """The ids of each text, for each model; see `ExportedModel.encode`."""
        return list(zip(*(model.encode(texts, n_queries) for model in self._models)))

    def n_tokens(self, row: Row) -> int:
        """How many ids the nets take of an encoded text, all together."""
        return sum(map(n_tokens, row))

    def coverage(self, text: str, side: Side = "query") -> Optional[Coverage]:
        """How much of a text the first net reads, see `ExportedModel.coverage`."""
        return self._models[0].coverage(text, side)

    def outputs(self, rows: Sequence[Row]) -> Feeds:
        """The embeddings of some encoded texts, in their order; nothing for none of them."""
        if not rows:
            return {}
        parts = [model.outputs(own)["embeddings"] for model, own in zip(self._models, zip(*rows))]
        return {"embeddings": np.concatenate(parts, axis=1) / np.float32(len(parts) ** 0.5)}

    def batches(self, rows: Sequence[Row]) -> Iterator[tuple[np.ndarray, Feeds]]:
        """The same with the places in `rows`; see `ExportedModel.batches`."""
        if rows:
            yield np.arange(len(rows)), self.outputs(rows)


def load_exported(
    paths: Sequence[Path], engine: Optional[str] = None, trust_code: bool = False
) -> Union[ExportedModel, ExportedEnsemble]:
    """The model of a folder, or of several; arguments and errors are those of `ExportedModel`."""
    models = [ExportedModel(path, engine, trust_code) for path in paths]
    return models[0] if len(models) == 1 else ExportedEnsemble(models)
