"""What is damaged in the files of a run is named and left out, and the rest is shown."""

import json

import pytest

pytest.importorskip("matplotlib")

from harness.reported import Page, lines, make_run, page_of, random_rows, row, session

from textzoo.report.files import read_label_report, read_lines, read_rows, read_test

LOSS = {"kind": "train", "step": 5, "loss": 0.5}
TEST = {"rows": 3, "checkpoint": "best", "checkpoints": {"best": {}}, "steps": [9]}


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        ('{"kind": "train", ', "Expecting property name"),
        ("[1]", "Input should be an object"),
        ('{"kind": "train"}', "step: Field required"),
        ('{"kind": "train", "step": -1}', "step: Input should be greater than or equal to 0"),
        ('{"kind": "train", "step": 1' + "0" * 30 + "}", "step: Input should be less than"),
        ('{"kind": "train", "step": 1, "loss": "x"}', "loss: Input should be a valid number"),
        ('{"kind": "train", "step": 1, "loss": NaN}', "loss: Input should be"),
        ('{"kind": "evaluation", "step": 1, "rows": 9, "f1": 1e999}', "f1: Input should be"),
        ('{"kind": "evaluation", "step": 1, "rows": 9, "f1": [1]}', "f1: Input should be a valid"),
        ('{"kind": "evaluation", "step": 1, "f1": 1.0}', "rows: Field required"),
        ('{"kind": "session", "step": 1, "started": "x", "train_rows": 9}', "started: Input"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_damaged_line_is_named_and_the_others_are_read(tmp_path, caplog, damaged, problem):
    path = tmp_path / "metrics.jsonl"
    path.write_text(lines(LOSS) + damaged + "\n" + lines(LOSS), encoding="utf-8")
    assert list(read_lines(path)) == [LOSS, LOSS]
    (record,) = caplog.records
    message = record.getMessage()
    assert message.startswith(f"{path}:2: ") and problem in message
    assert message.endswith("; this line is damaged and left out")


def test_many_damaged_lines_are_named_once(tmp_path, caplog):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"\xff\n" * 9)
    assert list(read_lines(path)) == []
    assert "metrics.jsonl:1: " in caplog.text
    assert "this and 8 more lines are damaged and left out" in caplog.text


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        *(("tags", {"tags": value}) for value in ("a", None, [1], {"a": 1})),
        *(("tags", {"top": value}) for value in (["a"], [{"tag": "a"}], [{"tag": 1, "score": 1}])),
        *(("tags", {"top": [{"tag": "a", "score": value}]}) for value in ("1", None, 1e101)),
        *(("tags", {"predicted": value}) for value in ({"a": 1}, "a", 1)),
        *(("levels", {"predicted": value}) for value in (["a"], {"a": "1"}, {"a": -1})),
        *(("levels", {"tags": value}) for value in (["a"], ["a:"], ["a:x"])),
    ],
)
def test_a_row_of_another_form_is_left_out(tmp_path, caplog, kind, change):
    whole = row(["a:1"], {"a:1": 0.5}, **({"predicted": {"a": 1}} if kind == "levels" else {}))
    path = tmp_path / "predictions.jsonl"
    path.write_text(lines(whole, {**whole, **change}, whole), encoding="utf-8")
    assert list(read_rows(path, kind)) == [whole, whole]
    assert "predictions.jsonl:2: " in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        *({"checkpoint": name} for name in ("../x", "/etc", "", None)),
        *({"rows": "3"}, {"checkpoints": []}, {"steps": 9}, {"accuracy": "x"}, {"threshold": "x"}),
    ],
)
def test_damaged_results_are_left_out(tmp_path, caplog, change):
    path = tmp_path / "infer_metrics.json"
    path.write_text(json.dumps(TEST), encoding="utf-8")
    assert read_test(path) == TEST
    path.write_text(json.dumps({**TEST, **change}), encoding="utf-8")
    assert read_test(path) is None
    assert f"infer_metrics.json: is damaged and left out: {next(iter(change))}" in caplog.text


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"labels": {"a": 1}}', '{"labels": []}'])
def test_a_damaged_label_report_is_left_out(tmp_path, caplog, text):
    path = tmp_path / "label_report.json"
    path.write_text(text, encoding="utf-8")
    assert read_label_report(path) is None
    assert "label_report.json: is damaged and left out: " in caplog.text


def test_a_page_is_made_of_the_rest(tmp_path, caplog):
    folder = make_run(tmp_path / "run", random_rows()[2], {"accuracy": 0.5})
    with (folder / "infer" / "predictions.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": "a')
    told = [*session(seconds=[1.0]), {"kind": "evaluation", "step": 5, "accuracy": 0.5}]
    (folder / "metrics.jsonl").write_text(lines(*told), encoding="utf-8")
    assert "Labels" in Page(page_of(folder)).tables
    assert "predictions.jsonl:201: " in caplog.text and "metrics.jsonl:4: " in caplog.text


def test_rows_without_any_label_have_a_page_too(tmp_path):
    rows = [row([], {"a": 0.1}, predicted=[]) for _ in range(3)]
    assert "Labels" not in Page(page_of(make_run(tmp_path / "run", rows))).headings
