"""Pairs of texts to ids; what makes batches of them: running/test_pair_model.py."""

import numpy as np
import pytest

from textzoo.errors import BadLine, UserError
from textzoo.readers.pairs import Pair, Reader

LINES = ["how are you\thow do you do", "a cat\ta dog\ta stone", "a cat\ta feline"]


def make(lines=LINES, **chosen):
    reader = Reader(**{"tokenizer": "ngram", "ngram_buckets": 50, **chosen})
    if lines:
        reader.fit(map(reader.parse, lines), {})
    return reader


def test_a_line_has_a_query_a_title_and_perhaps_negatives():
    reader = make()
    assert reader.parse(" q \tt") == Pair("q", "t")
    assert reader.parse("q\tt\t n") == Pair("q", "t", ("n",))
    assert make(max_negatives=3).parse("q\tt\t n\t\tm ") == Pair("q", "t", ("n", "m"))
    assert Pair("q", "t").texts == ["q", "t"] and Pair("q", "t", ("n",)).texts == ["q", "t", "n"]
    assert reader.describe("q\tt\tn") == {"text": "q", "tags": ["t"]}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("alone", r"received 1 column\(s\) between tabs, expected 2 or 3"),
        ("a\tb\tc\td", r"received 4 column\(s\).*reader.max_negatives allows more negatives"),
        ("\tb", "received an empty text"),
        ("a\t ", "received an empty text"),
    ],
)
def test_a_malformed_line_is_refused(line, complaint):
    with pytest.raises(BadLine, match=complaint):
        make().parse(line)


def test_more_negatives_than_a_row_may_have_are_refused():
    reader = make(max_negatives=2)
    assert len(reader.parse("a\tb\tc\td").negatives) == 2
    with pytest.raises(BadLine, match=r"received 5 column\(s\) between tabs, expected 2 to 4"):
        reader.parse("a\tb\tc\td\te")


def test_lines_without_pairs_are_pairs_of_themselves():
    reader = make(lines=["one text", "with\ta tab"], unlabelled=True)
    assert reader.parse("one text") == Pair("one text", "one text")
    ids = reader.encode("one text", training=True)
    assert ids["query"] == ids["title"] and ids["negatives"] == ids["negative_lengths"] == []


@pytest.mark.parametrize("tokenizer", ["ngram", None])
def test_many_lines_are_those_of_each(tokenizer):
    lines = ["plain\tpair", *LINES, "q\tt\tone\tand another", "q\tt\t\tthe second alone"]
    reader = make(lines, tokenizer=tokenizer, max_negatives=2)
    columns = reader.encode_many(lines, training=True)
    assert set(columns) == set(reader.columns)
    assert columns["negative_lengths"].counts.tolist() == [0, 0, 1, 0, 2, 1]
    for row, line in enumerate(lines):
        for name, ids in reader.encode(line, training=True).items():
            padded, (length,) = columns[name].padded(np.array([row]))
            assert padded[0, :length].tolist() == ids, (name, line)


def test_equal_texts_have_equal_keys_and_others_have_others():
    reader = make()
    first, second = (np.reshape(reader.encode(line, True)["keys"], (-1, 2)) for line in LINES[1:])
    assert (first[0] == second[0]).all()
    assert len({tuple(key) for key in (*first, *second)}) == 4  # one text is there twice


def test_a_text_alone_has_the_ids_of_its_place_in_a_pair():
    reader = make()
    assert reader.encode_text(" a cat ")["text"] == reader.encode(LINES[1], False)["query"]
    with pytest.raises(BadLine, match="received an empty text"):
        reader.encode_text("  ")


def test_a_vocabulary_is_built_from_all_texts_of_the_pairs():
    reader = make(["one\ttwo\tzzz", "one\ttwo"] * 9, tokenizer=None)
    without = make(["one\ttwo"] * 9, tokenizer=None)
    unknown = reader.tokenize("§", "query")[1]
    for text in ("one", "two", "zzz"):
        assert unknown not in reader.tokenize(text, "query")
    assert unknown in without.tokenize("zzz", "query")
    assert reader.sizes()["max_len"] == 64


@pytest.mark.parametrize("tokenizer", ["ngram", None])
def test_what_is_saved_encodes_the_same(tmp_path, tokenizer):
    reader, loaded = (make(lines=lines, tokenizer=tokenizer) for lines in (LINES, ()))
    reader.save(tmp_path)
    loaded.load(tmp_path)
    for line in LINES:
        assert loaded.encode(line, True) == reader.encode(line, True)
    assert loaded.sizes() == reader.sizes()


@pytest.mark.parametrize("tokenizer", ["ngram", None])
def test_each_side_has_its_prefix_wherever_it_is_encoded(tokenizer):
    lines = ["query: a cat\tpassage: a dog\tpassage: a stone"] * 9
    plain = make(lines, tokenizer=tokenizer)
    reader = make((), tokenizer=tokenizer, query_prefix="query: ", title_prefix="passage: ")
    reader._tokenizer = plain._tokenizer
    written, given = plain.encode(lines[0], True), reader.encode(LINES[1], True)
    assert all(given[side] == written[side] for side in ("query", "title", "negatives"))
    # What tells texts apart is not the prefix: a query may be another row's title.
    assert given["keys"] == plain.encode(LINES[1], True)["keys"]
    assert reader.encode_text(" a cat ")["text"] == written["query"]
    assert reader.encode_title("a dog")["text"] == written["title"]
    assert reader.describe(LINES[1]) == plain.describe(LINES[1])
    many = reader.encode_many(LINES, True)
    for row, line in enumerate(LINES):
        for name, ids in reader.encode(line, True).items():
            assert many[name].chosen(np.array([row])).values.tolist() == ids, (name, line)


@pytest.mark.parametrize(("tokenizer", "max_len"), [("ngram", 7), (None, 4)])
@pytest.mark.parametrize("name", ["query_prefix", "title_prefix"])
def test_a_prefix_leaves_room_for_a_text(tmp_path, tokenizer, max_len, name):
    lines = ["query: a\tquery: b"] * 3
    chosen = {"tokenizer": tokenizer, name: "query: "}
    with pytest.raises(UserError, match=rf"reader.{name}: received 'query: ', .* \({max_len}\)"):
        make(lines, max_len=max_len, **chosen)
    reader = make(lines, max_len=max_len + 1, **chosen)
    assert reader.encode("a\ta", True)["query"] != reader.encode("b\tb", True)["query"]
    reader.save(tmp_path)
    with pytest.raises(UserError, match=f"reader.{name}"):
        make((), max_len=max_len, **chosen).load(tmp_path)


@pytest.mark.parametrize("prefix", ["a\nb", "a\n", "a\u2028b", "\n"])
def test_a_prefix_is_within_one_line(prefix):
    with pytest.raises(ValueError, match=r"title_prefix: received .*, expected no line end"):
        make(title_prefix=prefix)


def test_ngrams_leave_nothing_unknown():
    assert make().unknown_pieces == {}
    assert make(tokenizer=None).unknown_pieces == {"query": 1, "title": 1, "text": 1}


def test_texts_to_embed_are_padded():
    columns = {"text": make().encode_many(LINES, True)["query"]}
    feeds = Reader.infer_feeds(columns, np.array([0, 1]), {})
    assert feeds["tokens"].shape == (2, feeds["lengths"].max())
