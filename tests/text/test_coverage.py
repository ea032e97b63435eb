"""How much of a text is read and known: counts by hand, for each kind of token."""

import pytest

from textzoo.errors import BadLine
from textzoo.readers import multilabel, pairs, tagspace, xmlcnn
from textzoo.text.coverage import Coverage
from textzoo.text.reader import Reader


def fitted(reader, *lines):
    reader.fit(map(reader.parse, lines), {})
    return reader


def test_words_beyond_the_limit_count_but_are_not_looked_at():
    reader = fitted(tagspace.Reader(max_len=4), "a\tthe sharp knife")
    found = reader.coverage("The blunt, blunt KNIFE cuts the")
    assert found == Coverage("words", 6, 4, 2, ["blunt"])
    assert reader.coverage(" !? ") == Coverage("words", 0, 4, 0, [])
    assert Reader().coverage("a") is None


def test_words_that_training_had_too_rarely_are_unknown_and_stop_words_none():
    reader = xmlcnn.Reader(min_count=2, max_len=None, stop_words="english")
    fitted(reader, "a\tred red green", "b\tred blue")
    assert reader.coverage("the red and the green") == Coverage("words", 2, None, 1, ["green"])


def test_ids_of_paddlerec_are_words():
    reader = fitted(tagspace.Reader(format="ids"), "0,1 2 3")
    assert reader.coverage("2 3 99") == Coverage("words", 3, None, 2, ["99"])
    with pytest.raises(BadLine):
        reader.coverage("two")


def test_tokens_are_those_of_the_text_alone():
    rows = ["x\t天气好", "x\t天气坏"] * 2
    reader = fitted(multilabel.Reader(max_len=5), *rows)  # [CLS], three, [SEP]
    assert reader.coverage("天气好") == Coverage("tokens", 3, 3, 3, [])
    assert reader.coverage("天龘气好坏") == Coverage("tokens", 5, 3, 2, ["龘"])
    behind = fitted(multilabel.Reader(max_len=5, prefix="好"), *rows)
    assert behind.coverage("天龘气好坏") == Coverage("tokens", 5, 2, 1, ["龘"])
    assert behind.coverage("") == Coverage("tokens", 0, 2, 0, [])


def test_many_unknown_ones_are_named_in_part():
    reader = fitted(tagspace.Reader(), "a\tknown")
    found = reader.coverage(" ".join(f"w{i}" for i in range(30)))
    assert (found.total, found.known) == (30, 0)
    assert found.unknown == [f"w{i}" for i in range(10)]


def test_characters_of_ngrams_are_all_known():
    reader = pairs.Reader(tokenizer="ngram", max_len=8, query_prefix="q: ")
    fitted(reader, "a\tb")
    assert reader.coverage(" ab  cd ") == Coverage("characters", 5, 5, 5, [])
    assert reader.coverage("abcdefghij") == Coverage("characters", 10, 5, 5, [])
    assert reader.coverage("abcdefghij", "title").limit == 8
