"""Examples replayed on a model that computes nothing; on real ones: test_writing.py."""

from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.export.verification import largest_difference, replayed_difference

TEXTS = ["12", "3", "456"]


class Model:
    """Scores a text of digits by their sum; what the examples hold may differ from it."""

    def __init__(self, outputs=0.0, alone=0.0):
        self.manifest = SimpleNamespace(examples=TEXTS)
        self._alone = alone
        scores = self.run(self.feeds(self.encode(TEXTS)))["scores"]
        self.examples = SimpleNamespace(outputs={"scores": scores + outputs})

    def encode(self, texts):
        return [{"text": list(map(int, text))} for text in texts]

    def feeds(self, rows):
        longest = max(len(row["text"]) for row in rows)
        return {"ids": np.array([row["text"] + [0] * (longest - len(row["text"])) for row in rows])}

    def run(self, feeds):
        scores = feeds["ids"].sum(axis=1, keepdims=True).astype(float)
        return {"scores": scores + (self._alone if len(scores) == 1 else 0)}


def test_outputs_that_are_as_they_were_do_not_differ():
    assert replayed_difference(Model()) == 0


def test_the_largest_difference_counts_in_a_batch_and_alone():
    assert replayed_difference(Model(outputs=0.25)) == 0.25
    assert replayed_difference(Model(alone=0.5)) == 0.5


def test_nan_is_a_difference():
    for where in ("outputs", "alone"):
        assert np.isnan(replayed_difference(Model(**{where: np.nan})))


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
