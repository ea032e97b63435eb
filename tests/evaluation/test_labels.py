"""What an evaluation of labels hands on; its figures are in tests/metrics/test_labels.py."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
from harness.evaluated import FakeRows, FakeRun

from textzoo.config.schema import Runner
from textzoo.evaluation.labels import LabelEvaluator
from textzoo.evaluation.score_matrix import ScoreMatrix

SCORES = np.array([[0.1, 0.9, 0.3], [0.6, 0.2, 0.4], [0.5, 0.55, 0.1], [0.7, 0.1, 0.8]], "float32")
ROWS = FakeRows(["w", "x", "y", "z"], words=[[1], [1, 1], [1], [1, 1]], labels=[[1], [1], [0], [2]])
READER = SimpleNamespace(
    label_names=["a", "b", "c"],
    label_counts=None,
    n_train_rows=0,
    rows_without_labels_count=False,
    describe=lambda line: {"text": line},
)


def evaluate(run, chosen, *more, top_k=1, batch_size=3):
    runner = Runner(top_k=top_k, infer_batch_size=batch_size)
    return LabelEvaluator(runner, READER, ROWS, np.array(chosen))(run, ["accuracy", "mrr"], *more)


def test_only_the_chosen_rows_are_measured():
    every, two = (evaluate(FakeRun(scores=SCORES), rows) for rows in ([0, 1, 2, 3], [0, 2]))
    ranks = [1, 3, 2, 1]  # of the label that each row has
    expected = {"accuracy": 0.5, "mrr": np.mean(1 / np.array(ranks)), "rows": 4}
    assert every.result() == pytest.approx(expected)
    assert two.result() == pytest.approx({"accuracy": 0.5, "mrr": 0.75, "rows": 2})


def test_predictions_and_scores_are_those_of_their_rows(tmp_path):
    file, matrix = io.StringIO(), ScoreMatrix(4, 3, 2)
    evaluate(FakeRun(scores=SCORES), [0, 1, 2, 3], None, file, matrix)
    rows = list(map(json.loads, file.getvalue().splitlines()))
    best = [("w", "b"), ("x", "a"), ("y", "b"), ("z", "c")]
    assert [(row["text"], row["top"][0]["tag"]) for row in rows] == best
    matrix.save(tmp_path / "scores.npz")
    saved = scipy.sparse.load_npz(tmp_path / "scores.npz").toarray()
    lowest = SCORES.argmin(axis=1)[:, None]
    expected = SCORES.copy()
    np.put_along_axis(expected, lowest, 0, axis=1)
    np.testing.assert_array_equal(saved, expected)


def test_labels_above_a_given_threshold_are_predicted():
    file = io.StringIO()
    evaluate(FakeRun(scores=SCORES), [0, 1, 2, 3], 0.5, file)
    predicted = [json.loads(line)["predicted"] for line in file.getvalue().splitlines()]
    assert predicted == [["b"], ["a"], ["b"], ["c", "a"]]
