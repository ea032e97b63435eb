"""Corpora of texts that stand in for labels; figures by hand: running/test_pair_model.py."""

import io
import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
from harness.evaluated import Embeds, FakeRows

from textzoo.config.schema import IndexSettings, Runner
from textzoo.errors import BadLine, UserError
from textzoo.evaluation.embeddings import WEIGHTS, Corpus, EmbeddingEvaluator
from textzoo.index.lexical import LexicalForm, LexicalIndex


def parse(line):
    query, title = line.split("\t")
    return SimpleNamespace(query=query, title=title, texts=[query, title])


def describe(line):
    return {"text": parse(line).query, "tags": [parse(line).title]}


# A text is embedded by its digits.
def digits_of(text):
    return {"text": list(map(int, text))}


READER = SimpleNamespace(
    fields=(), parse=parse, describe=describe, encode_text=digits_of, encode_title=digits_of
)


def test_queries_are_read_as_queries_and_the_corpus_as_titles():
    sides = []

    def noted(side):
        return lambda text: sides.append((side, text)) or digits_of(text)

    reader = SimpleNamespace(
        parse=parse,
        describe=describe,
        encode_text=noted("query"),
        encode_title=noted("title"),
    )
    rows = FakeRows(["11\t12"])
    EmbeddingEvaluator(Runner(), reader, rows, np.array([0]))(Embeds(), ["mrr"])
    assert sides == [("title", "11"), ("title", "12"), ("query", "11")]


def test_a_corpus_has_each_text_once(tmp_path):
    corpus = Corpus(["12", "3", "12", "45"], READER)
    assert corpus.label_names == ["12", "3", "45"]
    assert corpus.places == {"12": 0, "3": 1, "45": 2}
    file = tmp_path / "corpus.txt"
    file.write_text("12\n3\n12\n45\n", encoding="utf-8")
    assert Corpus.read(file, READER, "error").label_names == corpus.label_names
    np.testing.assert_allclose(corpus.embeddings(Embeds())[1], [1, 0, 0])


