import numpy as np
import pytest

from textzoo.text.spans import grouped, without_each, words_of


def pieces(text):
    return [text[start:end] for start, end in words_of(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  Don't stop,\tnow\n", ["Don't", "stop,", "now"]),
        ("停车场很吵。", list("停车场很吵。")),
        ("用Python写，ok", ["用", "Python", "写", "，", "ok"]),
        ("เก็บ", ["เ", "ก็", "บ"]),  # a sign above a letter is of that letter
        ("e\u0301te\u0301 😀", ["e\u0301te\u0301", "😀"]),
        ("한국 말", ["한국", "말"]),
        (" \n", []),
        ("", []),
    ],
)
def test_words_stand_between_blanks_or_are_characters_of_scripts_without_them(text, words):
    assert pieces(text) == words
    assert words_of(text).shape == (len(words), 2)


def test_of_many_words_neighbours_are_together():
    words = words_of("a bb c dd e")
    assert grouped(words, 5) is words
    assert grouped(words, 2).tolist() == [[0, 6], [7, 11]]
    long = words_of("word " * 1000)
    spans = grouped(long, 64)
    assert len(spans) == 64
    sizes = [np.count_nonzero((start <= long[:, 0]) & (long[:, 1] <= end)) for start, end in spans]
    assert set(sizes) == {15, 16} and sum(sizes) == 1000


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("red car, blue", ["car, blue", "red blue", "red car,"]),
        ("停车场", ["车场", "停场", "停车"]),
        ("用x写", ["x写", "用写", "用x"]),
        ("x写y", ["写y", "x y", "x写"]),  # x and y do not become a word
        ("one", [""]),
    ],
)
def test_what_is_left_of_a_text_without_each_word(text, left):
    assert without_each(text, words_of(text)) == left
