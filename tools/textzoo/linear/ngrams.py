"""Which n-grams there are, and how often each text has each: exact numbers, no hashing."""

from collections.abc import Iterator
from typing import NamedTuple, Union

import numpy as np
import scipy

from textzoo.linear.matrices import SparseRows
from textzoo.linear.tokens import TokenLists

_MOST_INT = 2**63 - 1

Lead = Union[int, np.ndarray]


class Occurrences(NamedTuple):
    """Where n-grams of one length are in a text.

    Attributes:
        ngrams: `[n]` the number of each.
        counts: `[n]` how often it counts there, see `Ngrams.fit`.
        tokens: `[n, length]` its tokens, by their places among those of the text.
    """

    ngrams: np.ndarray
    counts: np.ndarray
    tokens: np.ndarray


class Ngrams:
    """Numbers the n-grams of some texts.

    An n-gram is one of n - 1 tokens and one token more, so that those of each length are pairs of
    numbers, `prefix * tokens + last`. One that is in few texts has only longer ones that are in no
    more of them, and none of these is counted.

    Args:
        shortest: the least tokens of an n-gram.
        tokens: `[tokens]` the values of the known tokens, sorted.
        longer: for each length from 2 on, `[n-grams]` the pairs, sorted.

    Attributes:
        shortest, tokens, longer: as given.
    """

    def __init__(self, shortest: int, tokens: np.ndarray, longer: list[np.ndarray]):
        self.shortest, self.tokens, self.longer = shortest, tokens, longer
        sizes = [len(tokens), *map(len, longer)][shortest - 1 :]
        self._starts = np.append(0, np.cumsum(sizes))

    def __len__(self) -> int:
        """How many n-grams there are."""
        return int(self._starts[-1])

    @classmethod
    def fit(
        cls,
        texts: TokenLists,
        n_texts: int,
        shortest: int,
        longest: int,
        min_texts: int,
        lead: Lead = 0,
    ) -> tuple["Ngrams", SparseRows]:
        """Number what occurs in enough of some texts.

        Args:
            texts: all of them.
            n_texts: how many.
            shortest: the least tokens of an n-gram.
            longest: the most.
            min_texts: in how many texts at least one is.
            lead: n-grams that start in so many first words of a text count twice; one number, or
                `[texts]`.

        Returns:
            The n-grams, and how often each text has each, `[texts, n-grams]`.
        """
        pairs, columns = [], []
        numbers, kept = _numbered(texts.values.astype(np.int64), texts.rows, n_texts, min_texts)
        tokens, unigrams = kept, numbers
        for length in range(1, longest + 1):
            if length > 1:
                keys = _pairs(numbers, unigrams, texts.lists, length, len(tokens))
                rows = texts.rows[: len(keys)]
                numbers, kept = _numbered(keys, rows, n_texts, min_texts)
                pairs.append(kept)
            if length >= shortest:
                columns.append(numbers)
        found = cls(shortest, tokens, pairs)
        return found, found._counts(columns, texts, n_texts, lead)

    def count(self, texts: TokenLists, n_texts: int, lead: Lead = 0) -> SparseRows:
        """How often each text has each n-gram, `[texts, n-grams]`, see `fit`."""
        return self._counts(self._numbers(texts), texts, n_texts, lead)

    def occurrences(self, texts: TokenLists, lead: int = 0) -> Iterator[Occurrences]:
        """Where the n-grams of a text are; those of each length together.

        Args:
            texts: one text.
            lead: see `fit`.
        """
        columns = self._numbers(texts)
        for length, (start, numbers) in enumerate(zip(self._starts, columns), self.shortest):
            places = np.flatnonzero(numbers >= 0)
            counts = 1 + (texts.words[places] < lead)
            tokens = places[:, None] + np.arange(length)
            yield Occurrences(numbers[places] + int(start), counts, tokens)

    def _numbers(self, texts: TokenLists) -> list[np.ndarray]:
        """Of each length the number of the n-gram, of those of this length, at each token, or -1.

        The last tokens, where none of this length can start, may be missing.
        """
        numbers = unigrams = _places(texts.values, self.tokens)
        columns = [numbers] if self.shortest == 1 else []
        for length, known in enumerate(self.longer, start=2):
            keys = _pairs(numbers, unigrams, texts.lists, length, len(self.tokens))
            numbers = _places(keys, known)
            if length >= self.shortest:
                columns.append(numbers)
        return columns

    def _counts(
        self, columns: list[np.ndarray], texts: TokenLists, n_texts: int, lead: Lead
    ) -> SparseRows:
        of_text = np.broadcast_to(lead, n_texts)
        own_rows, own_columns, own_counts = [], [], []
        for start, numbers in zip(self._starts, columns):
            places = np.flatnonzero(numbers >= 0)
            rows = texts.rows[places]
            own_rows.append(rows)
            own_counts.append(1 + (texts.words[places] < of_text[rows]))
            own_columns.append((numbers[places] + start).astype(np.int32))
        rows, numbers = np.concatenate(own_rows), np.concatenate(own_columns)
        counts = np.concatenate(own_counts).astype(np.float32)
        return scipy.sparse.csr_matrix((counts, (rows, numbers)), (n_texts, len(self)))

    def tokens_of(self, number: int) -> list[int]:
        """The values of an n-gram's tokens."""
        length = int(np.searchsorted(self._starts, number, side="right")) - 1
        number -= int(self._starts[length])
        length += self.shortest
        last: list[int] = []
        for known in reversed(self.longer[: length - 1]):
            number, token = divmod(int(known[number]), len(self.tokens))
            last.insert(0, int(self.tokens[token]))
        return [int(self.tokens[number]), *last]


def _pairs(
    numbers: np.ndarray, unigrams: np.ndarray, lists: np.ndarray, length: int, n_tokens: int
) -> np.ndarray:
    """The pair of each n-gram of a length, by its first token; -1 where there is none."""
    last = unigrams[length - 1 :]
    first = numbers[: len(last)]
    is_one = (first >= 0) & (last >= 0) & (lists[: len(last)] == lists[length - 1 :])
    return np.where(is_one, first.astype(np.int64) * n_tokens + last, -1)


def _numbered(
    keys: np.ndarray, rows: np.ndarray, n_texts: int, min_texts: int
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the keys that are in enough texts, -1 for the others; and these keys, sorted."""
    places = np.flatnonzero(keys >= 0)
    order = places[_order(keys[places])]  # and by rows, as these only grow
    own, own_rows = keys[order], rows[order]
    is_new = np.diff(own, prepend=-1) != 0
    is_new_text = is_new | (np.diff(own_rows, prepend=-1) != 0)
    group = np.cumsum(is_new) - 1
    n_in = np.bincount(group, weights=is_new_text) if len(group) else np.zeros(0)
    is_kept = n_in >= min_texts
    new_numbers = np.where(is_kept, np.cumsum(is_kept) - 1, -1).astype(np.int32)
    numbers = np.full(len(keys), -1, np.int32)
    numbers[order] = new_numbers[group]
    return numbers, own[is_new][is_kept]


def _order(keys: np.ndarray) -> np.ndarray:
    """The places of keys, not below 0, in the order of keys; of equal ones in their own."""
    n = len(keys)
    if n and int(keys.max()) < _MOST_INT // n:  # one number for both is five times as fast
        return np.sort(keys * n + np.arange(n)) % n
    return np.argsort(keys, kind="stable")


def _places(keys: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The place of each key among sorted ones, -1 if it is none of them."""
    if not len(known):
        return np.full(len(keys), -1, np.int32)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[places] == keys, places, -1).astype(np.int32)