def test_a_corpus_without_a_text_is_refused(tmp_path):
    (tmp_path / "corpus.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"corpus\.txt"):
        Corpus.read(tmp_path / "corpus.txt", READER, "error")


def test_a_corpus_with_a_text_that_the_reader_gives_up_is_refused(tmp_path):
    def give_up(text):
        raise BadLine("the tokenizer cannot split the text")

    (tmp_path / "corpus.txt").write_text("12\n", encoding="utf-8")
    reader = SimpleNamespace(fields=(), encode_title=give_up)
    with pytest.raises(UserError, match=r"corpus\.txt: the tokenizer cannot split the text"):
        Corpus.read(tmp_path / "corpus.txt", reader, "error")


def test_without_a_corpus_the_texts_of_the_chosen_rows_are_searched_but_for_the_query():
    rows = FakeRows(["11\t12", "90\t91", "19\t18"])
    file = io.StringIO()
    evaluator = EmbeddingEvaluator(Runner(top_k=3), READER, rows, np.array([0, 2]))
    found = evaluator(Embeds(), ["recall@1", "mrr"], None, file).result()
    first, second = map(json.loads, file.getvalue().splitlines())
    # By the angles of 11, 12, 19 and 18: 45, 63.4, 83.7 and 82.9 degrees.
    assert [best["tag"] for best in first["top"]] == ["12", "18", "19"]
    assert [best["tag"] for best in second["top"]] == ["18", "12", "11"]
    assert found == {"recall@1": 1, "mrr": 1, "rows": 2}
    assert first["tags"] == ["12"]


def test_titles_that_the_corpus_lacks_are_told(tmp_path, caplog):
    (tmp_path / "corpus.txt").write_text("12\n11\n", encoding="utf-8")
    runner, rows = Runner(corpus_file=tmp_path / "corpus.txt"), FakeRows(["11\t12", "11\t18"])
    EmbeddingEvaluator(runner, READER, rows, np.array([0]))
    assert not caplog.records
    EmbeddingEvaluator(runner, READER, rows, np.array([0, 1]))
    assert "lacks the titles of 1 of 2 rows that are evaluated" in caplog.text


def test_some_texts_of_the_corpus_are_searched_and_the_titles_of_the_rows(tmp_path):
    texts = [str(number) for number in range(100, 200)]
    (tmp_path / "corpus.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    rows = FakeRows(["150\t199", "7\t100", "8\t9"])  # the corpus lacks the last title

    def searched(n_others, seed=1):
        file, runner = io.StringIO(), Runner(corpus_file=tmp_path / "corpus.txt", seed=seed)
        runner.top_k = 200
        evaluator = EmbeddingEvaluator(
            runner, READER, rows, np.arange(3), IndexSettings(), n_others=n_others
        )
        found = evaluator(Embeds(), ["recall@200"], None, file).result()
        assert found["recall@200"] == pytest.approx(2 / 3)
        last = json.loads(file.getvalue().splitlines()[-1])
        return {best["tag"] for best in last["top"]}

    assert searched(0) == searched(98) == searched(1000) == set(texts)
    some = searched(20)
    assert len(some) == 22
    assert some >= {"100", "199"}
    assert searched(20) == some != searched(20, seed=2)


def test_texts_that_are_pairs_of_themselves_are_told(caplog):
    EmbeddingEvaluator(Runner(), READER, FakeRows(["11\t11", "1\t2"]), np.array([0, 1]))
    assert not caplog.records
    EmbeddingEvaluator(Runner(), READER, FakeRows(["11\t11", "1\t2"]), np.array([0]))
    assert "each of the 1 rows that are evaluated is a text and itself" in caplog.text


PAIRS = [f"{a}\t{b}" for a, b in np.random.default_rng(3).integers(1, 9999, (80, 2))]


def ranks_by_hand(weight, center):
    """The rank of each title among all other texts, by loops and sorting alone."""
    pairs = [line.split("\t") for line in PAIRS]
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    embedded = np.array([[*map(int, text), 0, 0][:3] for text in texts], float)
    embedded /= np.linalg.norm(embedded, axis=1)[:, None]
    if center:
        embedded = embedded - embedded.mean(axis=0)
        embedded /= np.linalg.norm(embedded, axis=1)[:, None]
    lexical = LexicalIndex.fit(texts, LexicalForm("characters", 2, "bm25")).scores(texts)
    both = []
    for scores in (embedded @ embedded.T, lexical.astype(float)):
        both.append((scores - scores.mean(axis=1)[:, None]) / scores.std(axis=1)[:, None])
    scores = (1 - weight) * both[0] + weight * both[1] if weight else embedded @ embedded.T
    ranks = []
    for query, title in pairs:
        row, own, gold = scores[texts.index(query)], texts.index(query), texts.index(title)
        ranks.append(1 + sum(row[i] > row[gold] + 1e-5 for i in range(len(texts)) if i != own))
    return np.array(ranks)


def evaluated(names, predictions=None, **index):
    rows = FakeRows(PAIRS)
    index = IndexSettings(**index)
    evaluator = EmbeddingEvaluator(Runner(top_k=3), READER, rows, np.arange(80), index)
    return evaluator(Embeds(), names, None, predictions)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_scores_are_mixed_and_embeddings_centred_as_in_an_index(weight, center):
    found = evaluated(["mrr", "recall@10"], lexical_weight=weight, center=center).result()
    ranks = ranks_by_hand(weight, center)
    # Ties, of which there are many among three digits, are broken by the order of the texts.
    assert found["mrr"] == pytest.approx((1 / ranks).mean(), abs=0.02)
    assert found["recall@10"] == pytest.approx((ranks <= 10).mean(), abs=0.04)


def test_the_lexical_weight_is_the_one_with_the_best_first_metric(caplog):
    with caplog.at_level(logging.INFO, logger="textzoo"):
        found = evaluated(["recall@10", "mrr"], lexical_weight="auto").result()
    single = {
        weight: evaluated(["recall@10"], lexical_weight=weight).result()["recall@10"]
        for weight in WEIGHTS
    }
    best = max(single, key=single.get)
    assert found["lexical_weight"] == best
    assert found["recall@10"] == single[best]
    # Each weight once: here the vectors alone are as good as any mixture.
    assert best == 0
    shown = f"recall@10 {single[0]:.4f} at 0, {single[1]:.4f} at 1"
    assert f"index.lexical_weight: {shown}\n" in caplog.text
    assert "lexical_weight" not in evaluated(["mrr"], lexical_weight=0.3).result()


def test_a_query_s_own_text_is_no_candidate_of_n_grams_either():
    file = io.StringIO()
    evaluated(["mrr"], file, lexical_weight=1.0)
    rows = [json.loads(line) for line in file.getvalue().splitlines()]
    assert all(row["text"] not in [best["tag"] for best in row["top"]] for row in rows)
