"""All tables of benchmark.py by one command: rounds, medians, ratios."""

import json
import re

import pytest

from benchmarks import suite
from benchmarks.run import main
from benchmarks.suite import Job, medians, records, rendered

# Three rounds of a table: by how many times the second way is faster is 2, 3 and 4.
ROUNDS = [
    {"net": {"theirs": {"rows_per_second": a}, "ours": {"rows_per_second": b, "megabytes": 7}}}
    for a, b in ((10.0, 20.0), (12.0, 36.0), (8.0, 32.0))
]


def test_numbers_are_medians_with_the_least_and_greatest_and_ratios_of_the_same_round():
    assert medians(ROUNDS) == {
        "net": {
            "theirs": {"rows_per_second": 10.0},
            "ours": {"rows_per_second": 32, "megabytes": 7},
        }
    }
    lines = rendered(ROUNDS).splitlines()
    assert lines[0] == "|  |  | rows per second | megabytes | times as fast |"
    assert lines[2] == "| net | theirs | 10 (8 to 12) |  |  |"
    assert lines[3] == "| net | ours | 32 (20 to 36) | 7 | 3 (2 to 4) |"


def test_of_seconds_fewer_are_faster_and_labels_name_a_row():
    rows = [
        {"labels": n, "formulation": name, "seconds_per_step": seconds}
        for n, name, seconds in ((90, "a", 3.0), (90, "b", 1.5), (9, "a", 8.0), (9, "b", 2.0))
    ]
    assert [names for names, _ in records(rows)] == [
        *(("90", "a"), ("90", "b"), ("9", "a"), ("9", "b"))
    ]
    lines = rendered([rows]).splitlines()
    assert lines[3] == "| 90 | b | 1.5 | 2 |" and lines[5] == "| 9 | b | 2 | 4 |"
    assert "times" not in rendered([rows], compares=False)


def test_what_is_measured_is_kept_and_what_fails_does_not_lose_the_others(
    tmp_path, monkeypatch, capsys
):
    small = Job("index", ["--sizes", "300", "--queries", "20"], 2)
    jobs = {
        "small": small,
        "bad": Job("index", ["--vectors", "none.npy"]),
        "other": Job("xmlcnn", ["PEER"]),
    }
    monkeypatch.setattr(suite, "JOBS", jobs)
    call = ["all", "--folder", str(tmp_path), "--only", *jobs]
    monkeypatch.setattr(suite, "add_arguments", _arguments_of(jobs))
    assert main(call) == 2
    told = capsys.readouterr()
    assert "other: left out: needs --peer" in told.out
    assert re.search(r"1 table\(s\) could not be measured:\n  bad: .*none\.npy", told.err)
    found = json.loads((tmp_path / "small.json").read_text(encoding="utf-8"))
    assert list(found) == ["machine", "small"]
    assert list(found["small"]["300 generated"]) == ["exact", "hnswlib", "TextZoo"]
    text = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert "<!-- small -->" in text and "| 300 generated | TextZoo |" in text
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("small-*.json")}
    assert {path.name for path in before} == {"small-1.json", "small-2.json"}
    assert main([*call[:-2]]) == 0  # without those that fail
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("small-*.json")} == before
    other = json.loads((tmp_path / "small-1.json").read_text(encoding="utf-8"))
    other["machine"]["threads"] = "64"
    (tmp_path / "small-1.json").write_text(json.dumps(other), encoding="utf-8")
    assert main([*call[:-2]]) == 2
    assert "small: its rounds in" in capsys.readouterr().err
    (tmp_path / "small-1.json").write_text("{", encoding="utf-8")
    capsys.readouterr()
    assert main([*call[:-2]]) == 2
    assert "small-1.json: is damaged" in capsys.readouterr().err


def _arguments_of(jobs):
    def add_arguments(parser):
        parser.add_argument("--peer")
        parser.add_argument("--folder", type=type(suite.TOOLS))
        parser.add_argument("--rounds", type=int)
        parser.add_argument("--only", nargs="+", choices=jobs)
        parser.add_argument("--threads")

    return add_arguments


@pytest.mark.parametrize("job", suite.JOBS.values(), ids=suite.JOBS)
def test_each_table_is_asked_for_what_it_takes(job):
    from benchmarks.run import argument_parser

    argument_parser().parse_args([job.table, *job.arguments])
