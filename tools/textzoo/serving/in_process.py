"""Exported models in three lines of Python: the public interface of the library.

    from textzoo import Tagger

    tagger = Tagger.load("exported")
    tagger.predict(["a text", "another one"])

Nothing here needs the model's folder, its config, or its data; with ONNX Runtime not even Paddle.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from textzoo.called import program
from textzoo.errors import BadText, UserError
from textzoo.evaluation.predictions import predictions_of
from textzoo.index.opening import load_index
from textzoo.linear.explaining import WITHOUT, Explainer
from textzoo.metrics.calibration import Calibration
from textzoo.serving.exported_ensemble import ExportedEnsemble, load_exported
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.manifest import INDEX, LABELS
from textzoo.text.reader import Side
from textzoo.training.facts import WEIGHTS

__all__ = ["BadText", "Encoder", "SemanticIndex", "Tagger", "UserError"]

FolderPath = Union[str, "os.PathLike[str]"]
FolderPaths = Union[FolderPath, Sequence[FolderPath]]


class Tagger:
    """Predicts the labels, or the level of each label, of texts.

    Make one with `load`. It may be used from several threads.

    Attributes:
        model: the exported folder behind it.
        label_names: the labels in the order of their ids.
        top_k: how many of the best tags are listed unless told otherwise.
        explainer: tells why, if the model has a linear part.
    """

    def __init__(self, model: ExportedModel):
        self.model = model
        self.label_names: list[str] = list(model.reader.label_names)
        self.top_k: int = model.manifest.top_k or 1
        n_labels, threshold = len(self.label_names), model.manifest.threshold
        per_label = isinstance(threshold, list) and len(threshold) != n_labels
        if per_label or (model.path / LABELS).read_bytes() != labels_file(self.label_names):
            raise UserError(
                f"{model.path}: {LABELS}, the thresholds and the vocabulary have other labels, "
                "export the model anew"
            )
        self.explainer: Optional[Explainer] = None
        if model.linear:
            part, fusion = model.linear
            self.explainer = Explainer(part, fusion.factor, self.label_names)

    @classmethod
    def load(
        cls, path: FolderPath, engine: Optional[str] = None, trust_code: bool = False
    ) -> "Tagger":
        """Load a folder that export.py made of a model that scores labels.

        Args:
            path: the folder.
            engine: `paddle` or `onnx`; default: the first of them that is there.
            trust_code: whether code that the folder brings may be run: the reader of a model
                folder of one's own.

        Raises:
            UserError: it is no such folder or not as it was exported, its code is not trusted, or
                the engine is missing.
        """
        model = _load(path, engine, trust_code, ("tags", "levels"), "Encoder or SemanticIndex")
        return cls(model)

    def predict(
        self, texts: Sequence[str], top_k: Optional[int] = None, explain: int = 0
    ) -> list[dict[str, Any]]:
        """The predictions of texts, as infer.py writes them to predictions.jsonl.

        Args:
            texts: any texts; what a text has beyond the model's longest is cut off.
            top_k: how many of the best tags to list; default: as in the config.
            explain: of how many n-grams at most to tell what they add to each of these scores.

        Returns:
            For each text `top`, a list of `{"tag": ..., "score": ...}`, best first, with the
            `"probability"` that the text has it, if a calibration is known; and
            `predicted`: the labels that score above the threshold, if the model has one, or the
            level of each label. With `explain` each tag also has `why`, a list of
            `{"ngram": ..., "share": ...}`, the largest share first.

        Raises:
            BadText: naming the place of a text that the model cannot read.
            ValueError: `top_k` is below 1, or `explain` below 0.
            UserError: the model cannot explain, as it has no linear part.
        """
        _check_count("top_k", top_k)
        self.check_explainable(explain)
        found: list[dict[str, Any]] = [{}] * len(texts)
        for places, outputs in self.model.batches(self.model.encode(texts)):
            for place, row in zip(places, self.predictions(outputs, top_k)):
                found[place] = row
        if self.explainer and explain:
            self.explainer.explain(list(texts), found, explain)
        return found

    def check_explainable(self, explain: int) -> None:
        """Refuse to tell of so many n-grams what they add to a score.

        Raises:
            ValueError: it is a number below 0.
            UserError: the model has no linear part.
        """
        if explain < 0:
            raise ValueError(f"explain: received {explain}, expected at least 0")
        if explain and not self.explainer:
            raise UserError(f"explain: {WITHOUT}")

    def predictions(
        self, outputs: dict[str, np.ndarray], top_k: Optional[int] = None
    ) -> list[dict[str, Any]]:
        """The same from the program's outputs."""
        _check_count("top_k", top_k)
        manifest, top_k = self.model.manifest, top_k or self.top_k
        calibration = Calibration(*manifest.calibration) if manifest.calibration else None
        named = predictions_of(
            manifest.kind, self.label_names, top_k, manifest.threshold, calibration
        )
        return named.of_batch(outputs)


