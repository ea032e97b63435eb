"""What a report tells of the runs of --seeds and --folds."""

import json

import pytest

pytest.importorskip("matplotlib")

from harness.reported import Page, make_run

from textzoo.errors import UserError
from textzoo.report.page import report
from textzoo.report.repeated import Repeats, runs_in

SPREAD = {"values": [0.5, 0.7], "mean": 0.6, "std": 0.1414, "min": 0.5, "max": 0.7}


def make(folder, names, file, **facts):
    for name in names:
        make_run(folder / name, metrics={"accuracy": 0.5})
    told = {"runs": names, **facts}
    (folder / file).write_text(json.dumps(told), encoding="utf-8")
    return folder


def test_the_runs_of_seeds_are_compared_below_their_spread(tmp_path):
    tables = {"validation": {"mrr": SPREAD}, "test": {"accuracy": SPREAD}}
    folder = make(tmp_path / "seeds", ["seed-1", "seed-7"], "seeds.json", **tables)
    report([folder], None)
    page = Page((folder / "comparison.html").read_text(encoding="utf-8"))
    assert page.headings[0] == "Spread"
    assert page.tables["Test rows of all runs"] == [
        ["metric", "mean", "std", "min", "max", "seed-1", "seed-7"],
        ["accuracy", "0.6000", "0.1414", "0.5000", "0.7000", "0.5000", "0.7000"],
    ]
    assert page.tables["Validation rows of all runs, at the best of each"][1][:2] == [
        "mrr",
        "0.6000",
    ]
    assert "Training" in page.headings


def test_of_folds_there_is_what_all_rows_give(tmp_path):
    own = {"folds": {"accuracy": SPREAD}, "out_of_fold": {"accuracy": 0.61}, "rows": 9}
    folder = make(tmp_path / "folds-2", ["fold-1", "fold-2"], "folds.json", **own)
    report([folder], tmp_path / "page.html")
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    rows = page.tables["Rows of the fold that was left out"]
    assert rows[0][-1] == "all rows, out of fold" and rows[1][-1] == "0.6100"


@pytest.mark.parametrize("runs", [["../elsewhere"], ["seed-1/.."], [1], "seed-1"])
def test_a_file_that_names_other_folders_is_left_out(tmp_path, runs, caplog):
    (tmp_path / "seeds.json").write_text(json.dumps({"runs": runs}), encoding="utf-8")
    assert Repeats.read(tmp_path) is None
    assert "seeds.json: is damaged and left out" in caplog.text


@pytest.mark.parametrize(
    "facts",
    [
        {"runs": []},
        {"runs": ["seed-1", "seed-1"]},
        {"runs": ["seed-1"], "test": {"accuracy": SPREAD}},
    ],
)
def test_a_file_that_does_not_fit_its_runs_is_left_out(tmp_path, facts, caplog):
    (tmp_path / "seeds.json").write_text(json.dumps(facts), encoding="utf-8")
    assert Repeats.read(tmp_path) is None
    assert "seeds.json: is damaged and left out" in caplog.text


def test_the_runs_that_have_begun_are_compared_in_the_order_of_their_numbers(tmp_path):
    for name in ("seed-10", "seed-9", "other"):
        make_run(tmp_path / "seeds" / name)
    (tmp_path / "seeds" / "seed-11").mkdir()
    assert [run.name for run in runs_in(tmp_path / "seeds")] == ["seed-9", "seed-10"]
    assert runs_in(tmp_path / "seeds" / "seed-9") == [tmp_path / "seeds" / "seed-9"]
    report([tmp_path / "seeds"], None)
    text = (tmp_path / "seeds" / "comparison.html").read_text(encoding="utf-8")
    assert ">2 runs" in text and "Spread" not in Page(text).headings


def test_the_folder_above_is_told_what_is_in_it(tmp_path):
    make_run(tmp_path / "seeds" / "seed-1")
    make_run(tmp_path / "folds-2" / "fold-1")
    with pytest.raises(UserError, match=r"There are runs in it: folds-2, seeds$"):
        report([tmp_path], None)
