"""Corpora of texts that stand in for labels; figures by hand: running/test_pair_model.py."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from harness.evaluated import Embeds, FakeRows

from textzoo.config.schema import Runner
from textzoo.errors import UserError
from textzoo.evaluation.embeddings import Corpus, EmbeddingEvaluator


def parse(line):
    query, title = line.split("\t")
    return SimpleNamespace(query=query, title=title, texts=[query, title])


def describe(line):
    return {"text": parse(line).query, "tags": [parse(line).title]}


# A text is embedded by its digits.
def digits_of(text):
    return {"text": list(map(int, text))}


READER = SimpleNamespace(
    parse=parse, describe=describe, encode_text=digits_of, encode_title=digits_of
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
