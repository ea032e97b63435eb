import numpy as np
import pytest

from textzoo.text.characters import characters_of, texts_of

TEXTS = ["  The\tCAT\n", "", "停车 \u3000场", "😀 naïve ÉTÉ", " \n "]


def test_texts_are_lower_cased_code_points_with_single_blanks():
    characters = characters_of(TEXTS)
    expected = ["the cat", "", "停车 场", "😀 naïve été", ""]
    assert characters.values.tolist() == [ord(letter) for text in expected for letter in text]
    assert texts_of(characters) == expected
    assert characters_of(expected).values.tolist() == characters.values.tolist()
    assert texts_of(characters_of([])) == []


@pytest.mark.parametrize("rows", [[2], [3, 0], [1, 1], []])
def test_chosen_texts_are_those_texts(rows):
    chosen = characters_of(TEXTS).chosen(np.array(rows, np.int64))
    assert texts_of(chosen) == [" ".join(TEXTS[row].lower().split()) for row in rows]
