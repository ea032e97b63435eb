from zlib import crc32

import numpy as np
import pytest

from textzoo.text.character_ngrams import CharacterNgrams

START, END = "\x02", "\x03"


def buckets_of(*grams, buckets=1000):
    return sorted({crc32(gram.encode()) % buckets for gram in grams})


def test_a_text_has_each_of_its_runs_once_with_both_ends_marked():
    ngrams = CharacterNgrams(1000, 2, max_len=10)
    expected = buckets_of(START, "a", "b", END, START + "a", "ab", "ba", "a" + END)
    assert ngrams.encode("aba") == expected
    assert ngrams.vocab_size == 1000


def test_case_and_blanks_do_not_count_and_what_is_beyond_the_limit_is_cut_off():
    ngrams = CharacterNgrams(1000, 3, max_len=5)
    assert ngrams.encode("  A\tb  c d") == ngrams.encode("a b c")
    assert ngrams.encode("a b cx") == ngrams.encode("a b c")
    assert ngrams.encode("") == buckets_of(START, END, START + END)


@pytest.mark.parametrize("longest", [1, 2, 4])
@pytest.mark.parametrize("buckets", [3, 1000])
def test_many_texts_have_the_ids_of_each(longest, buckets):
    ngrams = CharacterNgrams(buckets, longest, max_len=8)
    texts = ["aba", "", "标签文本", "naïve café", "\U00020000豈", "a" * 20, "x"]
    found = ngrams.encode_many(texts)
    parts = np.split(found.values, np.cumsum(found.counts)[:-1])
    assert [part.tolist() for part in parts] == [ngrams.encode(text) for text in texts]
    assert len(ngrams.encode_many([])) == 0


def test_what_is_saved_gives_the_same_ids(tmp_path):
    ngrams = CharacterNgrams(77, 3, max_len=6)
    ngrams.save(tmp_path)
    loaded = CharacterNgrams.load(tmp_path, 6)
    assert loaded.encode("some text") == ngrams.encode("some text")
    assert loaded.vocab_size == 77
