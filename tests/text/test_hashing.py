"""The ids of pairs of words, against a calculation with Python's integers."""

from zlib import crc32

import numpy as np
import pytest

from textzoo.text.hashing import hashed_pairs, pair_buckets

BITS = 2**64


def by_hand(first, second, buckets):
    mixed = (crc32(first.encode()) * 0x9E3779B97F4A7C15 + crc32(second.encode())) % BITS
    return (mixed * 0xD6E8FEB86659FD93 % BITS >> 32) % buckets


@pytest.mark.parametrize("words", [[], ["one"], ["a", "b"], ["标签", "tag", "tag", "", "é" * 99]])
def test_pairs_have_the_buckets_of_a_calculation_by_hand(words):
    expected = [by_hand(*pair, 1000) for pair in zip(words, words[1:])]
    assert hashed_pairs(words, 1000) == expected


def test_order_matters_and_equal_words_are_told_apart():
    assert len(set(hashed_pairs(["a", "b", "a", "a", "b", "b"], 2**31))) == 4  # ab ba aa ab bb


def test_buckets_are_evenly_filled():
    first, second = np.divmod(np.arange(100_000), 317)
    hashes = np.array([crc32(str(i).encode()) for i in range(317)], np.uint32)
    counts = np.bincount(pair_buckets(hashes[first], hashes[second], 1000), minlength=1000)
    assert counts.sum() == 100_000
    # Of 100 in the mean, with a standard deviation of 10 when they are drawn evenly.
    assert 8 < counts.std() < 12
