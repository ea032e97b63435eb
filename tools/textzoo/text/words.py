"""Many texts at once to ids of words and of hashed pairs of words.

What a regular expression, a dictionary and `hashing.hashed_pairs` give text by text, several
times as fast.
"""

import functools
import re
from array import array
from collections.abc import Collection
from typing import NamedTuple, Optional
from zlib import crc32

import numpy as np

from textzoo.text.hashing import pair_buckets
from textzoo.text.ragged import Ragged
from textzoo.text.token_table import ALONE, BLANK, INSIDE, TokenTable

_MOST_WORDS = 1_000_000  # different ones that are kept in memory between calls
# The patterns whose tokens are decided character by character: runs of what each is made of.
_PARTS = {
    r"\S+": {r"\S+": INSIDE},
    r"\w+": {r"\w+": INSIDE},
    r"\w+|[^\w\s]": {r"\w+": INSIDE, r"[^\w\s]+": ALONE},
}


class WordCounts(NamedTuple):
    """What some texts have.

    Attributes:
        words: how often each word occurs.
        texts: with buckets: how many texts it is in.
        pairs: with buckets: those of the different pairs of each text, of all texts.
    """

    words: dict[str, int]
    texts: dict[str, int]
    pairs: np.ndarray


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
        kinds = character_kinds(self._pattern)
        self._table = None if kinds is None else TokenTable(kinds)
        # By the number of a token: its id, whether it counts, and its hash.
        self._token_ids, self._counts, self._hashes = array("i"), array("b"), array("I")

    def __call__(self, texts: list[str]) -> Optional[tuple[Ragged, Ragged]]:
        r"""The ids of each text's words; and these with those of its pairs after them.

        Without buckets, the second lists are empty.

        Returns:
            None for patterns other than `\S+`, `\w+` and `\w+|[^\w\s]`.
        """
        if self._table is None:
            return None
        words = self._words(self._table, texts)
        if self._max_len is not None:
            words = words.kept(words.places() < self._max_len)
        ids = Ragged.with_counts(np.array(self._token_ids, np.int32)[words.values], words.counts)
        ids = _with_unknown(ids, self._unknown)
        pairs = self._pairs(words) if self._buckets else None
        self._forget_many(self._table)
        if pairs is None:
            return ids, Ragged.with_counts(np.zeros(0, np.int32), np.zeros(len(texts), np.int64))
        return ids, ids.followed_by(pairs)

    def count(self, texts: list[str]) -> Optional["WordCounts"]:
        """How often words occur, at whatever place of a text; None for unusual patterns."""
        if self._table is None:
            return None
        words = self._words(self._table, texts)
        tokens = self._table.tokens
        occurrences = np.bincount(words.values)
        seen = np.flatnonzero(occurrences)
        names = [tokens[number] for number in seen.tolist()]
        counts = WordCounts(dict(zip(names, occurrences[seen].tolist())), {}, np.zeros(0, np.int64))
        if self._buckets:
            in_texts = np.bincount(_once_a_list(words, len(tokens)))
            counts = counts._replace(
                texts=dict(zip(names, in_texts[seen].tolist())),
                pairs=_once_a_list(self._pairs(words), self._buckets),
            )
        self._forget_many(self._table)
        return counts

    def _words(self, table: TokenTable, texts: list[str]) -> Ragged:
        words = table(texts, self._lower_case)
        self._look_at_new(table)
        return words.kept(np.array(self._counts, bool)[words.values]) if self._stop_words else words

    def _forget_many(self, table: TokenTable) -> None:
        if len(table.tokens) > _MOST_WORDS:
            self._forget()

    def _look_at_new(self, table: TokenTable) -> None:
        for word in table.tokens[len(self._token_ids) :]:
            self._token_ids.append(self._ids.get(word, self._unknown))
            self._counts.append(word not in self._stop_words)
            if self._buckets:
                self._hashes.append(crc32(word.encode()))

    def _pairs(self, words: Ragged) -> Ragged:
        is_second = words.places() > 0
        second = words.values[is_second]
        first = words.values[:-1][is_second[1:]]
        hashes = np.array(self._hashes, np.uint32)
        buckets = len(self._ids) + pair_buckets(hashes[first], hashes[second], self._buckets)
        return Ragged.with_counts(buckets.astype(np.int32), np.maximum(words.counts - 1, 0))


@functools.cache
def character_kinds(token_pattern: str) -> Optional[np.ndarray]:
    r"""What each code point is, for the patterns whose tokens single characters decide."""
    if token_pattern not in _PARTS:
        return None
    # Asked of the regular expressions themselves, with one text of all characters.
    everything = "".join(map(chr, range(0x110000)))
    kinds = np.full(len(everything), BLANK, np.int8)
    for runs, kind in _PARTS[token_pattern].items():
        for found in re.finditer(runs, everything):
            kinds[found.start() : found.end()] = kind
    return kinds


def _once_a_list(lists: Ragged, n: int) -> np.ndarray:
    """The values of all lists, all below n, each once for every list that it is in."""
    keys = np.sort(lists.rows() * n + lists.values)
    return keys[np.diff(keys, prepend=-1) > 0] % n


def _with_unknown(ids: Ragged, unknown: int) -> Ragged:
    """One unknown word where a text has none."""
    ends = np.cumsum(ids.counts)[ids.counts == 0]
    return Ragged.with_counts(np.insert(ids.values, ends, unknown), np.maximum(ids.counts, 1))
