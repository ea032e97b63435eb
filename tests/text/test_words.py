"""Words of many texts at once, by hand; against a regular expression: data/test_encoding.py."""

import numpy as np

from textzoo.text.hashing import hashed_pairs
from textzoo.text.words import WordIds

IDS = {"<unk>": 0, "the": 1, "cat": 2, "sat": 3}


def ids_of(words, *texts):
    ids, _ = words(list(texts))
    return [part.tolist() for part in np.split(ids.values, np.cumsum(ids.counts)[:-1])]


def test_unknown_words_and_texts_without_words_have_the_unknown_id():
    words = WordIds(r"\w+", IDS, 0, lower_case=True)
    assert ids_of(words, "The cat!", "a dog sat", "", "...") == [[1, 2], [0, 0, 3], [0], [0]]
    assert ids_of(words, "Cat") == [[2]]
    assert ids_of(WordIds(r"\w+", IDS, 0, lower_case=False), "The cat") == [[0, 2]]


def test_stop_words_are_left_out_before_the_text_is_cut():
    words = WordIds(r"\w+", IDS, 0, lower_case=True, stop_words=["the"], max_len=2)
    assert ids_of(words, "the the cat the sat cat") == [[2, 3]]


def test_pairs_of_neighbours_follow_the_words_behind_all_their_ids():
    words = WordIds(r"\w+", IDS, 0, lower_case=True, buckets=10)
    alone, both = words(["the cat sat", "dog", "cat dog"])
    expected = [
        [1, 2, 3, *(len(IDS) + b for b in hashed_pairs(["the", "cat", "sat"], 10))],
        [0],
        [2, 0, *(len(IDS) + b for b in hashed_pairs(["cat", "dog"], 10))],
    ]
    found = [part.tolist() for part in np.split(both.values, np.cumsum(both.counts)[:-1])]
    assert found == expected
    assert alone.counts.tolist() == [3, 1, 2]


def test_a_word_that_was_seen_before_has_the_id_that_it_had():
    words = WordIds(r"\S+", IDS, 0, lower_case=False, buckets=7)
    first = words(["the cat", "new new"])
    again = words(["new new", "the cat"])
    for ours, theirs in zip(first, again):
        counts = np.cumsum(ours.counts)[:-1]
        assert [part.tolist() for part in np.split(ours.values, counts)] == [
            part.tolist() for part in np.split(theirs.values, np.cumsum(theirs.counts)[:-1])
        ][::-1]


def test_occurrences_texts_and_pairs_are_counted_before_there_are_ids():
    counts = WordIds(r"\w+", {}, 0, lower_case=True, buckets=97).count(["A b a b", "b", ""])
    assert counts.words == {"a": 2, "b": 3}
    assert counts.texts == {"a": 1, "b": 2}
    # The pair "a b" is there twice in the one text, and counts once.
    assert sorted(counts.pairs) == sorted(hashed_pairs(["a", "b", "a"], 97))
    without = WordIds(r"\w+", {}, 0, lower_case=True).count(["A b a"])
    assert without.words == {"a": 2, "b": 1} and without.texts == {}


def test_a_pattern_that_single_characters_do_not_decide_is_left_to_others():
    words = WordIds(r"\w+'s", IDS, 0, lower_case=True)
    assert words(["the cat's"]) is None and words.count(["the cat's"]) is None
