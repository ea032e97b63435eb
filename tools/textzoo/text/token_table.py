"""The tokens of many texts at once, each different one looked at once.

Texts become arrays of code points, in which tokens are found, hashed and looked up as arrays.
"""

import functools

import numpy as np

from textzoo.text.ragged import Ragged

BLANK, INSIDE, ALONE = 0, 1, 2  # what a character is: between tokens, part of one, one by itself

_NEWLINE = ord("\n")
_BASE = 0x9E3779B97F4A7C15  # odd, so that its powers have inverses modulo 2^64
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SLOT_BITS = 21


class TokenTable:
    """Numbers tokens in the order in which they are first seen.

    Tokens are told apart by 64 bits of a polynomial hash: among ten million different ones, two
    have the same hash with a probability of about 3 in a million.

    Args:
        kinds: `[0x110000]` what each code point is: `BLANK`, `INSIDE` or `ALONE`. A line end is
            blank.

    Attributes:
        tokens: the different tokens by their numbers.
    """

    def __init__(self, kinds: np.ndarray):
        self.tokens: list[str] = []
        self._kinds = kinds
        self._hashes = np.zeros(0, np.uint64)  # by number
        self._slots = np.zeros(1 << _SLOT_BITS, np.int32)  # by part of the hash, one of its numbers
        self._sorted = np.zeros(0, np.uint64)
        self._order = np.zeros(0, np.int64)  # the number of each sorted hash

    def __call__(self, texts: list[str], lower_case: bool = False) -> Ragged:
        """The numbers of each text's tokens. No text holds a line end."""
        joined = "\n".join(texts)
        if lower_case:
            joined = joined.lower()
        points = np.frombuffer(joined.encode("utf-32-le"), "<u4")
        starts, ends = _bounds(self._kinds[points])
        hashes = _hashes(points, starts, ends)
        numbers = self._look_up(hashes)
        new = np.flatnonzero(numbers < 0)
        if len(new):
            _, first = np.unique(hashes[new], return_index=True)
            first = np.sort(new[first])
            self.tokens += [joined[s:e] for s, e in zip(starts[first], ends[first])]
            self._add(hashes[first])
            numbers[new] = self._look_up(hashes[new])
        line_ends = np.flatnonzero(points == _NEWLINE)
        before = np.searchsorted(starts, line_ends)
        counts = np.diff(before, prepend=0, append=len(starts))
        return Ragged.with_counts(numbers, counts if texts else counts[:0])

    def _look_up(self, hashes: np.ndarray) -> np.ndarray:
        """The number of each hash, -1 if there is none."""
        if not self.tokens:
            return np.full(len(hashes), -1)
        numbers = self._slots[hashes >> np.uint64(64 - _SLOT_BITS)].astype(np.int64)
        missed = np.flatnonzero(self._hashes[numbers] != hashes)
        if len(missed):  # another token has the slot, or the token is new
            wanted = hashes[missed]
            places = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
            is_known = self._sorted[places] == wanted
            numbers[missed] = np.where(is_known, self._order[places], -1)
        return numbers

    def _add(self, hashes: np.ndarray) -> None:
        first = len(self._hashes)
        self._hashes = np.concatenate([self._hashes, hashes])
        order = np.argsort(hashes)
        places = np.searchsorted(self._sorted, hashes[order])
        self._sorted = np.insert(self._sorted, places, hashes[order])
        self._order = np.insert(self._order, places, first + order)
        slots = hashes >> np.uint64(64 - _SLOT_BITS)
        self._slots[slots] = np.arange(first, len(self._hashes))


def _bounds(kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where tokens start and end."""
    inside = kinds == INSIDE
    follows = np.zeros(len(kinds) + 1, bool)  # whether a place goes on with the token before it
    follows[1:-1] = inside[1:] & inside[:-1]
    token = kinds != BLANK
    return np.flatnonzero(token & ~follows[:-1]), np.flatnonzero(token & ~follows[1:]) + 1


def _hashes(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """A hash of each token: its code points as digits, modulo 2^64, mixed."""
    powers, inverses = _powers(1 << max(16, len(points).bit_length()))
    sums = np.zeros(len(points) + 1, np.uint64)
    np.cumsum((points + np.uint64(1)) * powers[: len(points)], out=sums[1:])
    values = (sums[ends] - sums[starts]) * inverses[starts]
    values = (values ^ (values >> np.uint64(32))) * _MIX
    return (values ^ (values >> np.uint64(29))) * _MIX


@functools.cache
def _powers(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first n powers of the base, and of its inverse, modulo 2^64."""
    bases = (_BASE, pow(_BASE, -1, 1 << 64))
    powers = np.ones((2, n), np.uint64)
    powers[:, 1:] = np.array(bases, np.uint64)[:, None]
    np.cumprod(powers, axis=1, out=powers)
    return powers[0], powers[1]
