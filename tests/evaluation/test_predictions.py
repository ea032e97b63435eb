import io
import json
from types import SimpleNamespace

import numpy as np
from harness.evaluated import FakeRows

from textzoo.evaluation.label_predictions import LabelPredictions
from textzoo.evaluation.level_predictions import LevelPredictions
from textzoo.evaluation.predictions import PredictionFile, predictions_of

READER = SimpleNamespace(describe=lambda line: dict(zip(("text", "tags"), line.split("\t"))))


def test_rows_of_a_pool_are_written_in_the_order_of_the_file():
    file = io.StringIO()
    predictions = PredictionFile(file, READER)
    rows = FakeRows(["零\ta", "one\tb", "two\tc", "three\td"])
    predictions.add(np.array([2, 0]), [{"top": "of 2"}, {"top": "of 0"}])
    predictions.add(np.array([1]), [{"top": "of 1"}])
    assert file.getvalue() == ""
    predictions.end_pool(rows)
    predictions.add(np.array([3]), [{"top": "of 3"}])
    predictions.end_pool(rows)
    text = file.getvalue()
    assert list(map(json.loads, text.splitlines())) == [
        {"text": "零", "tags": "a", "top": "of 0"},
        {"text": "one", "tags": "b", "top": "of 1"},
        {"text": "two", "tags": "c", "top": "of 2"},
        {"text": "three", "tags": "d", "top": "of 3"},
    ]
    assert "零" in text  # as it is, not as an escape


def test_what_names_predictions_is_of_the_models_kind():
    assert isinstance(predictions_of("levels", ["a"], 1, None), LevelPredictions)
    assert isinstance(predictions_of("tags", ["a"], 1, None), LabelPredictions)
