"""How far an export in fewer bits is from the float32 net that it was made of."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import numpy as np

from textzoo.data.batching import text_batches
from textzoo.errors import UserError
from textzoo.evaluation.predictions import predictions_of
from textzoo.linear.fusion import all_scores, best_of
from textzoo.linear.matrices import read_array, write_array
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.manifest import FLOAT32
from textzoo.text.reader import Feeds, Reader, encoded_text

if TYPE_CHECKING:  # an export is verified without Paddle, too
    from textzoo.running.run import InferenceRun

N_TEXTS = 200
_MOST = 100  # labels of a text whose scores are kept
_BATCH = 64
_NEAREST = 10
_TEXTS = "texts.json"
# Below which a comparison warns. Of 200 texts, 98 % are all but 4.
LEAST_AGREEMENT, LEAST_OVERLAP = 0.98, 0.95


class Comparison(NamedTuple):
    """What was measured.

    Attributes:
        text: it, in words.
        is_near: whether the answers are much the same.
    """

    text: str
    is_near: bool


def write_float32(place: Path, run: "InferenceRun", texts: Sequence[str], reader: Reader) -> None:
    """Write texts and what the net makes of them before its weights are rounded.

    Of many labels, the best ones of each text are kept.

    Args:
        place: the exported folder.
        run: of the net.
        texts: any.
        reader: with the checkpoint's vocabulary.
    """
    outputs: Feeds = {}
    for columns, rows in text_batches([encoded_text(reader, text) for text in texts], _BATCH):
        for name, array in run.infer_step(run.model.infer_feeds(columns, rows)).items():
            if name not in outputs:
                outputs[name] = np.empty((len(texts), *array.shape[1:]), array.dtype)
            outputs[name][rows] = array
    if run.model.kind == "tags" and "scores" in outputs:
        outputs = best_of(outputs["scores"], min(_MOST, outputs["scores"].shape[1]))
    folder = place / FLOAT32
    folder.mkdir(parents=True)
    (folder / _TEXTS).write_text(json.dumps(list(texts), ensure_ascii=False), encoding="utf-8")
    for name, array in outputs.items():
        write_array(folder / f"{name}.npz", array)


def compared(model: ExportedModel) -> Comparison:
    """Compare an export with what `write_float32` wrote into it.

    Raises:
        UserError: that is damaged.
    """
    folder, kind = model.path / FLOAT32, model.manifest.kind
    try:
        texts, theirs = _read(folder, list(model.manifest.outputs), kind == "tags")
        ours = model.outputs(model.encode(texts))
        compare = _embeddings if kind == "embeddings" else _predictions
        return compare(model, ours, theirs)
    except (IndexError, KeyError, OSError, RecursionError, TypeError, ValueError) as problem:
        raise UserError(f"{folder}: is damaged, export the model anew: {problem}") from None


def _read(folder: Path, outputs: list[str], is_tags: bool) -> tuple[list[str], Feeds]:
    texts = json.loads((folder / _TEXTS).read_text(encoding="utf-8"))
    if is_tags:
        names = {"best_labels": "i", "best_scores": "f"}
        arrays = {name: read_array(folder / f"{name}.npz", kind, 2) for name, kind in names.items()}
    else:
        n_axes = 2 if outputs == ["embeddings"] else 3
        arrays = {name: read_array(folder / f"{name}.npz", "f", n_axes) for name in outputs}
    if {len(array) for array in arrays.values()} != {len(texts)} or not texts:
        raise ValueError(f"{_TEXTS}: has {len(texts)} texts")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("not all numbers are finite")
    return texts, arrays


def _predictions(model: ExportedModel, ours: Feeds, theirs: Feeds) -> Comparison:
    """Scores of labels, and what is predicted by them."""
    names, manifest = model.reader.label_names, model.manifest
    if "best_labels" in theirs:
        scores = np.take_along_axis(all_scores(ours, len(names)), theirs["best_labels"], axis=1)
        largest = np.abs(scores - theirs["best_scores"]).max()
    else:
        largest = np.abs(ours["scores"] - theirs["scores"]).max()
    naming = predictions_of(manifest.kind, names, 1, manifest.threshold)
    alike = [
        _predicted(own) == _predicted(other)
        for own, other in zip(naming.of_batch(ours), naming.of_batch(theirs))
    ]
    agreement = float(np.mean(alike))
    return Comparison(
        f"{len(alike)} texts, largest difference {largest:.1e}, the same predictions for "
        f"{agreement:.1%}",
        agreement >= LEAST_AGREEMENT,
    )


def _predicted(row: dict[str, Any]) -> object:
    found = row.get("predicted", [row["top"][0]["tag"]])
    return set(found) if isinstance(found, list) else found


def _embeddings(model: ExportedModel, ours: Feeds, theirs: Feeds) -> Comparison:
    """Cosines of the embeddings of a text, and which other texts are near it."""
    own, other = ours["embeddings"], theirs["embeddings"]
    cosines = np.einsum("nd,nd->n", own, other)
    overlap = overlap_of_nearest(own, other)
    said = (
        f"{len(own)} texts, cosines {cosines.min():.5f} at least, {cosines.mean():.5f} in the mean"
    )
    if overlap is None:
        return Comparison(said, True)
    return Comparison(f"{said}, overlap@{_NEAREST} {overlap:.3f}", overlap >= LEAST_OVERLAP)


def overlap_of_nearest(own: np.ndarray, other: np.ndarray, n: int = _NEAREST) -> Optional[float]:
    """The share of the n texts nearest to each text that two kinds of embeddings have in common.

    Args:
        own: `[texts, width]`, of length 1.
        other: of the same texts.
        n: how many; None is returned where there are no more than that beside each.
    """
    if len(own) < n + 2:
        return None
    nearest = []
    for vectors in (own, other):
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -np.inf)
        nearest.append(np.argsort(-cosines, axis=1, kind="stable")[:, :n])
    return float(np.mean([len(np.intersect1d(*rows)) / n for rows in zip(*nearest)]))
