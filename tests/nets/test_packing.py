"""Packed tokens, against slices of NumPy."""

import numpy as np
import paddle
import pytest

from textzoo.nets.packing import Packing

LENGTHS = [[3, 1, 5], [4, 4], [1]]


def packing_of(lengths, n_heads=2):
    is_padding = np.arange(max(lengths)) >= np.array(lengths)[:, None]
    return Packing(paddle.to_tensor(is_padding), n_heads)


def random_values(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("lengths", LENGTHS)
def test_tokens_are_packed_and_padded_again(lengths):
    padded = random_values(len(lengths), max(lengths), 3)
    packing = packing_of(lengths)
    packed = packing.packed(paddle.to_tensor(padded))
    expected = np.concatenate([row[:n] for row, n in zip(padded, lengths)])
    np.testing.assert_array_equal(packed.numpy(), expected)
    for row, vectors, n in zip(padded, packing.padded(packed).numpy(), lengths):
        np.testing.assert_array_equal(vectors[:n], row[:n])
        np.testing.assert_array_equal(vectors[n:], np.repeat(row[n - 1 : n], len(row) - n, axis=0))


@pytest.mark.parametrize("lengths", LENGTHS)
def test_heads_get_their_part_of_each_token(lengths):
    packed = random_values(sum(lengths), 3 * 2 * 4)
    heads = packing_of(lengths).heads(paddle.to_tensor(packed)).numpy()
    assert heads.shape == (len(lengths), 3 * 2, max(lengths), 4)
    for text, (first, n) in enumerate(zip(np.cumsum([0, *lengths]), lengths)):
        for head in range(6):
            part = packed[first : first + n, 4 * head : 4 * head + 4]
            np.testing.assert_array_equal(heads[text, head, :n], part)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_what_heads_give_is_joined_token_by_token(lengths):
    mixed = random_values(len(lengths), 2, max(lengths), 4)
    rows = packing_of(lengths).of_heads(paddle.to_tensor(mixed)).numpy()
    expected = [
        mixed[text, :, place].reshape(-1) for text, n in enumerate(lengths) for place in range(n)
    ]
    np.testing.assert_array_equal(rows, expected)
