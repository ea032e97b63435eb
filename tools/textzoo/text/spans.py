"""The words of a text by their places in it, and the text without some of them."""

import unicodedata

import numpy as np

from textzoo.text.characters import UNSPACED, is_in


def words_of(text: str) -> np.ndarray:
    """Where the words of a text are: what stands between blanks.

    In scripts without spaces between words each character is one, with the signs that combine
    with it.

    Returns:
        `[words, 2]` the places of a word's first character and of the one behind its last, counted
        in code points.
    """
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<i4")
    is_unspaced = is_in(points, UNSPACED).tolist()
    words: list[list[int]] = []
    goes_on = False
    for place, character in enumerate(text):
        if character.isspace():
            goes_on = False
            continue
        combines = bool(words) and unicodedata.category(character).startswith("M")
        if words and words[-1][1] == place and (combines or (goes_on and not is_unspaced[place])):
            words[-1][1] = place + 1
        else:
            words.append([place, place + 1])
            goes_on = not is_unspaced[place]
    return np.array(words, np.int64).reshape(-1, 2)


def grouped(words: np.ndarray, most: int) -> np.ndarray:
    """At most so many spans `[spans, 2]`: of more words as many neighbours together as it takes."""
    if len(words) <= most:
        return words
    groups = np.array_split(words, most)
    return np.array([[group[0, 0], group[-1, 1]] for group in groups])


def without_each(text: str, spans: np.ndarray) -> list[str]:
    """The text as it is without each of some spans."""
    return [_joined(text[:start], text[end:]) for start, end in spans.tolist()]


def _joined(left: str, right: str) -> str:
    if not left or left[-1].isspace():
        right = right.lstrip()
    if not right:
        return left.rstrip()
    would_merge = bool(left) and not _is_apart(left[-1]) and not _is_apart(right[0])
    return f"{left} {right}" if would_merge else left + right


def _is_apart(character: str) -> bool:
    """Whether it is no part of a word with its neighbours."""
    return character.isspace() or bool(is_in(np.array([ord(character)]), UNSPACED)[0])
