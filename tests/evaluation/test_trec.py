import json
import random

import pytest
from sklearn.metrics import ndcg_score

from textzoo.commands.evaluate import main as evaluate
from textzoo.evaluation.trec import (
    evaluate_ranking,
    read_pairs,
    read_qrels,
    read_run,
    without_own_text,
    write_trec_files,
)

GOLDS = {"a": {"x": 1.0, "y": 1.0}, "b": {"z": 1.0}, "c": {"w": 1.0}}
RANKING = {
    "a": {"n": 0.9, "x": 0.8, "m": 0.7, "y": 0.6},
    "b": {"z": 0.5},
    "d": {"x": 1.0},
}


def test_metrics_equal_a_calculation_by_hand():
    found = evaluate_ranking(GOLDS, RANKING, (1, 2, 5))
    discount = {2: 0.6309297535714575, 4: 0.43067655807339306}  # 1 / log2(1 + rank)
    expected = {
        "queries": 3,
        "recall@1": (0 + 1 + 0) / 3,
        "recall@2": (1 / 2 + 1 + 0) / 3,
        "recall@5": (1 + 1 + 0) / 3,
        "mrr@1": 1 / 3,
        "mrr@2": (1 / 2 + 1) / 3,
        "mrr@5": (1 / 2 + 1) / 3,
        "ndcg@1": 1 / 3,
        "ndcg@2": (discount[2] / (1 + discount[2]) + 1) / 3,
        "ndcg@5": ((discount[2] + discount[4]) / (1 + discount[2]) + 1) / 3,
    }
    assert found == pytest.approx(expected)


def test_a_query_s_own_text_is_left_out_and_counted():
    kept, n_queries = without_own_text({"a": {"a": 1.0, "b": 0.5}, "c": {"b": 0.1}})
    assert kept == {"a": {"b": 0.5}, "c": {"b": 0.1}}
    assert n_queries == 1


def test_pairs_may_stand_in_columns(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text('score,query,title\n1,"q, one",a\n0,"q, one",b\n', encoding="utf-8")
    assert read_pairs(path) == {"q, one": {"a": 1.0, "b": 1.0}}


def write_files(folder):
    (folder / "pairs.tsv").write_text("q one\ta\nq one\tb\nq two\tc\nq two\tq two\n")
    (folder / "result.tsv").write_text(
        "q one\tq one\t1.0\nq one\tb\t0.9\nq one\tn\t0.8\nq two\tn\t0.7\nq two\tc\t0.6\n"
    )
    return ["--pairs", str(folder / "pairs.tsv"), "--result", str(folder / "result.tsv")]


def last_metrics(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1].removeprefix("metrics: "))


def test_the_command_evaluates_pairs_and_writes_what_it_reads_as_trec(tmp_path, capsys):
    files = write_files(tmp_path)
    assert evaluate([*files, "--cuts", "1", "2", "--write-trec", str(tmp_path / "trec")]) == 0
    printed = capsys.readouterr().out
    assert "1 queries found their own text" in printed
    metrics = json.loads(printed.splitlines()[-1].removeprefix("metrics: "))
    assert metrics["queries"] == 2
    assert metrics["recall@1"] == pytest.approx((1 / 2 + 0) / 2)
    assert metrics["recall@2"] == pytest.approx((1 / 2 + 1) / 2)
    assert metrics["mrr@2"] == pytest.approx((1 + 1 / 2) / 2)
    trec = ["--qrels", str(tmp_path / "trec/qrels.txt"), "--run", str(tmp_path / "trec/run.txt")]
    assert evaluate([*trec, "--cuts", "1", "2"]) == 0
    assert last_metrics(capsys) == pytest.approx(metrics)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("q\ttext\n", "result.tsv:1: received 2 columns"),
        ("q\ttext\t1\nq\tnext\tx\n", "result.tsv:2: received 'x', expected a finite number"),
        ("q\ttext\tnan\n", "result.tsv:1: received 'nan', expected a finite number"),
        ("q\ttext\t-inf\n", "result.tsv:1: received '-inf', expected a finite number"),
        ("q\ta\t1\nq\tb\t1\nq\ta\t0\n", "result.tsv:3: received 'a' for the query 'q' again"),
        ("", "result.tsv: received nothing to evaluate, expected lines query<TAB>text<TAB>score"),
        ("other\ttext\t1\n", "result.tsv: received results for none of the 2 queries"),
    ],
)
def test_a_malformed_result_is_refused(tmp_path, capsys, content, complaint):
    files = write_files(tmp_path)
    (tmp_path / "result.tsv").write_text(content)
    assert evaluate(files) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("qrels", "complaint"),
    [
        ("q 0 d 1\nq 0 d 2\n", "qrels.txt:2: received 'd' for the query 'q' again"),
        ("q 0 d nan\n", "qrels.txt:1: received 'nan'"),
        ("q 0 d 0\n", "qrels.txt: received nothing to evaluate, expected a document with a rel"),
        ("q 0 d\n", "qrels.txt:1: received 3 columns"),
    ],
)
def test_malformed_qrels_are_refused(tmp_path, capsys, qrels, complaint):
    (tmp_path / "qrels.txt").write_text(qrels)
    (tmp_path / "run.txt").write_text("q Q0 d 1 0.5 tag\n")
    files = ["--qrels", str(tmp_path / "qrels.txt"), "--run", str(tmp_path / "run.txt")]
    assert evaluate(files) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("line", ["q three\t", " \tc"])
