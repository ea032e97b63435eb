import numpy as np
import pytest
from sklearn.metrics import (
    classification_report,
    precision_recall_curve,
    precision_recall_fscore_support,
)

from textzoo.metrics.thresholds import ThresholdMetrics, is_predicted, threshold_curve

KINDS = ("precision", "recall", "f1")
AVERAGES = ("micro", "macro", "weighted", "samples")
NAMES = [f"{average}_{kind}" for average in AVERAGES for kind in KINDS]
N_LABELS = 8
TINY = float(np.finfo(np.float32).tiny)  # below it, numbers count as 0 once Paddle is imported


def random_rows(seed, rows=50, ties=False):
    random = np.random.default_rng(seed)
    scores = random.random((rows, N_LABELS))
    if ties:
        scores = scores.round(1)
    gold = random.random((rows, N_LABELS)) < 0.1 + 0.4 * scores
    gold[:, 3] = False  # a label without gold rows
    gold[np.arange(rows), random.integers(0, 3, rows)] = True
    return scores, gold


def collect(scores, gold, sizes=None, n_best=N_LABELS):
    metrics = ThresholdMetrics(N_LABELS)
    start = 0
    for size in sizes or [len(scores)]:
        own = [np.flatnonzero(row) for row in gold[start : start + size]]
        padded = np.full((size, max(map(len, own))), -1)
        for row, labels in zip(padded, own):
            row[: len(labels)] = labels
        part = scores[start : start + size]
        best = np.argsort(-part, axis=1, kind="stable")[:, :n_best]
        counts = np.array(list(map(len, own)))
        metrics.update(best, np.take_along_axis(part, best, axis=1), padded, counts)
        start += size
    return metrics


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("sizes", [[50], [1, 9, 40]])
def test_averages_equal_scikit_learn(threshold, sizes):
    scores, gold = random_rows(1)
    measured = collect(scores, gold, sizes).result(NAMES, threshold)
    for average in AVERAGES:
        expected = precision_recall_fscore_support(
            gold, scores > threshold, average=average, zero_division=0
        )
        ours = [measured[f"{average}_{kind}"] for kind in KINDS]
        assert ours == pytest.approx(list(expected[:3]), abs=1e-12)


def test_report_equals_scikit_learn():
    scores, gold = random_rows(2)
    report = collect(scores, gold).report(0.6)
    expected = classification_report(gold, scores > 0.6, output_dict=True, zero_division=0)
    for label in range(N_LABELS):
        ours = [report.precision[label], report.recall[label], report.f1[label]]
        theirs = expected[str(label)]
        assert ours == pytest.approx([theirs["precision"], theirs["recall"], theirs["f1-score"]])
        assert report.support[label] == theirs["support"]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better_than_the_best_one(seed, ties):
    scores, gold = random_rows(seed, ties=ties)
    metrics = collect(scores, gold)

    def micro_f1(threshold):
        return metrics.result(["micro_f1"], threshold)["micro_f1"]

    best = micro_f1(metrics.best_threshold())
    # Between any two neighbouring scores, and below and above all of them.
    borders = np.unique(np.concatenate([[0.0], scores.ravel(), [1.0]]))
    assert best == max(micro_f1((low + high) / 2) for low, high in zip(borders, borders[1:]))


def test_a_label_beyond_the_best_ones_is_not_predicted():
    scores, gold = random_rows(3)
    kept = np.argsort(np.argsort(-scores, axis=1), axis=1) < 2
    measured = collect(scores, gold, n_best=2).result(NAMES, 0.1)
    expected = precision_recall_fscore_support(
        gold, kept & (scores > 0.1), average="micro", zero_division=0
    )
    assert [measured[f"micro_{kind}"] for kind in KINDS] == pytest.approx(list(expected[:3]))


def test_an_unknown_label_is_missed():
    """By hand: one row with labels 0 and an unknown one, label 0 predicted."""
    metrics = ThresholdMetrics(2)
    metrics.update(np.array([[0, 1]]), np.array([[0.9, 0.1]]), np.array([[0, -1]]), np.array([2]))
    measured = metrics.result(
        ["micro_recall", "samples_f1", "macro_recall", "weighted_recall"], 0.5
    )
    assert measured == pytest.approx(
        {"micro_recall": 0.5, "samples_f1": 2 / 3, "macro_recall": 0.5, "weighted_recall": 0.5}
    )


