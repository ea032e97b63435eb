import io
import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error

from textzoo.errors import UserError
from textzoo.evaluation.level_predictions import LevelPredictions
from textzoo.evaluation.predictions import PredictionFile
from textzoo.metrics.levels import LevelMetrics

LABELS = ["喜悦", "愤怒", "悲伤"]
NAMES = ["macro_f1", "level_accuracy", "level_error", "subset_accuracy"]


class Reader:
    def describe(self, line):
        return {"text": line}


@pytest.fixture(scope="module")
def measured():
    random = np.random.default_rng(0)
    gold = random.integers(0, 3, (40, 3))  # level 3 is predicted and never right
    scores = random.random((40, 3, 4))
    scores[np.arange(40)[:, None], np.arange(3), gold] += 0.5
    metrics = LevelMetrics(NAMES, LABELS)
    for rows in np.array_split(np.arange(40), 3):
        metrics.update(gold[rows], scores[rows])
    return gold, scores, metrics


def test_figures_are_those_of_scikit_learn(measured):
    gold, scores, metrics = measured
    predicted = scores.argmax(axis=2)
    expected = {
        "macro_f1": [f1_score(g, p, average="macro") for g, p in zip(gold.T, predicted.T)],
        "level_accuracy": [accuracy_score(g, p) for g, p in zip(gold.T, predicted.T)],
        "level_error": [mean_absolute_error(g, p) for g, p in zip(gold.T, predicted.T)],
    }
    result = metrics.result()
    for name, values in expected.items():
        assert result[name] == pytest.approx(np.mean(values))
        for label, value in zip(LABELS, values):
            assert metrics.report().labels[label][name] == pytest.approx(value)
    assert result["subset_accuracy"] == pytest.approx((gold == predicted).all(axis=1).mean())
    assert result["rows"] == 40


def test_other_metrics_are_refused():
    with pytest.raises(UserError, match=r"runner\.metrics: received 'micro_f1'"):
        LevelMetrics(["micro_f1"], LABELS)


def test_predictions_have_every_level_and_the_highest_first():
    file = io.StringIO()
    predictions = PredictionFile(file, Reader())
    scores = np.array([[[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [[0.6, 0.4], [0.9, 0.1], [0.7, 0.3]]])
    named = LevelPredictions(LABELS, top_k=2)
    predictions.add(np.array([7, 4]), named.of_batch({"scores": scores}))
    rows = type("Rows", (), {"line": lambda self, i: type("Line", (), {"text": f"第{i}行"})})()
    predictions.end_pool(rows)
    first, second = map(json.loads, file.getvalue().splitlines())
    assert first["text"] == "第4行"
    assert first["predicted"] == {"喜悦": 0, "愤怒": 0, "悲伤": 0}
    assert second["predicted"] == {"喜悦": 1, "愤怒": 0, "悲伤": 1}
    assert second["top"] == [{"tag": "喜悦:1", "score": 0.9}, {"tag": "悲伤:1", "score": 0.7}]
