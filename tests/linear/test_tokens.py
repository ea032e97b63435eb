"""Tokens of texts; which n-grams they make is compared in test_features.py."""

import re

import pytest

from textzoo.linear.tokens import (
    Words,
    all_words,
    whole_text_places,
    whole_texts,
    within_word_places,
    within_words,
    word_places,
)
from textzoo.text.characters import characters_of, texts_of

TEXTS = ["  The cat,the\tCAT!", "", "停车 场\n很吵。", "naïve ☃️ 😀x", "ʼtis a_b 12-3", " "]
CHARACTERS = characters_of(TEXTS)


def by_text(tokens, name):
    found = [[] for _ in TEXTS]
    for row, value in zip(tokens.rows, tokens.values):
        found[row].append(name(value))
    return found


def test_words_are_those_of_the_pattern_and_punctuation_marks_are_words():
    tokens, words = all_words(CHARACTERS)
    expected = [re.findall(r"\w+|[^\w\s]", text.lower()) for text in TEXTS]
    assert by_text(tokens, words.__getitem__) == expected
    assert len(set(words)) == len(words)
    assert tokens.lists is tokens.rows  # n-grams reach over all of a text


def test_of_chosen_words_the_others_are_unknown():
    tokens = Words(["cat", "停车"])(CHARACTERS)
    numbers = {"cat": 0, "停车": 1}
    words = [re.findall(r"\w+|[^\w\s]", text.lower()) for text in TEXTS]
    assert [value for value in tokens.values.tolist() if value >= 0] == [0, 0, 1]
    for row, own in enumerate(words):
        expected = [numbers.get(word, -1) for word in own] or [-1]
        assert tokens.values[tokens.rows == row].tolist() == expected


def test_characters_are_code_points_lower_cased_with_single_blanks():
    expected = [list(" ".join(text.lower().split())) for text in TEXTS]
    expected[2] = list("停车场很吵。")  # no space between them
    assert by_text(whole_texts(CHARACTERS), chr) == expected


def test_of_whole_texts_no_space_is_between_characters_of_scripts_without_them():
    cut = ["5 月 3 日 在 rm 家 ， 好 。 吧", "ひ カ 々 𠀀 豈", "한국 말", "停 车", "x 停"]
    whole = ["5 月 3 日在 rm 家，好。吧", "ひカ々𠀀豈", "한국 말", "停车", "x 停"]
    assert texts_of_tokens(whole_texts(characters_of(cut)), len(cut)) == whole
    assert whole_texts(characters_of(cut)).words[-3:].tolist() == [0, 1, 1]


def texts_of_tokens(tokens, n):
    return ["".join(map(chr, tokens.values[tokens.rows == row])) for row in range(n)]


def test_within_words_each_word_stands_between_two_blanks_of_its_own():
    tokens = within_words(CHARACTERS)
    lists = {}
    for row, own, value in zip(tokens.rows, tokens.lists, tokens.values):
        lists.setdefault((row, own), []).append(chr(value))
    found = [(int(row), "".join(letters)) for (row, _), letters in lists.items()]
    words = [(row, f" {word} ") for row, text in enumerate(TEXTS) for word in text.lower().split()]
    empty = [(row, "  ") for row, text in enumerate(TEXTS) if not text.split()]
    assert sorted(found) == sorted(words + empty)


@pytest.mark.parametrize("text", ["The cat, the Cat!", "停车 场 很吵 ok", "", " a "])
def test_tokens_have_their_places_in_the_text(text):
    characters = characters_of([text])
    whole = texts_of(characters)[0]
    words, numbers = all_words(characters)
    expected = [numbers[value] for value in words.values.tolist()]
    assert [whole[start:end] for start, end in word_places(characters)] == expected
    expected = [*map(chr, whole_texts(characters).values)]
    assert [whole[start:end] for start, end in whole_text_places(characters)] == expected
    # A space on either side of a word is where the word begins or ends.
    expected = [each for word in whole.split() for each in (word[0], *word, word[-1])]
    assert [whole[start:end] for start, end in within_word_places(characters)] == expected
    assert len(expected) == len(within_words(characters).values) or not whole
