"""Metrics of predicted sets of labels as multilabel uses them: rows without labels count."""

import io
import json

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    f1_score,
    hamming_loss,
    precision_recall_fscore_support,
)

from textzoo.config.schema import Runner
from textzoo.errors import UserError
from textzoo.evaluation.label_predictions import LabelPredictions
from textzoo.evaluation.predictions import PredictionFile
from textzoo.inference.choosing import chosen_threshold
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.thresholds import ThresholdMetrics

N_ROWS, N_LABELS = 60, 6
KINDS = ("precision", "recall", "f1")
AVERAGES = ("micro", "macro", "weighted", "samples")
NAMES = [f"{average}_{kind}" for average in AVERAGES for kind in KINDS]
NAMES += ["subset_accuracy", "hamming_loss"]


class Reader:
    rows_without_labels_count = True
    label_counts, n_train_rows = None, 0
    label_names = tuple(f"标签{i}" for i in range(N_LABELS))

    def describe(self, line):
        return {"text": line, "tags": []}


def random_rows(seed):
    random = np.random.default_rng(seed)
    scores = random.random((N_ROWS, N_LABELS)).round(2)
    gold = random.random((N_ROWS, N_LABELS)) < 0.5 * scores
    gold[:9] = False
    gold[:, 2] = False  # a label without gold rows
    return scores, gold


def batch_facts(scores, gold):
    """What `LabelEvaluator` gives to `LabelMetrics.update`, without ranks that matter."""
    counts = gold.sum(axis=1)
    padded = np.full((len(gold), max(1, counts.max())), -1)
    for row, labels in zip(padded, gold):
        row[: labels.sum()] = np.flatnonzero(labels)
    best = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.where(padded < 0, np.inf, 1.0)
    return ranks, padded, counts, best, np.take_along_axis(scores, best, axis=1)


def measure(scores, gold, threshold):
    metrics = LabelMetrics(NAMES, Runner(), Reader(), threshold)
    for rows in np.array_split(np.arange(N_ROWS), 4):
        metrics.update(*batch_facts(scores[rows], gold[rows]))
    return metrics, metrics.result()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("threshold", [0.4, [0.1, 0.3, 0.5, 0.6, 0.8, 0.99]])
def test_figures_over_all_rows_are_those_of_scikit_learn(threshold):
    scores, gold = random_rows(1)
    _, result = measure(scores, gold, threshold)
    predicted = scores > np.array(threshold)
    for average in AVERAGES:
        expected = precision_recall_fscore_support(
            gold, predicted, average=average, zero_division=0
        )
        ours = [result[f"{average}_{kind}"] for kind in KINDS]
        assert ours == pytest.approx(list(expected[:3]), abs=1e-12)
    assert result["subset_accuracy"] == pytest.approx(accuracy_score(gold, predicted))
    assert result["hamming_loss"] == pytest.approx(hamming_loss(gold, predicted))
    assert result["rows"] == N_ROWS


@pytest.mark.filterwarnings("ignore")
def test_the_report_is_the_classification_report():
    scores, gold = random_rows(2)
    metrics, _ = measure(scores, gold, 0.4)
    report = metrics.report()
    expected = classification_report(
        gold, scores > 0.4, output_dict=True, zero_division=0, target_names=Reader.label_names
    )
    for name, figures in {**report.labels, **report.averages}.items():
        theirs = expected[name]
        assert list(figures.values()) == pytest.approx(
            [theirs["precision"], theirs["recall"], theirs["f1-score"], theirs["support"]]
        )
    assert len(report.labels) + len(report.averages) == len(expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(3))
def test_no_other_threshold_of_a_label_has_a_higher_f1(seed):
    scores, gold = random_rows(seed)
    per_label = ThresholdMetrics(N_LABELS)
    _, padded, counts, best, best_scores = batch_facts(scores, gold)
    per_label.update(best, best_scores, padded, counts)
    for label, threshold in enumerate(per_label.best_thresholds()):
        if not gold[:, label].any():
            assert threshold == 0.5
            continue
        reached = f1_score(gold[:, label], scores[:, label] > threshold)
        others = [f1_score(gold[:, label], scores[:, label] > t) for t in np.arange(0, 1, 0.005)]
        assert reached >= max(others)


def test_runner_threshold_chooses_what_is_tuned():
    scores, gold = random_rows(4)
    runner = Runner(threshold="per_label")
    metrics = LabelMetrics(["micro_f1"], runner, Reader())
    metrics.update(*batch_facts(scores, gold))
    assert len(metrics.result()["threshold"]) == N_LABELS
    facts = {"progress": {"threshold": [0.1] * N_LABELS}}
    stored = type("Saved", (), {"path": "best", "facts": facts})
    nothing = type("Saved", (), {"facts": {"progress": {"threshold": None}}})
    assert chosen_threshold(runner, [stored], ["macro_f1"]) == [0.1] * N_LABELS
    assert chosen_threshold(Runner(threshold=0.3), [stored], ["macro_f1"]) == 0.3
    assert chosen_threshold(runner, [nothing], ["macro_f1"]) == 0.5
    assert chosen_threshold(runner, [stored], ["accuracy"]) is None
    with pytest.raises(UserError, match=r"runner\.threshold: received tuned, but .* per_label"):
        chosen_threshold(Runner(threshold="tuned"), [stored], ["macro_f1"])


def test_metrics_of_levels_are_refused():
    with pytest.raises(UserError, match=r"runner\.metrics: received 'level_error'"):
        LabelMetrics(["level_error"], Runner(), Reader())


def test_predictions_say_which_labels_are_above_the_threshold():
    file = io.StringIO()
    predictions = PredictionFile(file, Reader())
    named = LabelPredictions(Reader.label_names, 2, threshold=[0.5, 0.2, 0.5, 0.9, 0.5, 0.5])
    labels = np.array([[3, 0, 1, 2, 4, 5], [3, 0, 1, 2, 4, 5]])
    scores = np.array([[0.8, 0.6, 0.3, 0.2, 0.1, 0.0], [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]])
    predictions.add(np.array([0, 1]), named.of_best(labels, scores))
    rows = type("Rows", (), {"line": lambda self, i: type("Line", (), {"text": str(i)})})()
    predictions.end_pool(rows)
    first, second = map(json.loads, file.getvalue().splitlines())
    assert first["predicted"] == ["标签0", "标签1"]
    assert [best["tag"] for best in first["top"]] == ["标签3", "标签0"]
    assert second["predicted"] == []
