import numpy as np
import pytest

from textzoo.text.characters import characters_of, places_of, texts_of, unspaced_share

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


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        (["the cat", "naïve été"], 0),
        (["停车场 坏了"], 1),
        (["停车 ab"], 2 / 4),
        (["カメラ、ひらがな"], 1),
        (["ภาษาไทย"], 1),
        (["주차장 문제"], 0),  # Korean has spaces
        (["\U00020000a"], 1 / 2),
        ([""], 0),
        ([], 0),
    ],
)
def test_the_share_of_characters_of_scripts_without_spaces(texts, share):
    assert unspaced_share(characters_of(texts)) == share


def test_of_chosen_texts_only_their_own_characters_count():
    assert unspaced_share(characters_of(["停车场", "cat"]).chosen(np.array([1]))) == 0


def test_each_character_comes_from_a_place_of_the_text():
    text = "  The\tİ \u3000CAT\n😀 "
    characters, places = texts_of(characters_of([text]))[0], places_of(text)
    assert characters == "the i\u0307 cat 😀"
    assert "".join(text[place] for place in places) == "The\tİİ CAT\n😀"
    assert places_of(" \n").tolist() == places_of("").tolist() == []
