"""Texts as characters, all behind one another."""

import numpy as np

from textzoo.text.ragged import Ragged


def characters_of(texts: list[str], lower_case: bool = True) -> Ragged:
    """The code points of each text, lower-cased, blanks as one space, none at the ends."""
    texts = [" ".join((text.lower() if lower_case else text).split()) for text in texts]
    points = np.frombuffer("".join(texts).encode("utf-32-le"), "<i4")
    return Ragged.with_counts(points, np.fromiter(map(len, texts), np.int64, len(texts)))


def places_of(text: str) -> np.ndarray:
    """The place in a text that each character which `characters_of` has of it comes from."""
    lower = "".join(map(str.lower, text))
    origins = np.repeat(np.arange(len(text)), [len(each.lower()) for each in text])
    is_space = np.array([each.isspace() for each in lower], bool)
    if is_space.all():
        return origins[:0]
    is_kept = ~is_space
    first, last = np.flatnonzero(is_kept)[[0, -1]]
    is_kept[1:] |= ~is_space[:-1]  # the first of some blanks stands for all
    is_kept[last + 1 :] = is_kept[:first] = False
    return origins[is_kept]


def texts_of(characters: Ragged) -> list[str]:
    """The texts that have these characters."""
    first, last = int(characters.offsets[0]), int(characters.offsets[-1])
    joined = characters.values[first:last].astype("<i4").tobytes().decode("utf-32-le")
    places = (characters.offsets - first).tolist()
    return [joined[start:end] for start, end in zip(places, places[1:])]


Blocks = tuple[tuple[int, int], ...]  # of Unicode: first and last code points

# Chinese and Japanese: punctuation, kana; Han and its extensions; full-width forms.
EAST_ASIAN: Blocks = (
    (0x3000, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),
    (0x20000, 0x3FFFF),
)
# Other scripts without spaces between words: Thai, Lao, Tibetan; Myanmar; Khmer.
_SOUTH_EAST_ASIAN: Blocks = ((0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF))
UNSPACED = EAST_ASIAN + _SOUTH_EAST_ASIAN
_MOST = 10_000_000

MOSTLY_UNSPACED = 0.2  # the share beyond which n-grams of words are of no use


def is_in(points: np.ndarray, blocks: Blocks) -> np.ndarray:
    """Whether each code point is in one of some blocks."""
    found = np.zeros(len(points), bool)
    for first, last in blocks:
        found |= (points >= first) & (points <= last)
    return found


def unspaced_share(characters: Ragged) -> float:
    """The share of characters, spaces aside, that are of scripts without spaces between words.

    Of more than 10 million, an even part is looked at.
    """
    first, last = int(characters.offsets[0]), int(characters.offsets[-1])
    points = characters.values[first : last : 1 + (last - first) // _MOST]
    n_unspaced = np.count_nonzero(is_in(points, UNSPACED))
    return n_unspaced / max(1, np.count_nonzero(points != ord(" ")))


def before(characters: Ragged, mark: str) -> Ragged:
    """The part of each text before the first such mark; nothing of a text without one."""
    mark = texts_of(characters_of([mark]))[0]
    texts = texts_of(characters)
    return characters_of([text[: max(0, text.find(mark))] for text in texts])
