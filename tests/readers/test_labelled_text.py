"""What the readers of tagspace and xmlcnn share; what each adds: tests/models."""

import numpy as np
import pytest

from textzoo.errors import BadLine, UserError
from textzoo.readers.labelled_text import WordReader, ngram_feeds
from textzoo.text.hashing import hashed_pairs

LINES = ["a, b\tThe cat sat", "a\tthe dog", "b\ta cat the cat", "a\t..."]


class Own(WordReader):
    label = "topic"
    form = "topics<TAB>text"
    columns = ("words", "topics", "ngrams")


def make(lines=LINES, **chosen):
    settings = {
        **{"label_separator": ",", "token_pattern": r"\w+", "lower_case": True, "min_count": 1},
        **{"max_words": None, "max_len": None, "ngram_buckets": 0},
    }
    reader = Own(**{**settings, **chosen})
    if lines:
        reader.fit(map(reader.parse, lines), {})
    return reader


def test_words_and_labels_are_numbered_by_falling_count():
    reader = make()
    words = {"<unk>": 0, "cat": 1, "the": 2, "a": 3, "dog": 4, "sat": 5}
    assert reader.word_ids == words and reader.label_names == ["a", "b"]
    assert reader.encode("b,a\tthe  CAT barks", training=True) == {
        **{"words": [2, 1, 0], "ngrams": [], "topics": [1, 0]},
    }
    assert reader.sizes() == {"vocab_text_size": 6, "vocab_topic_size": 2, "vocab_ngram_size": 0}


def test_rare_words_and_those_beyond_the_limits_are_left_out():
    assert list(make(min_count=2).word_ids) == ["<unk>", "cat", "the"]
    assert list(make(max_words=2).word_ids) == ["<unk>", "cat"]
    assert make(max_len=2).encode_text("sat sat sat")["words"] == [5, 5]
    assert "the" not in make(stop_words=["the"]).word_ids


def test_pairs_of_words_follow_the_words():
    reader = make(ngram_buckets=50)
    assert reader.encode_text("the cat")["ngrams"] == [
        2,
        1,
        6 + hashed_pairs(["the", "cat"], 50)[0],
    ]
    assert reader.sizes()["vocab_ngram_size"] == 56


@pytest.mark.parametrize("pattern", [r"\w+", r"[a-z]+'?[a-z]*"])  # by characters, and not
@pytest.mark.parametrize("buckets", [0, 50])
def test_many_lines_are_those_of_each(pattern, buckets):
    reader = make(token_pattern=pattern, ngram_buckets=buckets)
    columns = reader.encode_many(LINES, training=True)
    for row, line in enumerate(LINES):
        for name, ids in reader.encode(line, training=True).items():
            padded, (length,) = columns[name].padded(np.array([row]))
            assert padded[0, :length].tolist() == ids, (name, line)


@pytest.mark.parametrize("pattern", [r"\w+", r"[a-z]+'?[a-z]*"])
def test_counts_of_parts_give_the_vocabulary_of_all_rows(pattern):
    counted = make(lines=(), token_pattern=pattern, ngram_buckets=50, count_ngrams=True)
    counted.fit_counts((counted.count(part) for part in (LINES[:1], LINES[1:])), {})
    fitted = make(token_pattern=pattern, ngram_buckets=50, count_ngrams=True)
    assert counted.word_ids == fitted.word_ids and counted.label_names == fitted.label_names


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("no tab", r"received 1 column\(s\) between tabs, expected 2: topics<TAB>text"),
        ("a\tb\tc", r"received 3 column\(s\)"),
        (" ,\ttext", "received no topic, expected at least one"),
    ],
)
def test_a_malformed_line_is_refused(line, complaint):
    with pytest.raises(BadLine, match=complaint):
        make().encode(line, training=True)


def test_a_label_that_training_did_not_have_is_none_of_its_own():
    assert make().encode("c\tcat", training=False)["topics"] == [-1]
    assert make().encode("\tcat", training=False)["topics"] == []
    assert make().describe("a , b,a\t cat ") == {"text": "cat", "tags": ["a", "b"]}


def test_what_is_saved_encodes_the_same(tmp_path):
    reader, loaded = (make(lines=lines, ngram_buckets=50) for lines in (LINES, ()))
    reader.save(tmp_path)
    loaded.load(tmp_path)
    for line in LINES:
        assert loaded.encode(line, True) == reader.encode(line, True)
    assert loaded.sizes() == reader.sizes()


def test_a_vocabulary_of_the_old_hash_is_refused(tmp_path):
    make().save(tmp_path)  # without pairs
    with pytest.raises(UserError, match=r"the ids of textzoo 0\.1"):
        make(lines=(), ngram_buckets=50).load(tmp_path)


def test_a_pattern_that_is_no_regular_expression_is_refused():
    with pytest.raises(ValueError, match="token_pattern"):
        make(lines=(), token_pattern="(")


def test_arrays_of_ngrams_are_for_nets_that_have_them():
    columns = make(ngram_buckets=50).encode_many(LINES, training=True)
    assert ngram_feeds(columns, np.arange(2), {"ngram_dim": 0}) == {}
    feeds = ngram_feeds(columns, np.arange(2), {"ngram_dim": 3})
    assert feeds["ngram_counts"].tolist() == [5, 3] and feeds["ngrams"].shape == (2, 5)
