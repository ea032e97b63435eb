"""Runs of trainer.py that benchmark.py watches, with a script of a few lines in its place."""

import pytest

from benchmarks.training_speed import Way, compare
from textzoo.errors import UserError

SCRIPT = """
import json
import sys
from pathlib import Path

overrides = dict(each.split("=", 1) for each in sys.argv[sys.argv.index("-o") + 1:])
sys.stderr.write("a warning\\n" * 20_000)
with Path(overrides["runner.model_save_path"], "metrics.jsonl").open("w") as file:
    for speed in json.loads(overrides["speeds"]):
        print(json.dumps({"kind": "train", "rows_per_second": speed}), file=file)
sys.exit(int(overrides.get("status", 0)))
"""


@pytest.fixture
def trainer(tmp_path):
    path = tmp_path / "trainer.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return str(path)


def test_speed_is_the_median_of_reports_after_two_that_warm_up(trainer, tmp_path, capsys):
    ways = {
        "slow": Way(["speeds=[1, 1, 30, 10, 20]"], {}, trainer),
        "fast": Way(["speeds=[1, 1, 60, 60, 30, 999]"], {}, trainer),
    }
    figures = compare(tmp_path / "config.yaml", [], 3, ways)
    assert {name: row["rows_per_second"] for name, row in figures.items()} == {
        "slow": 20,
        "fast": 60,
    }
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [["slow", "20", "1.00"], ["fast", "60", "3.00"]]


def test_a_run_that_fails_or_tells_too_little_is_a_mistake_of_the_user(trainer, tmp_path):
    failing = {"one": Way(["speeds=[]", "status=2"], {}, trainer)}
    with pytest.raises(UserError, match=r"trainer\.py failed:\n(a warning\n){20000}"):
        compare(tmp_path / "config.yaml", [], 1, failing)
    short = {"one": Way(["speeds=[1, 1]"], {}, trainer)}
    with pytest.raises(UserError, match=r"2 report\(s\) of speed: lower runner\.print_interval"):
        compare(tmp_path / "config.yaml", [], 1, short)
