from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.config.schema import Runner
from textzoo.evaluation.embeddings import EmbeddingEvaluator
from textzoo.evaluation.evaluator import evaluator_of
from textzoo.evaluation.labels import LabelEvaluator
from textzoo.evaluation.levels import LevelEvaluator
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.levels import LevelMetrics

READER = SimpleNamespace(
    label_names=["a", "b"], label_counts=None, n_train_rows=0, rows_without_labels_count=False
)


@pytest.mark.parametrize(
    ("kind", "evaluator", "names", "metrics"),
    [
        ("tags", LabelEvaluator, ["mrr"], LabelMetrics),
        ("levels", LevelEvaluator, ["level_error"], LevelMetrics),
        ("embeddings", EmbeddingEvaluator, ["recall@1"], LabelMetrics),
    ],
)
def test_each_kind_of_model_has_an_evaluator_and_metrics(kind, evaluator, names, metrics):
    made = evaluator_of(kind, Runner(), READER, SimpleNamespace(), np.arange(0))
    assert type(made) is evaluator
    assert type(made.metrics(names)) is metrics
