"""Exported and trained models in three lines of Python: the public interface of the library.

    from textzoo import Tagger

    tagger = Tagger.load("exported")
    tagger.predict(["a text", "another one"])

For an export nothing here needs the model's folder, its config, or its data; with ONNX Runtime not
even Paddle. A trained model is loaded by its config, see `trained_model`.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from textzoo.called import program
from textzoo.config.schema import IndexSettings
from textzoo.errors import BadText, UserError
from textzoo.evaluation.predictions import predictions_of
from textzoo.index.opening import load_index
from textzoo.index.text_index import TextIndex
from textzoo.linear.fusion import all_scores
from textzoo.metrics.calibration import Calibration
from textzoo.progress import Work
from textzoo.serving.exported_ensemble import ExportedEnsemble, load_exported
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.manifest import INDEX, LABELS, MANIFEST
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
        explainer: tells why a label scores as it does.
    """

    def __init__(self, model: ExportedModel):
        self.model = model
        self.label_names: list[str] = list(model.reader.label_names)
        self.top_k: int = model.manifest.top_k or 1
        if model.path.is_dir():  # of a trained model, whose checkpoint is checked, it is a file
            self._check_labels()
        self.explainer = model.explainer()

    def _check_labels(self) -> None:
        path, threshold = self.model.path, self.model.manifest.threshold
        per_label = isinstance(threshold, list) and len(threshold) != len(self.label_names)
        if per_label or (path / LABELS).read_bytes() != labels_file(self.label_names):
            raise UserError(
                f"{path}: {LABELS}, the thresholds and the vocabulary have other labels, "
                "export the model anew"
            )

    @classmethod
    def load(
        cls, path: FolderPath, engine: Optional[str] = None, trust_code: bool = False
    ) -> "Tagger":
        """Load a model that scores labels: a folder that export.py made, or one that was trained.

        Args:
            path: the exported folder; or the config of a trained model, or the folder of that, such
                as `textzoo.train` leaves: its checkpoint is the one that predict.py takes.
            engine: of an export, `paddle` or `onnx`; default: the first of them that is there.
            trust_code: whether code that the folder brings may be run: the reader of a model
                folder of one's own.

        Raises:
            UserError: it is no such folder or not as it was exported, its code is not trusted, the
                engine is missing, or the config has no checkpoint.
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
            explain: of how many words at most to tell what they add to each of these scores, and
                of how many n-grams of the linear part, if there is one. The net is computed once
                for each word of a text, 64 times at most.

        Returns:
            For each text `top`, a list of `{"tag": ..., "score": ...}`, best first, with the
            `"probability"` that the text has it, if a calibration is known; and
            `predicted`: the labels that score above the threshold, if the model has one, or the
            level of each label. With `explain` each tag also has `words`, and with a linear part
            `why`, and `shares_of` tells of what the shares are; see `Explainer.explain`.

        Raises:
            BadText: naming the place of a text that the model cannot read.
            ValueError: `top_k` is below 1, or `explain` below 0.
        """
        _check_count("top_k", top_k)
        if explain < 0:
            raise ValueError(f"explain: received {explain}, expected at least 0")
        found: list[dict[str, Any]] = [{}] * len(texts)
        for places, outputs in self.model.batches(self.model.encode(texts)):
            for place, row in zip(places, self.predictions(outputs, top_k)):
                found[place] = row
        if explain:
            self.explainer.explain(texts, found, explain)
        return found

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """The probability of each label, `[texts, labels]`, in the order of `label_names`.

        Each is by itself that the text has the label; they are calibrated on validation rows. Of
        levels it is that of each level, `[texts, labels, levels]`. A label that a model of very
        many does not score for a text has the probability of the last that it does.

        Raises:
            BadText: naming the place of a text that the model cannot read.
            UserError: no calibration is known, as the model was trained without validation rows.
        """
        calibration = self.model.manifest.calibration
        is_levels = self.model.manifest.kind == "levels"
        if calibration is None and not is_levels:
            raise UserError(
                f"{self.model.path}: no calibration is known, which makes probabilities of scores: "
                "train with validation rows, such as runner.valid_fraction=0.1"
            )
        found = np.empty((0, len(self.label_names)), np.float64)
        for places, outputs in self.model.batches(self.model.encode(texts)):
            if calibration is None:
                rows = outputs["scores"].astype(np.float64)
            else:
                scores = all_scores(outputs, len(self.label_names))
                rows = Calibration(*calibration)(scores)
            if not len(found):
                found = np.empty((len(texts), *rows.shape[1:]))
            found[places] = rows
        return found

    def evaluate(self, rows: Any, metrics: Optional[Sequence[str]] = None) -> dict[str, Any]:
        """The metrics of labelled rows, as infer.py computes them.

        Args:
            rows: `(text, labels)` pairs, dicts, a DataFrame, or the path of a file; see
                doc/python.md.
            metrics: their names; default: those of the config that it was trained with.

        Raises:
            UserError: a row cannot be read, or there is no such metric.
        """
        return _evaluate(self.model, rows, metrics)

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
        """Load a model of pairs: a folder that export.py made, or one that was trained.

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
        with Work("embedding", len(texts), "texts") as work:
            for places, outputs in self.model.batches(self.model.encode(texts, n_queries)):
                embeddings[places] = outputs["embeddings"]
                work.update(len(places))
        return embeddings

    def evaluate(self, rows: Any, metrics: Optional[Sequence[str]] = None) -> dict[str, Any]:
        """How well queries recall their titles among the texts of the pairs, as infer.py has it.

        Of an export it is without the corpus of its config. Arguments and errors are those of
        `Tagger.evaluate`, with `(query, title)` pairs.
        """
        return _evaluate(self.model, rows, metrics)

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
    """Searches the texts of an exported index, or of a trained model's `runner.corpus_file`.

    Make one with `load`. It may be used from several threads.

    Attributes:
        encoder: what embeds the queries.
    """

    def __init__(self, encoder: Encoder):
        self.encoder = encoder
        model: Any = encoder.model
        index, settings = _exported_index(model) if model.path.is_dir() else model.open_index()
        self._index = index
        self._is_hybrid = bool(settings.lexical_weight)

    @classmethod
    def load(
        cls, path: FolderPaths, engine: Optional[str] = None, trust_code: bool = False
    ) -> "SemanticIndex":
        """Load a folder that export.py made of a model of pairs with its index.

        Of a trained model it is the index that recall.py makes; if it is not there it is made.
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


