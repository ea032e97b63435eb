import numpy as np
import pytest

from textzoo.text.ragged import Ragged


def column(lists):
    values = np.asarray([i for row in lists for i in row], np.int32)
    return Ragged(values, np.cumsum([0, *map(len, lists)], dtype=np.int64))


@pytest.mark.parametrize("seed", range(5))
def test_padded_and_lengths_equal_plain_python(seed):
    random = np.random.default_rng(seed)
    lists = [random.integers(-1, 50, random.integers(0, 6)).tolist() for _ in range(30)]
    rows = random.integers(0, 30, 12)  # in any order, some of them twice
    padded, lengths = column(lists).padded(rows, fill=99)
    longest = max(len(lists[r]) for r in rows)
    assert padded.tolist() == [lists[r] + [99] * (longest - len(lists[r])) for r in rows]
    assert lengths.tolist() == [len(lists[r]) for r in rows]
    assert column(lists).lengths(rows).tolist() == lengths.tolist()
    assert padded.dtype == np.int64


def test_first_numbers_are_those_of_rows_in_any_order():
    lists = column([[1, 2, 3], [4, 5], [6, 7, 8, 9]])
    assert lists.first(np.array([2, 0, 0]), 2).tolist() == [[6, 7], [1, 2], [1, 2]]
    assert lists.first(np.array([], np.int64), 2).shape == (0, 2)


def test_rows_without_ids_are_padded_to_a_width_of_one():
    padded, lengths = column([[], [], [3]]).padded(np.array([0, 1]), fill=-1)
    assert padded.tolist() == [[-1], [-1]]
    assert lengths.tolist() == [0, 0]


def test_no_rows_at_all_are_an_empty_batch():
    padded, lengths = column([[1, 2]]).padded(np.array([], np.int64))
    assert padded.shape == (0, 1)
    assert lengths.shape == (0,)
