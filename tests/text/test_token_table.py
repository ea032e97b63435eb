import random

import numpy as np
import pytest

from textzoo.text.token_table import ALONE, BLANK, INSIDE, TokenTable


@pytest.fixture
def table():
    """Letters make words, signs stand alone, the rest is blank."""
    kinds = np.full(0x110000, BLANK, np.int8)
    for character in map(chr, range(0x110000)):
        if character.isalnum():
            kinds[ord(character)] = INSIDE
    kinds[list(map(ord, ".,!"))] = ALONE
    return TokenTable(kinds)


def tokens_of(table, texts, **how):
    numbers = table(texts, **how)
    parts = np.split(numbers.values, np.cumsum(numbers.counts)[:-1]) if texts else []
    return [[table.tokens[number] for number in part] for part in parts]


def test_tokens_are_runs_of_what_is_inside_and_single_signs(table):
    texts = ["Hi there..", "", "  ", "a,b!", "标签 文𠀀本"]
    assert tokens_of(table, texts) == [
        *(["Hi", "there", ".", "."], [], [], ["a", ",", "b", "!"], ["标签", "文𠀀本"]),
    ]


def test_a_token_is_numbered_when_it_is_first_seen_and_keeps_its_number(table):
    assert table(["b a b"]).values.tolist() == [0, 1, 0]
    assert table(["c a", "b"]).values.tolist() == [2, 1, 0]
    assert table.tokens == ["b", "a", "c"]


def test_lower_case_joins_what_differs_in_case_alone(table):
    assert tokens_of(table, ["Ab aB", "AB"], lower_case=True) == [["ab", "ab"], ["ab"]]
    assert table.tokens == ["ab"]


def test_no_texts_have_no_tokens(table):
    numbers = table([])
    assert len(numbers) == 0 and len(numbers.values) == 0


def test_very_many_tokens_are_told_apart(table):
    """So many that slots are shared."""
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefgh", k=chance.randint(1, 9))) for _ in range(30_000)]
    for part in (words[:20_000], words[10_000:]):
        assert tokens_of(table, [" ".join(part)]) == [part]
    assert len(table.tokens) == len(set(words))
