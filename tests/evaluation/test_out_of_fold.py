import json

import numpy as np
import pytest

from textzoo.errors import UserError
from textzoo.evaluation.out_of_fold import out_of_fold, write_joined
from textzoo.evaluation.outcomes import GivenRows
from textzoo.evaluation.saved_results import SavedResults


@pytest.fixture
def results(tmp_path):
    """A function that gives the results of a fold."""

    def make(name, texts, ranks, n_labels=3, names=("mrr", "pairwise_accuracy")):
        folder = tmp_path / name
        folder.mkdir()
        gold, ranks = [["a"]] * len(texts), [[rank] for rank in ranks]
        rows = [{"text": t, "tags": ["a"], "ranks": r} for t, r in zip(texts, ranks)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "predictions.jsonl").write_text(lines, encoding="utf-8")
        given = GivenRows(gold, ranks, None, n_labels, False)
        return SavedResults(folder, texts, given, dict.fromkeys(names, 0.0), [])

    return make


def test_metrics_are_of_all_rows_whatever_the_sizes_of_folds(results):
    folds = [results("1", ["one", "two", "three"], [1, 2, 2]), results("2", ["four"], [3])]
    found = out_of_fold(folds)
    assert found["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 2 + 1 / 3) / 4)
    assert found["pairwise_accuracy"] == pytest.approx((1 + 1 / 2 + 1 / 2 + 0) / 4)


def test_what_hangs_on_the_number_of_texts_needs_the_same_number(results):
    folds = [results("1", ["one"], [1], 3), results("2", ["two"], [1], 4)]
    assert [*out_of_fold(folds)] == ["mrr"]


def test_a_metric_that_one_fold_lacks_is_left_out(results):
    folds = [results("1", ["one"], [1]), results("2", ["two"], [1], names=("mrr",))]
    assert [*out_of_fold(folds)] == ["mrr"]


def test_predictions_are_in_the_order_of_the_rows(results, tmp_path):
    folds = [results("1", ["two", "four"], [1, 1]), results("2", ["one", "three"], [1, 2])]
    metrics = out_of_fold(folds)
    write_joined(folds, np.array([1, 0, 1, 0]), metrics, tmp_path / "infer")
    found = SavedResults.read(tmp_path / "infer")
    assert found.texts == ["one", "two", "three", "four"]
    assert found.metrics == metrics


def test_folds_of_other_rows_are_refused(results, tmp_path):
    folds = [results("1", ["two", "four"], [1, 1])]
    with pytest.raises(UserError, match=r"1.predictions\.jsonl: has other rows"):
        write_joined(folds, np.array([0]), {}, tmp_path / "infer")
    assert not (tmp_path / "infer" / "predictions.jsonl").exists()