def test_a_label_that_is_never_among_the_best_ones_has_the_default_threshold():
    metrics = ThresholdMetrics(2)
    metrics.update(np.array([[0]]), np.array([[0.8]]), np.array([[0, 1]]), np.array([2]))
    assert metrics.best_thresholds() == [pytest.approx(0.4), 0.5]


def test_without_any_label_the_threshold_is_the_default_one():
    metrics = ThresholdMetrics(2)
    metrics.update(np.array([[0, 1]]), np.array([[0.8, 0.1]]), np.array([[-1]]), np.array([0]))
    assert metrics.best_threshold() == 0.5
    assert metrics.best_thresholds(3) == [0.5, 0.5]


def test_thresholds_of_labels_with_few_rows_are_drawn_to_the_common_one():
    random = np.random.default_rng(5)
    gold = random.integers(0, 3, (40, 1))
    scores = (0.3 * (gold == np.arange(3)) + random.random((40, 3)) * [0.5, 0.7, 0.9]).astype("f4")
    metrics = ThresholdMetrics(3)
    labels = np.tile(np.arange(3), (40, 1))
    metrics.update(labels, scores, gold, np.ones(40, int))
    own, common = np.array(metrics.best_thresholds()), metrics.best_threshold()
    n = np.bincount(gold[:, 0], minlength=3)
    expected = (n * own + 10 * common) / (n + 10)
    assert metrics.best_thresholds(10) == pytest.approx(expected.tolist())
    assert metrics.best_thresholds(1e9) == pytest.approx([common] * 3, rel=1e-6)


@pytest.mark.parametrize("ties", [False, True])
def test_the_curve_equals_scikit_learn(ties):
    scores, gold = random_rows(5, ties=ties)
    curve = threshold_curve(scores.ravel(), gold.ravel(), int(gold.sum()))
    precision, recall, thresholds = precision_recall_curve(gold.ravel(), scores.ravel())
    np.testing.assert_allclose(curve.threshold, thresholds[::-1])
    np.testing.assert_allclose(curve.precision, precision[-2::-1])
    np.testing.assert_allclose(curve.recall, recall[-2::-1])
    both = curve.precision + curve.recall
    np.testing.assert_allclose(curve.f1 * both, 2 * curve.precision * curve.recall)


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        (1.0, np.nextafter(np.float32(1), np.float32(0))),
        (TINY, 0.0),
        (2 * TINY, TINY),
        (-1.0, -2.0),
    ],
)
def test_the_best_threshold_is_below_what_it_is_to_predict(upper, lower):
    """By hand: of two labels with neighbouring scores, only the upper one is right."""
    metrics = ThresholdMetrics(2)
    scores = np.array([[upper, lower]], np.float32)
    metrics.update(np.array([[0, 1]]), scores, np.array([[0]]), np.array([1]))
    threshold = metrics.best_threshold()
    assert metrics.result(["micro_f1"], threshold) == {"micro_f1": 1.0}
    assert is_predicted(np.arange(2), scores[0], threshold).tolist() == [True, False]


@pytest.mark.parametrize("scores", [[-1.0, -2.0], [0.75, 0.5], [TINY, TINY]])
def test_where_all_is_right_all_is_predicted(scores):
    metrics = ThresholdMetrics(2)
    metrics.update(
        np.array([[0, 1]]), np.array([scores], np.float32), np.array([[0, 1]]), np.array([2])
    )
    assert metrics.result(["micro_f1"], metrics.best_threshold()) == {"micro_f1": 1.0}


@pytest.mark.parametrize("shrinkage", [0.0, 5.0])
def test_thresholds_of_the_rows_of_both_are_those_of_all_rows(shrinkage):
    scores, gold = random_rows(3)
    one, other = collect(scores[:20], gold[:20]), collect(scores[20:], gold[20:])
    every = collect(scores, gold)
    both = one.beside(other)
    assert both.best_threshold() == every.best_threshold() != one.best_threshold()
    assert both.best_thresholds(shrinkage) == every.best_thresholds(shrinkage)
    assert one.n_gold == gold[:20].sum()  # neither is changed