def test_pairs_with_an_empty_text_are_refused(tmp_path, capsys, line):
    files = write_files(tmp_path)
    with (tmp_path / "pairs.tsv").open("a") as file:
        file.write(line + "\n")
    assert evaluate(files) == 2
    assert "pairs.tsv:5: received an empty text, expected query" in capsys.readouterr().err


def test_pairs_may_have_any_number_of_negatives(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("q\ta\tn1\tn2\tn3\tn4\nq two\tb\n", encoding="utf-8")
    assert read_pairs(path) == {"q": {"a": 1.0}, "q two": {"b": 1.0}}


def test_pairs_without_another_text_are_refused(tmp_path, capsys):
    files = write_files(tmp_path)
    (tmp_path / "pairs.tsv").write_text("q\tq\n")
    assert evaluate(files) == 2
    assert "pairs.tsv: received nothing to evaluate" in capsys.readouterr().err


def test_queries_without_a_result_are_named(tmp_path, capsys):
    files = write_files(tmp_path)
    (tmp_path / "result.tsv").write_text("q two\tc\t0.6\n")
    assert evaluate(files) == 0
    assert "1 of 2 queries have no result and count with 0: 'q one'" in capsys.readouterr().out


def test_gains_are_grades_as_in_scikit_learn():
    """One query with every document scored, as `ndcg_score` wants it, without equal scores."""
    chance = random.Random(5)
    documents = [f"d{i}" for i in range(12)]
    grades = {document: float(chance.choice([0, 0, 1, 2, 3])) for document in documents}
    scores = dict(zip(documents, chance.sample(range(100), 12)))
    golds = {"q": {document: grade for document, grade in grades.items() if grade}}
    found = evaluate_ranking(golds, {"q": scores}, (1, 3, 12))
    for k in (1, 3, 12):
        expected = ndcg_score([list(grades.values())], [list(scores.values())], k=k)
        assert found[f"ndcg@{k}"] == pytest.approx(expected)


def test_grades_survive_being_written_as_trec(tmp_path):
    golds = {"q one": {"a": 3.0, "b": 1.0}}
    ranking = {"q one": {"b": 0.9, "n": 0.8, "a": 0.7}}
    write_trec_files(golds, ranking, tmp_path)
    again = read_qrels(tmp_path / "qrels.txt"), read_run(tmp_path / "run.txt")
    dcg = 1 + 3 / 2  # 1 / log2(2) + 3 / log2(4)
    for pair in ((golds, ranking), again):
        found = evaluate_ranking(*pair, (3,))["ndcg@3"]
        assert found == pytest.approx(dcg / (3 + 0.6309297535714575))


def write_trec(folder, seed):
    chance = random.Random(seed)
    queries = [f"q{i}" for i in range(30)]
    documents = [f"d{i}" for i in range(40)]
    qrels = [
        f"{query} 0 {document} {chance.choice([0, 1, 1])}\n"
        for query in queries
        for document in chance.sample(documents, chance.randint(1, 6))
    ]
    run = [
        f"{query} Q0 {document} 1 {chance.randint(0, 9) / 10} tag\n"  # with many equal scores
        for query in queries[:25]
        for document in chance.sample(documents, chance.randint(1, 30))
    ]
    (folder / "qrels.txt").write_text("".join(qrels))
    (folder / "run.txt").write_text("".join(run))
    return folder / "qrels.txt", folder / "run.txt"


def test_equals_pytrec_eval(tmp_path):
    """The expected figures are pytrec_eval's (pytrec-eval-terrier 0.5) for the same files."""
    qrels, run = write_trec(tmp_path, seed=3)
    found = evaluate_ranking(read_qrels(qrels), read_run(run), (1, 5, 10, 1000))
    expected = {
        "recall@1": 0.022988505747126436,
        "recall@5": 0.11149425287356322,
        "recall@10": 0.18563218390804598,
        "ndcg@1": 0.06896551724137931,
        "ndcg@5": 0.09095245101456995,
        "ndcg@10": 0.12590936320901017,
        "mrr@1000": 0.15427302582474994,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
