"""Answers of an export beside those that were kept of float32; real ones: test_writing.py."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.errors import UserError
from textzoo.export.comparison import compared, overlap_of_nearest, write_float32
from textzoo.linear.matrices import write_array
from textzoo.serving.manifest import FLOAT32

RANDOM = np.random.default_rng(4)
NAMES = ["a", "b", "c"]
TEXTS = ["2", "0", "1", "2"]
SCORES = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]], np.float32)


class Exported:
    """An export that gives some outputs, whatever the texts."""

    def __init__(self, path, kind, outputs, threshold=None):
        manifest = SimpleNamespace(kind=kind, outputs=outputs.keys(), threshold=threshold)
        self.path, self.manifest, self._outputs = path, manifest, outputs
        self.reader = SimpleNamespace(label_names=NAMES)

    def encode(self, texts):
        return texts

    def outputs(self, rows):
        return {name: array[: len(rows)] for name, array in self._outputs.items()}


def kept(place, outputs, kind="tags", texts=TEXTS):
    """Have a folder of a run whose outputs of a text are those at its place among the texts."""
    model = SimpleNamespace(kind=kind, infer_feeds=lambda columns, rows: {"rows": rows})
    run = SimpleNamespace(
        model=model,
        infer_step=lambda feeds: {name: array[feeds["rows"]] for name, array in outputs.items()},
    )
    reader = SimpleNamespace(
        encode_text=lambda text: {"text": [1] * (1 + int(text))}, with_characters=False
    )
    write_float32(place, run, texts, reader)
    return place


def test_the_difference_and_the_share_of_equal_predictions_are_told(tmp_path):
    kept(tmp_path, {"scores": SCORES})
    assert json.loads((tmp_path / FLOAT32 / "texts.json").read_text(encoding="utf-8")) == TEXTS
    same = compared(Exported(tmp_path, "tags", {"scores": SCORES}))
    assert same.text == "4 texts, largest difference 0.0e+00, the same predictions for 100.0%"
    assert same.is_near
    ours = SCORES.copy()
    ours[2] = [0.2, 0.25, 0.3]  # another best one
    found = compared(Exported(tmp_path, "tags", {"scores": ours}))
    assert found.text == "4 texts, largest difference 2.5e-01, the same predictions for 75.0%"
    assert not found.is_near


def test_with_a_threshold_the_labels_above_it_are_the_prediction(tmp_path):
    kept(tmp_path, {"scores": SCORES})
    ours = SCORES.copy()
    ours[0] = [0.2, 0.1, 0.7]  # none of them above
    ours[1, 1] = 0.36
    found = compared(Exported(tmp_path, "tags", {"scores": ours}, threshold=0.35))
    assert "largest difference 1.0e-01, the same predictions for 75.0%" in found.text


def test_best_labels_are_compared_by_label(tmp_path):
    labels = np.array([[2, 1], [0, 1], [1, 2], [2, 1]])
    scores = np.take_along_axis(SCORES, labels, axis=1)
    kept(tmp_path, {"best_labels": labels, "best_scores": scores})
    turned = {"best_labels": labels[:, ::-1], "best_scores": scores[:, ::-1]}
    ours = {"best_labels": labels, "best_scores": scores + np.float32(0.05)}
    assert "difference 5.0e-02" in compared(Exported(tmp_path, "tags", ours)).text
    assert "difference 0.0e+00" in compared(Exported(tmp_path, "tags", turned)).text


def test_levels_are_compared_text_by_text(tmp_path):
    levels = RANDOM.random((4, 3, 2)).astype(np.float32)
    kept(tmp_path, {"scores": levels}, "levels")
    ours = levels.copy()
    ours[1, 2] = ours[1, 2, ::-1]
    found = compared(Exported(tmp_path, "levels", {"scores": ours}))
    assert "the same predictions for 75.0%" in found.text


def unit_vectors(n, width=8):
    vectors = RANDOM.normal(size=(n, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_of_embeddings_cosines_and_common_neighbours_are_told(tmp_path):
    texts, vectors = ["1"] * 40, unit_vectors(40)
    kept(tmp_path, {"embeddings": vectors}, "embeddings", texts)
    same = compared(Exported(tmp_path, "embeddings", {"embeddings": vectors}))
    assert same.text == "40 texts, cosines 1.00000 at least, 1.00000 in the mean, overlap@10 1.000"
    ours = vectors.copy()
    ours[:20] = unit_vectors(20)
    found = compared(Exported(tmp_path, "embeddings", {"embeddings": ours}))
    cosines = (vectors * ours).sum(axis=1)
    assert f"cosines {cosines.min():.5f} at least, {cosines.mean():.5f}" in found.text
    assert not found.is_near
    few = kept(tmp_path / "few", {"embeddings": vectors[:5]}, "embeddings", ["1"] * 5)
    found = compared(Exported(few, "embeddings", {"embeddings": ours[:5]}))
    assert "overlap" not in found.text and found.is_near


def test_the_overlap_is_that_of_the_nearest_others():
    own = unit_vectors(30)
    other = own + RANDOM.normal(0, 0.2, own.shape)
    expected = []
    for i in range(30):
        sets = [
            {j for _, j in sorted((-vectors[i] @ vectors[j], j) for j in range(30) if j != i)[:4]}
            for vectors in (own, other)
        ]
        expected.append(len(sets[0] & sets[1]) / 4)
    assert overlap_of_nearest(own, other, 4) == pytest.approx(np.mean(expected))
    assert overlap_of_nearest(own[:5], other[:5], 4) is None
    assert overlap_of_nearest(own[:6], own[:6], 4) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "texts.json").write_text("[", encoding="utf-8"),
        lambda folder: (folder / "texts.json").write_text('["1"]', encoding="utf-8"),
        lambda folder: (folder / "texts.json").write_text("3", encoding="utf-8"),
        lambda folder: (folder / "texts.json").write_text("[" * 9999, encoding="utf-8"),
        lambda folder: (folder / "texts.json").unlink(),
        lambda folder: (folder / "best_scores.npz").write_bytes(b"PK"),
        lambda folder: write_array(folder / "best_scores.npz", np.ones((4, 2), "f4")),
        lambda folder: write_array(folder / "best_scores.npz", np.ones(4, "f4")),
        lambda folder: write_array(folder / "best_scores.npz", np.full((4, 3), np.nan, "f4")),
        lambda folder: write_array(folder / "best_labels.npz", np.full((4, 3), 9)),
        lambda folder: write_array(folder / "best_labels.npz", np.full((4, 3), 0.5)),
    ],
    ids=range(11),
)
def test_what_is_damaged_is_named(tmp_path, damage):
    kept(tmp_path, {"scores": SCORES})
    damage(tmp_path / FLOAT32)
    with pytest.raises(UserError, match="float32: is damaged, export the model anew: "):
        compared(Exported(tmp_path, "tags", {"scores": SCORES}))
