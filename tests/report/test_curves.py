"""Of what a run predicted, precision and recall at every threshold."""

from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from harness.reported import lines, random_rows, row

from textzoo.report.curves import curves_section
from textzoo.report.plots import MOST_POINTS
from textzoo.report.predictions import Predictions
from textzoo.report.recorded import Run


@pytest.fixture
def predictions_of(tmp_path):
    def read(rows, kind="tags"):
        (tmp_path / "predictions.jsonl").write_text(lines(*rows), encoding="utf-8")
        return Predictions.read(tmp_path / "predictions.jsonl", kind, len(rows))

    return read


def run_of(name="x", kind="tags", **test):
    return Run(Path(name), name, checkpoint={"model": "m", "kind": kind}, test=test)


def text_of(section):
    return "".join(section.itertext())


def captions(section):
    return [caption.text for caption in section.iter("figcaption")]


def test_the_highest_f1_and_its_threshold_are_told(predictions_of):
    # At 0.7 three of four are right, and three of three found: F1 6 / 7.
    rows = [row(["a", "c"], {"a": 0.9, "b": 0.8, "c": 0.8}), row(["b"], {"b": 0.7, "a": 0.1})]
    section = curves_section([run_of()], [predictions_of(rows)])
    assert captions(section) == ["precision by recall", "by threshold"]
    assert "F1 is highest, 0.8571, at threshold 0.7000." in text_of(section)
    assert "dotted rule" not in text_of(section)
    ruled = curves_section([run_of(threshold=0.5)], [predictions_of(rows)])
    assert "The dotted rule is the threshold that was used." in text_of(ruled)


def test_cosines_of_texts_are_told_from_scores(predictions_of):
    rows = [row(["t"], {"t": 0.9}, "q"), row(["u"], {"t": 0.5, "u": 0.4}, "r")]
    section = curves_section([run_of(kind="embeddings")], [predictions_of(rows, "embeddings")])
    assert captions(section)[1] == "by cosine"
    assert "A query is answered by its nearest text" in text_of(section)
    rows.append(row(["t"], {"t": 3.2}, "s"))  # with n-grams: deviations above the mean
    section = curves_section([run_of(kind="embeddings")], [predictions_of(rows, "embeddings")])
    assert captions(section)[1] == "by score"
    assert "A query is answered by its nearest text" in text_of(section)


def test_several_runs_are_compared_by_their_f1(predictions_of):
    found = predictions_of(random_rows(n_rows=20, several=True)[2])
    section = curves_section([run_of("x"), run_of("y")], [found, found])
    assert captions(section)[1] == "F1 by threshold"
    legend = next(p for p in section.iter("p") if p.get("class") == "legend")
    assert "".join(legend.itertext()) == "xy"


def test_levels_and_rows_without_labels_have_no_curve(predictions_of):
    found = predictions_of(random_rows(n_rows=20)[2])
    assert curves_section([run_of(kind="levels")], [found]) is None
    assert curves_section([run_of()], [None]) is None
    unlabelled = predictions_of([row([], {"a": 0.5})])
    assert curves_section([run_of()], [unlabelled]) is None


def test_where_the_best_label_is_the_answer_whatever_its_score_there_is_no_curve(predictions_of):
    rows = random_rows(n_rows=20)[2]
    found = predictions_of(rows)
    assert curves_section([run_of()], [found]) is None
    assert captions(curves_section([run_of(threshold=0.5)], [found]))
    one_has_two = predictions_of([*rows, row(["a", "b"], {"a": 0.9, "b": 0.8})])
    assert captions(curves_section([run_of()], [one_has_two]))
    # Of texts, one that is not near enough is no answer.
    assert captions(
        curves_section([run_of(kind="embeddings")], [predictions_of(rows, "embeddings")])
    )


def test_a_curve_of_very_many_points_stays_small(predictions_of):
    rows = random_rows(n_rows=500, several=True)[2]
    for place, one in enumerate(rows):  # no two scores are equal
        for best in one["top"]:
            best["score"] += place * 1e-6
    found = predictions_of(rows)
    assert len(found.curve().threshold) > 5 * MOST_POINTS
    section = curves_section([run_of()], [found])
    n_points = [path.get("d", "").count("L") for path in section.iter("path")]
    assert 0 < max(n_points) <= MOST_POINTS + 3
