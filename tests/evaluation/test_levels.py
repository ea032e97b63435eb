import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from harness.evaluated import FakeRows, FakeRun

from textzoo.config.schema import Runner
from textzoo.evaluation.levels import LevelEvaluator

SCORES = np.array(
    [[[0.8, 0.2], [0.3, 0.7]], [[0.4, 0.6], [0.9, 0.1]], [[0.7, 0.3], [0.6, 0.4]]], "float32"
)
ROWS = FakeRows(["x", "y", "z"], words=[[1, 1], [1], [1, 1]], labels=[[0, 1], [1, 1], [1, 0]])
READER = SimpleNamespace(label_names=["joy", "fear"], describe=lambda line: {"text": line})


def evaluate(scores, *more):
    evaluator = LevelEvaluator(Runner(infer_batch_size=2), READER, ROWS, np.arange(3))
    return evaluator(FakeRun(scores=scores), ["level_accuracy", "subset_accuracy"], *more)


def test_levels_are_compared_label_by_label():
    expected = {"level_accuracy": 4 / 6, "subset_accuracy": 1 / 3, "rows": 3}
    assert evaluate(SCORES).result() == pytest.approx(expected)


def test_every_row_has_a_prediction_in_the_files_order():
    file = io.StringIO()
    evaluate(SCORES, None, file)
    rows = list(map(json.loads, file.getvalue().splitlines()))
    assert [row["text"] for row in rows] == ["x", "y", "z"]
    assert [list(row["predicted"].values()) for row in rows] == [[0, 1], [1, 0], [0, 0]]
