"""Texts as lists of tokens: characters, or words."""

import re

import numpy as np

from textzoo.text.characters import EAST_ASIAN, is_in, texts_of
from textzoo.text.ragged import Ragged
from textzoo.text.token_table import TokenTable
from textzoo.text.words import WordIds, character_kinds

_WORD = r"\w+|[^\w\s]"
_SPACE = ord(" ")


class TokenLists:
    """Tokens one behind another.

    Attributes:
        values: `[tokens]` numbers, below 0 where a token is none of those known.
        rows: `[tokens]` the text that each is in.
        lists: `[tokens]` grows where no n-gram may reach over: with each text, or word.
        words: `[tokens]` how many words of its text are before each.
    """

    def __init__(self, values: np.ndarray, rows: np.ndarray, lists: np.ndarray, words: np.ndarray):
        self.values, self.rows, self.lists, self.words = values, rows, lists, words


def whole_texts(characters: Ragged) -> TokenLists:
    """Every character a token, but for spaces between Chinese or Japanese ones.

    A text that was cut into words so has the tokens that it has as it is written.
    """
    values, rows = characters.values, characters.rows().astype(np.int32)
    is_space = values == _SPACE
    words = _from_0(np.cumsum(is_space, dtype=np.int32), rows)
    kept = _kept(values)
    rows = rows[kept]
    return TokenLists(values[kept], rows, rows, words[kept])


def whole_text_places(characters: Ragged) -> np.ndarray:
    """`[tokens, 2]` where in a text each token of `whole_texts` begins and ends."""
    places = np.flatnonzero(_kept(characters.values))
    return np.stack([places, places + 1], axis=1)


def _kept(values: np.ndarray) -> np.ndarray:
    """Which characters are tokens of `whole_texts`."""
    kept = np.ones(len(values), bool)
    spaces = np.flatnonzero(values == _SPACE)  # none at either end of a text
    kept[spaces] = ~(is_in(values[spaces - 1], EAST_ASIAN) & is_in(values[spaces + 1], EAST_ASIAN))
    return kept


def within_words(characters: Ragged) -> TokenLists:
    """The same with a space on both sides of each word, and no n-gram beyond."""
    # Every space twice, and one more at either end of a text.
    is_space = characters.values == _SPACE
    twice = 1 + is_space
    spaced = Ragged(
        np.repeat(characters.values, twice),
        np.append(0, np.cumsum(twice))[characters.offsets],
    )
    framed = np.insert(
        spaced.values, np.concatenate([spaced.offsets[:-1], spaced.offsets[1:]]), _SPACE
    )
    rows = np.repeat(np.arange(len(spaced), dtype=np.int32), spaced.counts + 2)
    # Of two spaces the second one starts a word, as the first of a text does.
    spaces = framed == _SPACE
    starts = spaces & (np.cumsum(spaces) % 2 == 1)
    words = np.cumsum(starts, dtype=np.int32)
    return TokenLists(framed, rows, words, _from_0(words, rows))


def within_word_places(characters: Ragged) -> np.ndarray:
    """The same for `within_words`; the space on either side is where the word's end is."""
    text = texts_of(characters)[0]
    places = [
        place
        for word in re.finditer(r"[^ ]+", text)
        for place in (word.start(), *range(*word.span()), word.end() - 1)
    ]
    return np.array([[place, place + 1] for place in places], np.int64).reshape(-1, 2)


class Words:
    """Numbers of words; punctuation marks are words.

    Args:
        words: those that have numbers, in their order.
    """

    def __init__(self, words: list[str]):
        self.words = words
        self._ids = {word: i for i, word in enumerate(words)}

    def __call__(self, characters: Ragged) -> TokenLists:
        """The words of each text."""
        # A table of its own each time: one that is shared is not safe for threads.
        ids = WordIds(_WORD, self._ids, unknown=-1, lower_case=False)
        found = ids(texts_of(characters))
        assert found is not None  # as _WORD is one of the patterns that are found in many texts
        return _of_texts(found[0])


def all_words(characters: Ragged) -> tuple[TokenLists, list[str]]:
    """The words of each text, and every word by its number."""
    kinds = character_kinds(_WORD)
    assert kinds is not None
    table = TokenTable(kinds)
    numbers = table(texts_of(characters))
    return _of_texts(numbers), table.tokens


def word_places(characters: Ragged) -> np.ndarray:
    """The same for the words of a text, see `Words`."""
    text = texts_of(characters)[0]
    return np.array([found.span() for found in re.finditer(_WORD, text)], np.int64).reshape(-1, 2)


def n_words(characters: Ragged) -> np.ndarray:
    """How many words each text has, see `Words`."""
    return np.bincount(all_words(characters)[0].rows, minlength=len(characters))


def n_between_spaces(characters: Ragged) -> np.ndarray:
    """How many words each text has that spaces are between."""
    spaces = np.append(0, np.cumsum(characters.values == _SPACE))
    return np.diff(spaces[characters.offsets]) + (characters.counts > 0)


def _of_texts(numbers: Ragged) -> TokenLists:
    rows = numbers.rows().astype(np.int32)
    return TokenLists(numbers.values, rows, rows, numbers.places())


def _from_0(counts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Counts that go on over all texts, counted anew in each."""
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    lengths = np.diff(first, append=len(rows))
    return counts - np.repeat(counts[first], lengths)