def _exported_index(
    model: Union[ExportedModel, ExportedEnsemble],
) -> tuple[TextIndex, IndexSettings]:
    manifest, path = model.manifest, model.path
    if manifest.index is None:
        raise UserError(
            f"{path}: was exported without an index; run {program('recall')}, then "
            f"{program('export')} again"
        )
    settings = manifest.index.model_copy(update={"path": path / INDEX})
    index = load_index(settings, exported=True)
    weights = [] if index is None else weights_of(index.made_from["checkpoint"])
    if len(weights) != len(model.weights):
        raise UserError(
            f"{path}: its index is of {len(weights)} checkpoint(s), received the exports of "
            f"{len(model.weights)}: load those of all together, in the order of "
            "runner.infer_ensemble"
        )
    if index is None or weights != model.weights:
        raise UserError(
            f"{path}: {settings.place} no longer holds this checkpoint's embeddings; run "
            f"{program('recall')} with this checkpoint, or export the present one"
        )
    return index, settings


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


def _evaluate(model: Any, rows: Any, metrics: Optional[Sequence[str]]) -> dict[str, Any]:
    from textzoo.devices import import_paddle

    import_paddle()
    from textzoo.serving.evaluating import evaluate_model

    return evaluate_model(model, rows, metrics)


def _load(
    path: FolderPath, engine: Optional[str], trust_code: bool, kinds: tuple[str, ...], other: str
) -> Any:
    path = Path(path)
    if path.suffix in (".yaml", ".yml") or (
        not os.path.isfile(path / MANIFEST) and os.path.isfile(path / "config.yaml")
    ):
        from textzoo.devices import import_paddle

        if engine is not None:
            raise UserError(f"engine: received {engine}, which is for exports: {path} is a config")
        import_paddle()
        from textzoo.serving.trained_model import TrainedModel

        model = TrainedModel(path)
    else:
        model = ExportedModel(path, engine, trust_code)
    if model.manifest.kind not in kinds:
        raise UserError(
            f"{path}: holds a model of {model.manifest.kind}; expected one of "
            f"{' or '.join(kinds)}: load it with {other}"
        )
    return model
