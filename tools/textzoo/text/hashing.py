"""Hashes of texts, and of texts behind one another from those of each."""

import functools
from zlib import crc32

import numpy as np


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
    pairs = (f"{first} {second}".encode() for first, second in zip(words, words[1:]))
    return [crc32(pair) % buckets for pair in pairs]
