import numpy as np
import pytest
from sklearn.metrics import (
    label_ranking_average_precision_score,
    ndcg_score,
    roc_auc_score,
    top_k_accuracy_score,
)

from textzoo.errors import UserError
from textzoo.metrics.ranking import RankingMetrics, best_labels, gold_ranks

NAMES = [
    *("accuracy", "mrr", "pairwise_accuracy", "precision@1", "precision@3", "recall@1"),
    *("recall@4", "recall@100", "ndcg@1", "ndcg@3", "ndcg@12", "ndcg@100"),
]


def random_rows(seed, rows=60, labels=12, most=4, ties=False):
    """Scores, and for each row one or several gold labels, some of them unknown (None)."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(rows, labels)).astype("float32")
    if ties:
        scores = scores.round(0)
    gold = [random.permutation(labels)[: random.integers(1, most + 1)].tolist() for _ in scores]
    return scores, gold


def pad(gold):
    longest = max(map(len, gold))
    rows = [[-1 if g is None else g for g in row] + [-1] * (longest - len(row)) for row in gold]
    return np.array(rows), np.array(list(map(len, gold)))


def measure(names, scores, gold):
    metrics = RankingMetrics(names)
    padded, counts = pad(gold)
    metrics.update(gold_ranks(scores, padded), counts, scores.shape[1])
    return metrics.result()


def reference(name, scores, gold):
    """One row by its definition: rank all labels with a stable sort, look where the gold is."""
    order = sorted(range(len(scores)), key=lambda label: (-scores[label], label))
    known = [g for g in gold if g is not None]
    plain, _, k = name.partition("@")
    if plain == "accuracy":
        return float(order[0] in known)
    if plain == "mrr":
        return max((1 / (1 + order.index(g)) for g in known), default=0.0)
    if plain == "pairwise_accuracy":
        others = [label for label in order if label not in known]
        wins = [order.index(g) < order.index(other) for g in known for other in others]
        lost = [False] * len(others) * (len(gold) - len(known))
        return float(np.mean(wins + lost))
    k = int(k)
    hits = [label in known for label in order[:k]]
    if plain == "precision":
        return sum(hits) / k
    if plain == "recall":
        return sum(hits) / len(gold)
    gain = sum(hit / np.log2(2 + i) for i, hit in enumerate(hits))
    return gain / sum(1 / np.log2(2 + i) for i in range(min(k, len(gold))))


# ------------------------------------------------------------------ ranks


def test_ranks_by_hand():
    scores = np.array([[0.1, 0.9, 0.5], [3.0, 2.0, 1.0]])
    assert gold_ranks(scores, np.array([[0, 2], [2, -1]])).tolist() == [[3, 2], [3, np.inf]]


def test_equal_scores_are_ranked_by_label_id():
    scores = np.array([[1.0, 2.0, 1.0, 2.0, 1.0]])
    gold = np.array([[0, 1, 2, 3, 4]])
    assert gold_ranks(scores, gold).tolist() == [[3, 1, 4, 2, 5]]


@pytest.mark.parametrize("ties", [False, True])
def test_ranks_are_places_in_a_stable_sort(ties):
    scores, _ = random_rows(1, ties=ties)
    order = np.argsort(-scores, axis=1, kind="stable")
    everything = np.tile(np.arange(scores.shape[1]), (len(scores), 1))
    ranks = gold_ranks(scores, everything)
    assert (np.take_along_axis(ranks, order, axis=1) == everything + 1).all()


# ------------------------------------------------------------------ against other implementations


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("unknown", [False, True])
def test_metrics_equal_their_definitions(name, ties, unknown):
    scores, gold = random_rows(2, ties=ties)
    if unknown:
        random = np.random.default_rng(3)
        gold = [[None if random.random() < 0.3 else g for g in row] for row in gold]
    expected = np.mean([reference(name, *row) for row in zip(scores, gold)])
    assert measure([name], scores, gold)[name] == pytest.approx(expected, abs=1e-12)


def one_hot(gold, labels):
    return np.array([[label in row for label in range(labels)] for row in gold], int)


@pytest.mark.parametrize("k", [1, 3, 11])
def test_recall_of_single_labels_equals_scikit_learn_top_k_accuracy(k):
    scores, gold = random_rows(4, most=1)
    expected = top_k_accuracy_score([g for (g,) in gold], scores, k=k, labels=range(12))
    result = measure([f"recall@{k}", f"precision@{k}", "accuracy"], scores, gold)
    assert result[f"recall@{k}"] == pytest.approx(expected)
    assert result[f"precision@{k}"] == pytest.approx(expected / k)
    if k == 1:
        assert result["accuracy"] == pytest.approx(expected)


@pytest.mark.parametrize("k", [1, 3, 5, 12, 40])
def test_ndcg_equals_scikit_learn(k):
    scores, gold = random_rows(5)
    expected = ndcg_score(one_hot(gold, 12), scores, k=k)
    assert measure([f"ndcg@{k}"], scores, gold)[f"ndcg@{k}"] == pytest.approx(expected)


def test_mrr_of_single_labels_equals_scikit_learn_ranking_precision():
    scores, gold = random_rows(6, most=1)
    expected = label_ranking_average_precision_score(one_hot(gold, 12), scores)
    assert measure(["mrr"], scores, gold)["mrr"] == pytest.approx(expected)


def test_pairwise_accuracy_equals_scikit_learn_roc_auc_of_each_row():
    scores, gold = random_rows(7)
    expected = np.mean([roc_auc_score(t, s) for t, s in zip(one_hot(gold, 12), scores)])
    result = measure(["pairwise_accuracy"], scores, gold)
    assert result["pairwise_accuracy"] == pytest.approx(expected)


# ------------------------------------------------------------------ edges


def test_a_row_by_hand():
    # Ranked: 3 2 1 0. Gold: 3 (rank 1), 1 (rank 3), and one that the model does not know.
    result = measure(NAMES, np.array([[0.0, 1.0, 2.0, 3.0]]), [[1, 3, None]])
    assert result["accuracy"] == 1
    assert result["mrr"] == 1
    assert result["precision@3"] == pytest.approx(2 / 3)
    assert result["recall@1"] == pytest.approx(1 / 3)
    assert result["recall@100"] == pytest.approx(2 / 3)
    assert result["ndcg@3"] == pytest.approx((1 + 1 / 2) / (1 + 1 / np.log2(3) + 1 / 2))
    # Negatives are 2 and 0: 3 beats both, 1 beats one, the unknown label none.
    assert result["pairwise_accuracy"] == pytest.approx((1 + 1 / 2 + 0) / 3)


def test_rows_whose_labels_are_all_unknown_score_zero():
    scores, _ = random_rows(8, rows=3)
    assert set(measure(NAMES, scores, [[None], [None, None], [None]]).values()) == {0.0}


def test_a_perfect_ranking_scores_one_even_when_k_exceeds_the_labels():
    scores, gold = random_rows(9)
    scores = one_hot(gold, 12) + scores * 1e-3
    result = measure(NAMES, scores, gold)
    for name in ("accuracy", "mrr", "pairwise_accuracy", "recall@4", "ndcg@1", "ndcg@100"):
        assert result[name] == pytest.approx(1), name


def test_a_row_with_every_label_has_no_pair_to_lose():
    assert measure(["pairwise_accuracy"], np.array([[0.0, 1.0]]), [[0, 1]]) == {
        "pairwise_accuracy": 1.0
    }


def test_a_model_that_scores_everything_alike_gains_nothing():
    gold = [[label] for label in range(10)]
    result = measure(["accuracy", "pairwise_accuracy"], np.zeros((10, 10)), gold)
    assert result == {"accuracy": pytest.approx(0.1), "pairwise_accuracy": pytest.approx(0.5)}


@pytest.mark.parametrize("sizes", [[60], [1] * 60, [7, 50, 3], [59, 1]])
def test_results_do_not_depend_on_the_batches(sizes):
    scores, gold = random_rows(10)
    whole = measure(NAMES, scores, gold)
    metrics, start = RankingMetrics(NAMES), 0
    for size in sizes:
        padded, counts = pad(gold[start : start + size])
        metrics.update(gold_ranks(scores[start : start + size], padded), counts, 12)
        start += size
    assert metrics.rows == 60
    assert metrics.result() == pytest.approx(whole, abs=1e-12)


def test_an_empty_batch_changes_nothing():
    scores, gold = random_rows(11)
    padded, counts = pad(gold)
    metrics = RankingMetrics(NAMES)
    metrics.update(gold_ranks(scores[:0], padded[:0]), counts[:0], 12)
    assert metrics.rows == 0
    metrics.update(gold_ranks(scores, padded), counts, 12)
    assert metrics.result() == pytest.approx(measure(NAMES, scores, gold))


@pytest.mark.parametrize(
    "name",
    ["acc", "precision", "recall@0", "recall@-1", "ndcg@", "mrr@10", "Accuracy", "recall@1.5"],
)
def test_an_unknown_metric_is_refused_by_name(name):
    with pytest.raises(UserError, match=r"runner\.metrics: received .*expected accuracy, mrr") as e:
        RankingMetrics(["accuracy", name])
    assert repr(name) in str(e.value)


@pytest.mark.parametrize("k", [0, 1, 4, 9, 20])
def test_the_best_of_many_are_those_of_a_stable_sort(k):
    scores = np.random.default_rng(0).integers(0, 5, (20, 9)).astype("float32")  # many are equal
    expected = [sorted(range(9), key=lambda label: (-row[label], label))[:k] for row in scores]
    np.testing.assert_array_equal(best_labels(scores, k), np.reshape(expected, (20, min(k, 9))))
