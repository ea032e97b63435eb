import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    hamming_loss,
    precision_score,
    recall_score,
)

from textzoo.config.schema import Runner
from textzoo.evaluation.outcomes import GivenRows, outcomes_of
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.levels import LevelMetrics
from textzoo.metrics.ranking import best_labels, gold_ranks

N_ROWS, N_LABELS = 40, 6
NAMES = [f"label {n}" for n in range(N_LABELS)]
RANKING = ["accuracy", "precision@3", "recall@2", "ndcg@5", "mrr", "pairwise_accuracy"]
SCORES = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
SETS = [f"{a}_{s}" for a in ("micro", "macro", "weighted", "samples") for s in SCORES]
SETS += ["subset_accuracy", "hamming_loss"]


class Labels:
    label_names, rows_without_labels_count = NAMES, True
    label_counts, n_train_rows = None, 0


@pytest.fixture
def random():
    return np.random.default_rng(5)


@pytest.fixture
def truth(random):
    return random.random((N_ROWS, N_LABELS)) < 0.3


def given(truth, scores, threshold=0.6):
    """What infer.py writes of such scores."""
    gold = [np.flatnonzero(own) for own in truth]
    ranks = [gold_ranks(own[None], labels[None])[0].tolist() for own, labels in zip(scores, gold)]
    predicted = [[NAMES[i] for i in np.flatnonzero(own > threshold)] for own in scores]
    return GivenRows([[NAMES[i] for i in own] for own in gold], ranks, predicted, N_LABELS, False)


def test_metrics_are_those_of_the_evaluation(random, truth):
    scores = random.random((N_ROWS, N_LABELS)).astype(np.float32)
    names = [*RANKING, *SETS]
    metrics = LabelMetrics(names, Runner(), Labels(), threshold=0.6)
    gold = np.full((N_ROWS, N_LABELS), -1)
    for row, own in enumerate(truth):
        gold[row, : own.sum()] = np.flatnonzero(own)
    best = best_labels(scores, N_LABELS)
    best_scores = np.take_along_axis(scores, best, 1)
    metrics.update(gold_ranks(scores, gold), gold, truth.sum(1), best, best_scores)
    expected = metrics.result()
    (outcomes,) = outcomes_of([given(truth, scores)], names)
    assert {name: value[0] for name, value in outcomes.of_all().items()} == pytest.approx(
        {name: expected[name] for name in names}
    )


def test_sets_of_drawn_rows_are_counted_anew_as_scikit_learn_does(random, truth):
    scores = random.random((N_ROWS, N_LABELS))
    (outcomes,) = outcomes_of([given(truth, scores)], SETS)
    counts = random.multinomial(N_ROWS, np.ones(N_ROWS) / N_ROWS, size=3)
    found = outcomes.of(counts.astype(float) @ outcomes.sums)
    for draw, own in enumerate(counts):
        rows = np.repeat(np.arange(N_ROWS), own)
        gold, predicted = truth[rows], scores[rows] > 0.6
        for name in SETS[:-2]:
            average, _, measure = name.partition("_")
            expected = SCORES[measure](gold, predicted, average=average, zero_division=0)
            assert found[name][draw] == pytest.approx(expected), name
        assert found["subset_accuracy"][draw] == pytest.approx(accuracy_score(gold, predicted))
        assert found["hamming_loss"][draw] == pytest.approx(hamming_loss(gold, predicted))


def test_a_label_that_is_never_right_counts_in_the_mean_over_labels():
    rows = GivenRows([["a"], ["b"]], [[1], [2]], [["a"], ["a"]], 4, False)
    (outcomes,) = outcomes_of([rows], ["macro_f1", "weighted_f1"])
    found = outcomes.of_all()
    assert found["macro_f1"] == pytest.approx(2 / 3 / 4)
    assert found["weighted_f1"] == pytest.approx(2 / 3 / 2)


def test_without_any_right_label_f1_is_0():
    rows = GivenRows([["a"]], [[2]], [["b"]], 2, False)
    (outcomes,) = outcomes_of([rows], ["micro_f1", "macro_f1", "weighted_f1"])
    assert all(value == 0 for value in outcomes.of_all().values())


def test_levels_are_those_of_the_evaluation(random):
    gold, scores = random.integers(3, size=(N_ROWS, 2)), random.random((N_ROWS, 2, 3))
    names = ["level_accuracy", "level_error", "macro_f1", "subset_accuracy"]
    tags = [[f"a:b{j}:{level}" for j, level in enumerate(own) if level] for own in gold]
    predicted = [{f"a:b{j}": level for j, level in enumerate(own)} for own in scores.argmax(2)]
    (outcomes,) = outcomes_of([GivenRows(tags, None, predicted, 2, True)], names)
    counts = random.multinomial(N_ROWS, np.ones(N_ROWS) / N_ROWS, size=2)
    found = outcomes.of(counts.astype(float) @ outcomes.sums)
    for draw, own in enumerate(counts):
        rows = np.repeat(np.arange(N_ROWS), own)
        metrics = LevelMetrics(names, ["x", "y"])
        metrics.update(gold[rows], scores[rows])
        expected = metrics.result()
        for name in names:
            assert found[name][draw] == pytest.approx(expected[name]), name


def test_what_needs_weights_or_a_threshold_does_not_follow_from_rows():
    rows = GivenRows([["a"]], [[1]], None, 2, False)
    assert rows.tells("mrr") and not rows.tells("psp@1") and not rows.tells("micro_f1")
