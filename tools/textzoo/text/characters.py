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


def before(characters: Ragged, mark: str) -> Ragged:
    """The part of each text before the first such mark; nothing of a text without one."""
    mark = texts_of(characters_of([mark]))[0]
    texts = texts_of(characters)
    return characters_of([text[: max(0, text.find(mark))] for text in texts])
