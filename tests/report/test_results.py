"""Labels, confusions, examples: what is shown of predictions whose figures are known."""

from pathlib import Path

import pytest
from harness.reported import Page, lines, row

from textzoo.report.markup import document
from textzoo.report.predictions import Predictions
from textzoo.report.recorded import Run
from textzoo.report.results import (
    confusion_section,
    labels_section,
    mistakes_section,
    neighbours_section,
)

ROWS = [
    row(["a"], {"a": 0.9, "b": 0.1}, "right"),
    row(["a"], {"b": 0.8, "a": 0.2}, "surest"),
    row(["b"], {"a": 0.6, "b": 0.4}, "less sure"),
    row(["a"], {"b": 0.7, "a": 0.3}, "sure"),
]


@pytest.fixture
def predictions_of(tmp_path):
    def read(rows, kind="tags"):
        (tmp_path / "predictions.jsonl").write_text(lines(*rows), encoding="utf-8")
        return Predictions.read(tmp_path / "predictions.jsonl", kind, len(rows))

    return read


def page_of(section):
    return Page(document([], [section]))


def test_labels_of_a_run_come_by_their_support(predictions_of):
    section = labels_section([Run(Path("x"), "x")], [predictions_of(ROWS)])
    header, first, second = page_of(section).tables["Labels"]
    figures = dict(zip(header, first))
    # a: found once of three, and once wrongly.
    assert (first[0], figures["support"], figures["precision"]) == ("a", "3", "0.5000")
    assert figures["recall"] == "0.3333" and second[0] == "b"


def test_a_label_report_is_shown_as_it_is_with_its_averages(predictions_of):
    report = {"labels": {"a": {"f1": 0.25, "support": 3}}, "averages": {"macro": {"f1": 0.5}}}
    run = Run(Path("x"), "x", label_report=report)
    section = labels_section([run], [predictions_of(ROWS)])
    assert page_of(section).tables["Labels"] == [
        *(["label", "f1", "support"], ["a", "0.2500", "3"], ["macro", "0.5000", ""]),
    ]


def test_several_runs_have_their_f1_side_by_side(predictions_of):
    runs = [Run(Path(name), name) for name in "xy"]
    found = predictions_of(ROWS)
    header, *rows = page_of(labels_section(runs, [found, None])).tables["Labels"]
    assert header == ["label", "support", "f1 of x"]
    header, *rows = page_of(labels_section(runs, [found, found])).tables["Labels"]
    assert header[2:] == ["f1 of x", "f1 of y"] and all(cells[2] == cells[3] for cells in rows)


def test_confusions_are_counted_in_pairs_and_in_a_matrix(predictions_of):
    tables = page_of(confusion_section(predictions_of(ROWS))).tables
    assert tables["Pairs"] == [
        ["true label", "predicted", "texts", "share"],
        *(["a", "b", "2", "66.7 %"], ["b", "a", "1", "100.0 %"]),
    ]
    assert [cells[1:] for cells in tables["Confusions"][1:]] == [["1", "2"], ["1", "·"]]


def test_without_mistakes_there_is_nothing_to_confuse(predictions_of):
    right = predictions_of(ROWS[:1])
    assert confusion_section(right) is None and mistakes_section(right) is None
    assert labels_section([Run(Path("x"), "x")], [None]) is None


def test_the_surest_mistakes_come_first(predictions_of):
    section = mistakes_section(predictions_of(ROWS))
    assert [p.text for p in section.iter("p") if p.get("class") == "text"] == [
        *("surest", "sure", "less sure"),
    ]
    first = "".join(next(section.iter("li")).itertext())
    assert first == "surestb0.8000true: a (0.2000)"


def test_mistakes_are_told_with_their_probabilities(predictions_of):
    rows = [row(["a"], {"b": 7.25, "a": -3.5})]
    for best, probability in zip(rows[0]["top"], (0.99987, 0.031)):
        best["probability"] = probability
    first = "".join(next(mistakes_section(predictions_of(rows)).iter("li")).itertext())
    assert first == "a textb> 99.9 %true: a (3.1 %)"


def test_labels_that_are_numbers_are_sorted_by_their_value(predictions_of):
    names = ["10", "9", "-1.5", "b", "a", "2"]
    wrong = dict(zip(names, [*names[1:], names[0]]))
    rows = [row([gold], {wrong[gold]: 0.9, gold: 0.1}) for gold in names]
    found = predictions_of(rows)
    in_order = ["-1.5", "2", "9", "10", "a", "b"]
    labels = page_of(labels_section([Run(Path("x"), "x")], [found])).tables["Labels"][1:]
    assert [cells[0] for cells in labels] == in_order
    matrix = page_of(confusion_section(found)).tables["Confusions"][1:]
    assert [cells[0].split()[-1] for cells in matrix] == in_order


def test_what_was_to_be_found_is_marked_or_named():
    rows = [
        {"text": "q1", "tags": ["t"], "top": [{"tag": "t", "score": 0.9}]},
        {"text": "q2", "tags": ["u"], "top": [{"tag": "t", "score": 0.5}]},
    ]
    first, second = neighbours_section(rows).iter("li")
    assert [p.get("class") for p in first.iter("p")] == ["text", "entry right"]
    assert "".join(second.itertext()).endswith("wanted: u")
