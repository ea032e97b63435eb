from pathlib import Path

import pytest
from harness.reported import Page, lines

from textzoo.report import recalled
from textzoo.report.markup import document
from textzoo.report.recalled import index_section
from textzoo.report.recorded import Run

FOUND = "q\tx\t0.9\nq\tt\t0.8\nr\tu\t0.7\nr\tx\t0.6\n"


@pytest.fixture
def run(tmp_path):
    """A run whose index was asked two queries, with the rows that say what was to be found."""
    (tmp_path / "infer").mkdir()
    (tmp_path / "infer" / "recall_result.txt").write_text(FOUND, encoding="utf-8")
    rows = [{"text": "q", "tags": ["t"], "top": []}, {"text": "r", "tags": ["u"], "top": []}]
    (tmp_path / "infer" / "predictions.jsonl").write_text(lines(*rows), encoding="utf-8")
    return Run(tmp_path, "a run", infer=tmp_path / "infer")


def test_recall_is_that_of_a_count_by_hand(run):
    header, *rows = Page(document([], [index_section(run)])).tables["Recall of the index"]
    figures = {cells[0]: dict(zip(header[1:], cells[1:])) for cells in rows}
    # The title of r comes first, that of q second; no more than two were asked for.
    assert list(figures) == ["1"]
    assert figures["1"]["recall"] == "0.5000" and figures["1"]["mrr"] == "0.5000"


def test_without_predictions_the_nearest_texts_are_shown(run):
    (run.folder / "infer" / "predictions.jsonl").unlink()
    section = index_section(run)
    assert section.find("h2").text == "Nearest texts"
    assert "".join(next(section.iter("li")).itertext()) == "qx0.9000t0.8000"


def test_a_result_of_other_queries_is_left_out(run):
    rows = [{"text": "another", "tags": ["t"], "top": []}]
    (run.folder / "infer" / "predictions.jsonl").write_text(lines(*rows), encoding="utf-8")
    assert index_section(run) is None


def test_a_damaged_or_very_large_result_is_said_to_be_so(run, monkeypatch):
    path = run.folder / "infer" / "recall_result.txt"
    path.write_text("q\tx\n", encoding="utf-8")
    assert "recall_result.txt:1" in "".join(index_section(run).itertext())
    monkeypatch.setattr(recalled, "_MOST_BYTES", 3)
    assert "is large" in "".join(index_section(run).itertext())


def test_no_result_is_no_section(tmp_path):
    assert index_section(Run(Path(tmp_path), "a run")) is None
