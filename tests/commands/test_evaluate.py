"""The command; figures and TREC's files: evaluation/test_trec.py."""

import json

import pytest
from harness.running import run_command

PAIRS = "q\tt\nr\tu\nr\tv\ns\tw\n"
RESULT = "q\tq\t1.0\nq\tt\t0.9\nr\tx\t0.8\nr\tu\t0.7\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "pairs.tsv").write_text(PAIRS, encoding="utf-8")
    (tmp_path / "result.tsv").write_text(RESULT, encoding="utf-8")
    return "--pairs", tmp_path / "pairs.tsv", "--result", tmp_path / "result.tsv"


def test_metrics_are_printed_over_all_queries(files):
    done = run_command("evaluate", *files, "--cuts", 1, 2)
    # q finds its title first, but for itself; r one of two, second; s has no result.
    assert done.metrics["recall@1"] == 0.3333
    assert done.metrics["recall@2"] == pytest.approx((1 + 1 / 2) / 3)
    assert done.metrics["mrr@2"] == pytest.approx((1 + 1 / 2) / 3)
    assert "1 queries found their own text, which is left out" in done.stdout
    assert "1 of 3 queries have no result and count with 0" in done.stdout


def test_printed_metrics_have_4_digits_and_those_of_the_file_all(files, tmp_path):
    done = run_command("evaluate", *files, "--cuts", 1, "--output", tmp_path / "metrics.json")
    exact = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert exact["recall@1"] == 1 / 3
    assert (done.metrics["recall@1"], done.metrics["queries"]) == (0.3333, exact["queries"])
    kept = run_command("evaluate", *files, "--output", files[1], expect=2)
    assert "--output" in kept.stderr


def test_a_querys_own_text_counts_where_it_is_asked_to(files):
    done = run_command("evaluate", *files, "--cuts", 1, "--keep-own-text")
    assert done.metrics["recall@1"] == 0


def test_files_in_trecs_form_give_the_same(files, tmp_path):
    ours = run_command("evaluate", *files, "--write-trec", tmp_path / "trec").metrics
    trec = ("--qrels", tmp_path / "trec" / "qrels.txt", "--run", tmp_path / "trec" / "run.txt")
    assert run_command("evaluate", *trec).metrics == pytest.approx(ours)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give --pairs or --qrels, and --result or --run"),
        (("--pairs", "a", "--qrels", "b", "--run", "c"), "give --pairs or --qrels"),
        (("--pairs", "a", "--run", "b", "--cuts", "0"), "--cuts: "),
        (("--pairs", "none.tsv", "--run", "b"), "none.tsv"),
    ],
)
def test_mistakes_are_named(arguments, says):
    assert says in run_command("evaluate", *arguments, expect=2).stderr
