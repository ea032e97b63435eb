"""Hashes of texts, and of texts behind one another from those of each."""

import functools
from zlib import crc32

import numpy as np

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern (Knuth's golden ratio)
_MIX = np.uint64(0xD6E8FEB86659FD93)


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
    tables, start = tables.ravel(), lengths.astype(np.uint32) * np.uint32(4 * 256)
    joined = second.copy()
    for place in range(4):
        byte = (first >> np.uint32(8 * place)) & np.uint32(255)
        joined ^= tables.take(start + byte + np.uint32(256 * place))
    return joined


@functools.cache
def _after_zeros(length: int) -> np.ndarray:
    """How the CRC of a string changes by zero bytes after it, `[4, 256]` for each of its bytes."""
    zeros = bytes(length)
    none = crc32(zeros)
    return np.array(
        [[crc32(zeros, byte << 8 * place) ^ none for byte in range(256)] for place in range(4)],
        np.uint32,
    )


def hashed_pairs(words: list[str], buckets: int) -> list[int]:
    """The bucket of each pair of neighbouring words, from 0."""
    hashes = np.array([crc32(word.encode()) for word in words], np.uint32)
    return pair_buckets(hashes[:-1], hashes[1:], buckets).tolist()


def pair_buckets(first: np.ndarray, second: np.ndarray, buckets: int) -> np.ndarray:
    """The bucket of each pair of words from the hashes of both.

    One step of a polynomial modulo 2^64, then the upper half of a product (multiply-shift hashing,
    Dietzfelbinger et al. 1997): pairs in another order, or of equal words, are told apart.

    Args:
        first: `[n]` CRC-32 of the first words, uint32.
        second: `[n]` of the second ones.
        buckets: how many there are.

    Returns:
        `[n]` from 0, int64.
    """
    mixed = (first.astype(np.uint64) * _FACTOR + second) * _MIX
    return ((mixed >> np.uint64(32)) % np.uint64(buckets)).astype(np.int64)
