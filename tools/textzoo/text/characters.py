"""Texts as characters, all behind one another."""

import numpy as np

from textzoo.text.ragged import Ragged


def characters_of(texts: list[str]) -> Ragged:
    """The code points of each text, lower-cased, blanks as one space, none at the ends."""
    texts = [" ".join(text.lower().split()) for text in texts]
    points = np.frombuffer("".join(texts).encode("utf-32-le"), "<i4")
    return Ragged.with_counts(points, np.fromiter(map(len, texts), np.int64, len(texts)))


def texts_of(characters: Ragged) -> list[str]:
    """The texts that have these characters."""
    first, last = int(characters.offsets[0]), int(characters.offsets[-1])
    joined = characters.values[first:last].astype("<i4").tobytes().decode("utf-32-le")
    places = (characters.offsets - first).tolist()
    return [joined[start:end] for start, end in zip(places, places[1:])]


# Scripts without spaces between words, as ranges of code points: Thai and Lao, Tibetan, Myanmar,
# Khmer, Kana, Han.
_UNSPACED = (
    (0x0E00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_MOST = 10_000_000


def unspaced_share(characters: Ragged) -> float:
    """The share of characters, spaces aside, that are of scripts without spaces between words.

    Of more than 10 million, an even part is looked at.
    """
    first, last = int(characters.offsets[0]), int(characters.offsets[-1])
    points = characters.values[first : last : 1 + (last - first) // _MOST]
    n_unspaced = sum(
        np.count_nonzero((points >= start) & (points <= end)) for start, end in _UNSPACED
    )
    return n_unspaced / max(1, np.count_nonzero(points != ord(" ")))
