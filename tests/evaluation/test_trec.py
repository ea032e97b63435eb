import json
import random

import pytest

from textzoo.commands.evaluate import main as evaluate
from textzoo.evaluation.trec import evaluate_ranking, read_qrels, read_run, without_own_text

GOLDS = {"a": {"x", "y"}, "b": {"z"}, "c": {"w"}}
RANKING = {
    "a": [("n", 0.9), ("x", 0.8), ("m", 0.7), ("y", 0.6)],
    "b": [("z", 0.5)],
    "d": [("x", 1.0)],
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
    kept, n_queries = without_own_text({"a": [("a", 1.0), ("b", 0.5)], "c": [("b", 0.1)]})
    assert kept == {"a": [("b", 0.5)], "c": [("b", 0.1)]}
    assert n_queries == 1


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
    [("q\ttext\n", "result.tsv:1: received 2 columns"), ("q\ttext\tx\n", "received 'x'")],
)
def test_a_malformed_result_is_refused(tmp_path, capsys, content, complaint):
    files = write_files(tmp_path)
    (tmp_path / "result.tsv").write_text(content)
    assert evaluate(files) == 2
    assert complaint in capsys.readouterr().err


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
