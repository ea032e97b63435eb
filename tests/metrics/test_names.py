import pytest

from textzoo.config.schema import Runner
from textzoo.errors import UserError
from textzoo.metrics.names import (
    at,
    check_metric_names,
    family,
    is_better,
    labels_needed,
    lower_is_better,
)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("precision@1", "tags", "ranking"),
        ("psp@12", "tags", "propensity"),
        ("macro_f1", "tags", "label sets"),
        ("macro_f1", "levels", "levels"),  # the same name, of another kind of prediction
        ("recall@10", "embeddings", "ranking"),
        ("micro_f1", "embeddings", None),
        ("accuracy", "levels", None),
        ("recall@0", "tags", None),
        ("recall@05", "tags", None),
        ("recall@k", "tags", None),
        ("recall", "tags", None),
        ("accuracy@5", "tags", None),
    ],
)
def test_the_family_of_a_metric_depends_on_the_kind_of_model(name, kind, expected):
    assert family(name, kind) == expected


def test_measure_and_k_are_taken_apart():
    assert at("ndcg@15") == ("ndcg", 15)
    assert at("mrr") == ("mrr", 0)


@pytest.mark.parametrize(
    ("kind", "has", "lacks"),
    [
        ("tags", ["psndcg@k", "micro_f1", "k is a number from 1"], ["level_error"]),
        ("levels", ["level_accuracy", "level_error"], ["precision@k", "k is a number"]),
        ("embeddings", ["recall@k", "mrr"], ["micro_f1", "psp@k"]),
    ],
)
def test_a_metric_that_a_kind_lacks_is_refused_with_those_that_it_has(kind, has, lacks):
    with pytest.raises(UserError) as refused:
        check_metric_names(["subset"], kind, "--metrics")
    message = str(refused.value)
    assert message.startswith("--metrics: received 'subset'")
    assert [word for word in has if word not in message] == []
    assert [word for word in lacks if word in message] == []


def test_only_of_errors_less_is_better():
    assert is_better("hamming_loss", 0.1, 0.2) and not is_better("hamming_loss", 0.2, 0.1)
    assert is_better("accuracy", 0.2, 0.1) and not is_better("accuracy", 0.1, 0.2)
    assert not is_better("accuracy", 0.1, 0.1) and not is_better("level_error", 0.1, 0.1)
    names = ("level_error", "hamming_loss", "level_accuracy", "psp@1", "mrr")
    assert list(map(lower_is_better, names)) == [True, True, False, False, False]


def test_no_more_labels_are_ranked_than_the_metrics_and_outputs_look_at():
    runner = Runner(top_k=3)
    assert labels_needed(["accuracy"], runner) == 10  # for the calibration
    assert labels_needed(["ndcg@12", "precision@5"], runner) == 12
    assert labels_needed(["precision@5"], Runner(top_k=3, save_scores=20)) == 20
    assert labels_needed(["micro_f1", "precision@5"], runner) == 100
    assert labels_needed(["mrr"], runner) > 10**9  # the rank of any label counts
