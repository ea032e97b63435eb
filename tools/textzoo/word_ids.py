"""Many texts at once to ids of words and of hashed pairs of words.

What a regular expression, a dictionary and `vocabulary.hashed_pairs` give text by text, several
times as fast.
"""

import functools
from array import array
from collections.abc import Collection
from typing import Optional
from zlib import crc32

import numpy as np

from textzoo.token_table import ALONE, BLANK, INSIDE, Lists, TokenTable

_MOST_WORDS = 1_000_000  # different ones that are kept in memory between calls
_SPACE_HASH = crc32(b" ")


class WordIds:
    """Ids of words and of hashed pairs of neighbours.

    Args:
        token_pattern: regular expression of a word.
        ids: the id of each known word.
        unknown: the id of every other word, and of a text without words.
        lower_case: whether texts are lower-cased.
        stop_words: words that are left out.
        max_len: words after so many are left out; None: no limit.
        buckets: that pairs are hashed into; 0: there are none.
    """

    def __init__(
        self,
        token_pattern: str,
        ids: dict[str, int],
        unknown: int,
        *,
        lower_case: bool,
        stop_words: Collection[str] = (),
        max_len: Optional[int] = None,
        buckets: int = 0,
    ):
        self._pattern = token_pattern
        self._ids = ids
        self._unknown = unknown
        self._lower_case = lower_case
        self._stop_words = frozenset(stop_words)
        self._max_len = max_len
        self._buckets = buckets
        self._forget()

    def _forget(self) -> None:
        kinds = _kinds(self._pattern)
        self._table = None if kinds is None else TokenTable(kinds)
        # By the number of a token: its id, whether it counts, its bytes, and hashes of these.
        self._token_ids, self._counts, self._lengths = array("i"), array("b"), array("q")
        self._hashes, self._hashes_after_space = array("I"), array("I")

    def __call__(self, texts: list[str]) -> Optional[tuple[Lists, Lists]]:
        r"""The ids of each text's words; and these with those of its pairs after them.

        Without buckets, the second lists are empty.

        Returns:
            None for patterns other than `\S+`, `\w+` and `\w+|[^\w\s]`.
        """
        if self._table is None:
            return None
        words = self._table(texts, self._lower_case)
        self._look_at_new()
        if self._stop_words:
            words = words.kept(np.array(self._counts, bool)[words.values])
        if self._max_len is not None:
            words = words.kept(words.places() < self._max_len)
        ids = Lists(np.array(self._token_ids, np.int32)[words.values], words.counts)
        ids = _with_unknown(ids, self._unknown)
        pairs = self._pairs(words) if self._buckets else None
        if len(self._table.tokens) > _MOST_WORDS:
            self._forget()
        if pairs is None:
            return ids, Lists(np.zeros(0, np.int32), np.zeros(len(texts), np.int64))
        return ids, ids.followed_by(pairs)

    def _look_at_new(self) -> None:
        for word in self._table.tokens[len(self._token_ids) :]:
            encoded = word.encode()
            self._token_ids.append(self._ids.get(word, self._unknown))
            self._counts.append(word not in self._stop_words)
            self._lengths.append(len(encoded))
            self._hashes.append(crc32(encoded))
            self._hashes_after_space.append(crc32(encoded, _SPACE_HASH))

    def _pairs(self, words: Lists) -> Lists:
        is_second = words.places() > 0
        second = words.values[is_second]
        first = words.values[:-1][is_second[1:]]
        hashes = joined_crc32(
            np.array(self._hashes, np.uint32)[first],
            np.array(self._hashes_after_space, np.uint32)[second],
            np.array(self._lengths, np.int64)[second] + 1,
        )
        buckets = len(self._ids) + (hashes % np.uint32(self._buckets)).astype(np.int64)
        return Lists(buckets.astype(np.int32), np.maximum(words.counts - 1, 0))


@functools.cache
def _kinds(token_pattern: str) -> Optional[np.ndarray]:
    r"""What each code point is, for the patterns whose tokens single characters decide."""
    kinds = np.zeros(0x110000, np.int8)
    if token_pattern == r"\S+":
        kinds[:] = [BLANK if chr(point).isspace() else INSIDE for point in range(len(kinds))]
    elif token_pattern in (r"\w+", r"\w+|[^\w\s]"):
        word = [chr(point).isalnum() or chr(point) == "_" for point in range(len(kinds))]
        kinds[word] = INSIDE
        if token_pattern != r"\w+":
            blank = [chr(point).isspace() for point in range(len(kinds))]
            kinds[~np.array(word) & ~np.array(blank)] = ALONE
    else:
        return None
    return kinds


def joined_crc32(first: np.ndarray, second: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """CRC-32 of byte strings behind one another, from that of each.

    Zero bytes after a string change its CRC by a linear map over bits; what follows them is added
    (Mark Adler's `crc32_combine` of zlib).

    Args:
        first: `[n]` of the first strings, uint32.
        second: `[n]` of the second ones.
        lengths: `[n]` bytes of the second ones.
    """
    longest = int(lengths.max(initial=0))
    tables = np.zeros((longest + 1, 4, 256), np.uint32)
    for length in np.flatnonzero(np.bincount(lengths, minlength=1)):
        tables[length] = _after_zeros(int(length))
    shifted = np.zeros(len(first), np.uint32)
    for place in range(4):
        shifted ^= tables[lengths, place, (first >> np.uint32(8 * place)) & np.uint32(255)]
    return shifted ^ second


@functools.cache
def _after_zeros(length: int) -> np.ndarray:
    """How the CRC of a string changes by zero bytes after it, `[4, 256]` for each of its bytes."""
    zeros = bytes(length)
    none = crc32(zeros)
    return np.array(
        [[crc32(zeros, byte << 8 * place) ^ none for byte in range(256)] for place in range(4)],
        np.uint32,
    )


def _with_unknown(ids: Lists, unknown: int) -> Lists:
    """One unknown word where a text has none."""
    ends = np.cumsum(ids.counts)[ids.counts == 0]
    return Lists(np.insert(ids.values, ends, unknown), np.maximum(ids.counts, 1))