class Encoder:
    """Embeds texts.

    Make one with `load`. It may be used from several threads.

    Attributes:
        model: the exported folder, or folders, behind it.
    """

    def __init__(self, model: Union[ExportedModel, ExportedEnsemble]):
        self.model = model

    @classmethod
    def load(
        cls, path: FolderPaths, engine: Optional[str] = None, trust_code: bool = False
    ) -> "Encoder":
        """Load a folder that export.py made of a model of pairs.

        Of a list of such folders the embeddings stand side by side: a cosine is the mean of theirs.
        Arguments and errors are those of `Tagger.load`.
        """
        if isinstance(path, (str, os.PathLike)):
            return cls(_load(path, engine, trust_code, ("embeddings",), "Tagger"))
        if not path:
            raise ValueError("path: received an empty list, expected at least one folder")
        return cls(load_exported(list(map(Path, path)), engine, trust_code))

    def encode(self, texts: Sequence[str], side: Side = "query") -> np.ndarray:
        """The embeddings of texts, `[texts, width]`, of length 1.

        Args:
            texts: any texts.
            side: whether they seek (`query`) or are to be found (`title`): which prefix they get,
                if the model was trained with some.

        Raises:
            BadText: naming the place of a text that the model cannot read.
            ValueError: there is no such side.
        """
        if side not in ("query", "title"):
            raise ValueError(f"side: received {side!r}, expected query or title")
        return self._embeddings(texts, len(texts) if side == "query" else 0)

    def _embeddings(self, texts: Sequence[str], n_queries: int) -> np.ndarray:
        embeddings = np.empty((len(texts), self.model.manifest.width or 0), np.float32)
        for places, outputs in self.model.batches(self.model.encode(texts, n_queries)):
            embeddings[places] = outputs["embeddings"]
        return embeddings

    def similarity(self, first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        """The cosine of each text of `first` and the one at its place in `second`, `[texts]`.

        With prefixes those of `first` are queries, those of `second` titles.

        Raises:
            BadText: naming the place of a text, counted over both lists.
            TypeError: one of them is a text, not a list of texts.
            ValueError: the lists differ in length.
        """
        if isinstance(first, str) or isinstance(second, str):
            raise TypeError("received one text, expected two lists of texts")
        if len(first) != len(second):
            raise ValueError(f"received {len(first)} and {len(second)} texts, expected as many")
        return paired_cosines(self._embeddings([*first, *second], len(first)))


class SemanticIndex:
    """Searches the texts of an exported index.

    Make one with `load`. It may be used from several threads.

    Attributes:
        encoder: what embeds the queries.
    """

    def __init__(self, encoder: Encoder):
        self.encoder = encoder
        manifest, path = encoder.model.manifest, encoder.model.path
        if manifest.index is None:
            raise UserError(
                f"{path}: was exported without an index; run {program('recall')}, then "
                f"{program('export')} again"
            )
        settings = manifest.index.model_copy(update={"path": path / INDEX})
        index = load_index(settings, exported=True)
        weights = weights_of(index.made_from["checkpoint"]) if index else []
        if len(weights) != len(encoder.model.weights):
            raise UserError(
                f"{path}: its index is of {len(weights)} checkpoint(s), received the exports of "
                f"{len(encoder.model.weights)}: load those of all together, in the order of "
                "runner.infer_ensemble"
            )
        if index is None or weights != encoder.model.weights:
            raise UserError(
                f"{path}: {settings.place} no longer holds this checkpoint's embeddings; run "
                f"{program('recall')} with this checkpoint, or export the present one"
            )
        self._index = index
        self._is_hybrid = bool(settings.lexical_weight)

    @classmethod
    def load(
        cls, path: FolderPaths, engine: Optional[str] = None, trust_code: bool = False
    ) -> "SemanticIndex":
        """Load a folder that export.py made of a model of pairs with its index.

        Of a list of folders the first one has the index of all, see `Encoder.load`.
        Arguments and errors are those of `Tagger.load`.
        """
        return cls(Encoder.load(path, engine, trust_code))

    def __len__(self) -> int:
        return len(self._index)

    def search(self, texts: Sequence[str], k: int = 10) -> list[list[dict[str, Any]]]:
        """The nearest texts of each text, best first.

        Args:
            texts: the queries.
            k: how many to find; all that exist when it is more.

        Returns:
            For each query a list of `{"text": ..., "score": ...}`; the score is the cosine, or
            with `index.lexical_weight` what doc/hybrid_search.md says.

        Raises:
            BadText: naming the place of a query that the model cannot read.
            ValueError: `k` is below 1.
            UserError: the index is on a server, which does not answer.
        """
        _check_count("k", k)
        return self.nearest(self.encoder.encode(texts), k, texts)

    def nearest(
        self, embeddings: np.ndarray, k: int, texts: Optional[Sequence[str]] = None
    ) -> list[list[dict[str, Any]]]:
        """The same for queries that are embedded already.

        Args:
            embeddings: `[queries, width]`, of length 1, as `Encoder.encode` gives them.
            k: how many to find.
            texts: of the queries, which an index with a lexical weight needs.

        Raises:
            ValueError: `k` is below 1, the embeddings have another shape or length, or the texts
                are missing or of another number.
        """
        _check_count("k", k)
        embeddings = np.asarray(embeddings, np.float32)
        width = self.encoder.model.manifest.width
        if embeddings.ndim != 2 or embeddings.shape[1] != width:
            raise ValueError(
                f"embeddings: received shape {list(embeddings.shape)}, expected [queries, {width}]"
            )
        if not np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=0.01):
            raise ValueError("embeddings: expected rows of length 1, as Encoder.encode gives them")
        if texts is None and self._is_hybrid:
            raise ValueError("texts: n-grams count in this index: expected the queries' texts too")
        if texts is not None and len(texts) != len(embeddings):
            raise ValueError(f"texts: received {len(texts)}, expected {len(embeddings)}")
        found = self._index.nearest(embeddings, k, None if texts is None else list(texts))
        return [
            [{"text": hit.text, "score": round(hit.score, 6)} for hit in hits] for hits in found
        ]


def weights_of(digests: dict[str, Any]) -> list[Any]:
    """The digests of weights among those that an index is made from: one of each checkpoint."""
    return [digest for name, digest in digests.items() if name.partition(" ")[0] == WEIGHTS]


def _check_count(name: str, count: Optional[int]) -> None:
    if count is not None and count < 1:
        raise ValueError(f"{name}: received {count}, expected at least 1")


def paired_cosines(embeddings: np.ndarray) -> np.ndarray:
    """The cosine of each embedding of the first half and the one at its place in the second."""
    first, second = np.split(embeddings, 2)
    return np.einsum("nd,nd->n", first, second)


def labels_file(names: list[str]) -> bytes:
    """The content of `labels.json`."""
    return json.dumps(names, ensure_ascii=False).encode()


def _load(
    path: FolderPath, engine: Optional[str], trust_code: bool, kinds: tuple[str, ...], other: str
) -> ExportedModel:
    model = ExportedModel(Path(path), engine, trust_code)
    if model.manifest.kind not in kinds:
        raise UserError(
            f"{path}: holds a model of {model.manifest.kind}; expected one of "
            f"{' or '.join(kinds)}: load it with {other}"
        )
    return model
