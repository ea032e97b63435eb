"""What report.py makes of predictions, against scikit-learn or by hand."""

import numpy as np
import pytest
from sklearn.metrics import (
    confusion_matrix,
    precision_recall_curve,
    precision_recall_fscore_support,
)

pytest.importorskip("matplotlib")

from harness.reported import Page, make_run, page_of, random_rows, row

from textzoo.report.predictions import NO_LABEL, Predictions


@pytest.mark.parametrize("several", [False, True])
def test_the_curve_equals_scikit_learn(tmp_path, several):
    scores, gold, rows = random_rows(several=several)
    folder = make_run(tmp_path / "run", rows, {"threshold": 0.5})
    found = Predictions.read(folder / "infer" / "predictions.jsonl", "tags", len(rows))
    assert found.is_complete_above is None  # every label is listed
    curve = found.curve()
    precision, recall, thresholds = precision_recall_curve(gold.ravel(), scores.ravel())
    np.testing.assert_allclose(curve.precision, precision[-2::-1])
    np.testing.assert_allclose(curve.recall, recall[-2::-1])
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    best = f"F1 is highest, {f1.max():.4f}, at threshold {thresholds[f1[:-1].argmax()]:.4f}."
    assert best in page_of(folder)


def test_the_matrix_of_one_label_a_row_equals_scikit_learn(tmp_path):
    scores, gold, rows = random_rows()
    expected = confusion_matrix(gold.argmax(axis=1), scores.argmax(axis=1))
    _, *found = Page(page_of(make_run(tmp_path / "run", rows))).tables["Confusions"]
    assert [heading for heading, *_ in found] == [f"{i} {x}" for i, x in enumerate("abcdef", 1)]
    assert [[int(cell.replace("·", "0")) for cell in cells] for _, *cells in found] == (
        expected.tolist()
    )


def test_lists_that_may_lack_labels_are_complete_above_their_lowest_scores(tmp_path):
    """By hand: two of three labels are listed."""
    rows = [row(["a"], {"a": 0.9, "b": 0.2}), row(["c"], {"b": 0.8, "a": 0.4})]
    folder = make_run(tmp_path / "run", rows, {"threshold": 0.5})
    found = Predictions.read(folder / "infer" / "predictions.jsonl", "tags", 2)
    assert found.is_complete_above == 0.4
    assert "Shaded, up to 0.4000" in page_of(folder)


def test_labels_of_several_equal_scikit_learn_and_confusions_a_count_by_hand(tmp_path):
    scores, gold, rows = random_rows(several=True)
    folder = make_run(tmp_path / "run", rows)
    found = Predictions.read(folder / "infer" / "predictions.jsonl", "tags", len(rows))
    figures = precision_recall_fscore_support(gold, scores > 0.6, zero_division=0)
    for i, own in enumerate(found.labels().values()):
        assert list(own.values()) == pytest.approx([values[i] for values in figures])
    missed, wrong = gold & (scores <= 0.6), ~gold & (scores > 0.6)
    counted = {(one.gold, one.predicted): one.count for one in found.confusions()}
    for i, true in enumerate("abcdef"):
        for j, label in enumerate("abcdef"):
            assert counted.get((true, label), 0) == (missed[:, i] & wrong[:, j]).sum()
        alone = missed[:, i] & ~wrong.any(axis=1)
        assert counted.get((true, NO_LABEL), 0) == alone.sum()
    # First what was taken for something else, the commonest first.
    order = [(NO_LABEL in pair, -count) for pair, count in counted.items()]
    assert order == sorted(order)
    among = found.confusions(among=["a", "b"])
    assert {one[:2] for one in among} == {("a", "b"), ("b", "a")}


def test_the_surest_mistakes_come_first(tmp_path):
    rows = [
        row(["a"], {"b": 0.5, "a": 0.4}, "third"),
        row(["b"], {"b": 0.99, "a": 0.98}, "right"),
        row(["b"], {"a": 0.9, "b": 0.1}, "first"),
        row(["c"], {"b": 0.7, "a": 0.6}, "second"),
        *(row(["a"], {"b": 0.2, "a": 0.1}, f"later {i}") for i in range(30)),
    ]
    folder = make_run(tmp_path / "run", rows)
    wrong = Predictions.read(folder / "infer" / "predictions.jsonl", "tags", len(rows)).wrong
    texts = [mistake.row["text"] for mistake in wrong]
    assert texts == ["first", "second", "third", *(f"later {i}" for i in range(17))]
    assert (wrong[0].label, wrong[0].score) == ("a", 0.9)


def test_levels_are_confused_within_a_label(tmp_path):
    """By hand: of two labels, one level too high, and one not seen."""
    rows = [
        row(["x:1", "y:2"], {"x:2": 0.9, "y:2": 0.8}, predicted={"x": 2, "y": 2}),
        row(["y:2"], {"x:0": 0.9, "y:0": 0.7}, predicted={"x": 0, "y": 0}),
    ]
    folder = make_run(tmp_path / "run", rows, kind="levels")
    found = Predictions.read(folder / "infer" / "predictions.jsonl", "levels", 2)
    assert found.confusions() == [("x:1", "x:2", 1), ("y:2", "y:0", 1)]
    assert Page(page_of(folder)).tables["Confusions"] == [
        ["true ↓ predicted →", "0", "1", "2"],
        ["0", "1", "·", "·"],
        ["1", "·", "·", "1"],
        ["2", "1", "·", "1"],
    ]


def test_rows_without_labels_count_as_they_do_in_the_metrics(tmp_path):
    rows = [row(["a"], {"a": 1.0}), row([], {"a": 0.9}, predicted=["a"])]
    file = make_run(tmp_path / "run", rows) / "infer" / "predictions.jsonl"
    assert Predictions.read(file, "tags", 2).n_rows == 2
    assert Predictions.read(file, "tags", 1).n_rows == 1
    assert not Predictions.read(file, "tags", 1).wrong
