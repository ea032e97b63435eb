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
