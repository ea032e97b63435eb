"""Examples replayed on a model that computes nothing; on real ones: test_writing.py."""

import numpy as np
import pytest

from textzoo.errors import UserError
from textzoo.export.verification import largest_difference, replayed_difference

TEXTS = ["12", "3", "456"]


class Model:
    """Scores a text of digits by their sum; what the examples' file holds may differ from it."""

    def __init__(self, path, inputs=0, outputs=0.0, alone=0.0):
        self.path = path
        self.manifest = {"examples": TEXTS}
        self._alone = alone
        feeds = self.feeds(self.encode(TEXTS))
        arrays = {f"input/{name}": array + inputs for name, array in feeds.items()}
        arrays["output/scores"] = self.run(feeds)["scores"] + outputs
        np.savez(path / "examples.npz", **arrays)

    def encode(self, texts):
        return [{"text": list(map(int, text))} for text in texts]

    def feeds(self, rows):
        longest = max(len(row["text"]) for row in rows)
        return {"ids": np.array([row["text"] + [0] * (longest - len(row["text"])) for row in rows])}

    def run(self, feeds):
        scores = feeds["ids"].sum(axis=1, keepdims=True).astype(float)
        return {"scores": scores + (self._alone if len(scores) == 1 else 0)}


def test_outputs_that_are_as_they_were_do_not_differ(tmp_path):
    assert replayed_difference(Model(tmp_path)) == 0


def test_the_largest_difference_counts_in_a_batch_and_alone(tmp_path):
    assert replayed_difference(Model(tmp_path, outputs=0.25)) == 0.25
    assert replayed_difference(Model(tmp_path, alone=0.5)) == 0.5


def test_texts_that_became_other_ids_are_refused(tmp_path):
    with pytest.raises(UserError, match="the examples' texts give another ids"):
        replayed_difference(Model(tmp_path, inputs=1))


def test_scores_of_best_labels_are_compared_label_by_label():
    ours = {"best_labels": np.array([[1, 0]]), "best_scores": np.array([[0.9, 0.5]])}
    theirs = {"best_labels": np.array([[0, 1]]), "best_scores": np.array([[0.9, 0.5]])}
    assert largest_difference(ours, ours) == 0
    assert largest_difference(ours, theirs) == pytest.approx(0.4)


def test_of_several_arrays_the_worst_counts():
    ours, theirs = (
        {"a": np.array([1.0, 2.0]), "b": np.array([3.0 + shift])} for shift in (0, 0.75)
    )
    assert largest_difference(ours, theirs) == 0.75
    assert largest_difference(ours, dict(theirs, b=np.array([3.0]))) == 0
