import itertools

import numpy as np
import pytest

from textzoo.data.batching import hold_out, inference_pools, text_batches, training_batches


def random_lengths(n, seed=0):
    return np.random.default_rng(seed).integers(1, 60, n)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64, 1000, 3007])
@pytest.mark.parametrize("batch_size", [1, 3, 16, 5000])
@pytest.mark.parametrize("epoch", [0, 1, 9])
def test_every_row_is_in_exactly_one_batch(n, batch_size, epoch):
    batches = training_batches(random_lengths(n), batch_size, 1, epoch)
    rows = np.concatenate([np.zeros(0, int), *batches])
    assert sorted(rows.tolist()) == list(range(n))
    sizes = sorted(map(len, batches))
    assert len(sizes) == -(-n // batch_size)
    assert set(sizes[1:]) <= {batch_size}  # at most one is smaller


def test_the_same_seed_and_epoch_give_the_same_batches():
    one, two = (training_batches(random_lengths(500), 8, 3, 2) for _ in range(2))
    assert [batch.tolist() for batch in one] == [batch.tolist() for batch in two]


@pytest.mark.parametrize("other", [{"seed": 4, "epoch": 2}, {"seed": 3, "epoch": 3}])
def test_another_seed_or_epoch_gives_other_batches(other):
    lengths = random_lengths(500)
    one = training_batches(lengths, 8, 3, 2)
    two = training_batches(lengths, 8, **other)
    together = {frozenset(batch.tolist()) for batch in one}
    assert not together & {frozenset(batch.tolist()) for batch in two}


def test_a_batch_holds_rows_of_similar_length():
    lengths = random_lengths(4000)
    batches = training_batches(lengths, 10, 0, 0)
    spread = np.mean([np.ptp(lengths[batch]) for batch in batches])
    # Lengths of 1 to 59 sorted in pools of 500: neighbours in a batch differ by about 1.2.
    assert spread < 2
    padding = sum(len(batch) * lengths[batch].max() for batch in batches) / lengths.sum()
    assert padding < 1.05


def test_the_fewer_batches_a_pool_has_the_less_alike_are_the_lengths_in_a_batch():
    lengths = random_lengths(4000)
    spreads = [
        np.mean([np.ptp(lengths[batch]) for batch in training_batches(lengths, 10, 0, 0, pool)])
        for pool in (1, 4, 50)
    ]
    # Ten of the lengths 1 to 59 by chance span 9/11 of them, a quarter of forty sorted ones about
    # a quarter of that.
    assert spreads[0] == pytest.approx(9 / 11 * 58, rel=0.1)
    assert spreads[1] == pytest.approx(9 / 41 * 58, rel=0.1)
    assert spreads[2] < 2


def test_short_and_long_batches_are_mixed_over_the_epoch():
    lengths = random_lengths(4000)
    means = [lengths[batch].mean() for batch in training_batches(lengths, 10, 0, 0)]
    position = np.arange(len(means))
    assert abs(np.corrcoef(position, means)[0, 1]) < 0.15
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.15


def test_rows_of_one_length_are_shuffled_across_the_whole_file():
    batches = training_batches(np.full(2000, 5), 10, 0, 0)
    assert np.mean([np.ptp(batch) for batch in batches]) > 1000


@pytest.mark.parametrize("n", [1, 7, 100, 1003])
@pytest.mark.parametrize("batch_size", [1, 2, 9, 5000])
def test_inference_pools_follow_one_another_and_cover_every_row_once(n, batch_size):
    lengths = random_lengths(n)
    end = 0
    for pool in inference_pools(lengths, batch_size):
        rows = np.concatenate(pool)
        assert sorted(rows.tolist()) == list(range(end, end + len(rows)))
        assert (np.diff(lengths[rows]) >= 0).all()
        assert all(0 < len(batch) <= batch_size for batch in pool)
        end += len(rows)
    assert end == n


def test_no_rows_are_no_pools():
    assert list(inference_pools(np.zeros(0, int), 4)) == []


@pytest.mark.parametrize("batch_size", [1, 7, 64])
@pytest.mark.parametrize("max_tokens", [1, 40, 100, 1000])
def test_texts_are_together_up_to_so_many_tokens_when_padded(batch_size, max_tokens):
    lengths = random_lengths(300)
    rows = [{"text": [0] * n, "characters": [0] * 99} for n in lengths]  # the net takes the first
    batches = [places.tolist() for _, places in text_batches(rows, batch_size, max_tokens)]
    assert sorted(itertools.chain(*batches)) == list(range(300))
    for batch in batches:
        assert len(batch) <= batch_size
        assert len(batch) * lengths[batch].max() <= max_tokens or len(batch) == 1


def test_texts_are_cut_apart_only_where_they_have_to_be():
    rows = [{"text": [0] * n} for n in (5, 1, 2, 4, 3)]
    together = lambda *limits: [p.tolist() for _, p in text_batches(rows, *limits)]  # noqa: E731
    assert together(5) == together(5, 25) == [[1, 2, 4, 3, 0]]
    assert together(5, 9) == [[1, 2, 4], [3], [0]]
    assert together(2, 9) == [[1, 2], [4, 3], [0]]


@pytest.mark.parametrize(
    ("n", "fraction", "held"),
    [(100, 0.1, 10), (100, 0.0, 0), (10, 0.001, 1), (2, 0.99, 1), (3, 0.5, 2), (7, 0.99, 6)],
)
def test_rows_are_held_out_in_file_order_and_only_once(n, fraction, held):
    train, valid = hold_out(n, fraction, seed=5)
    assert len(valid) == held
    assert sorted([*train, *valid]) == list(range(n))
    for part in (train, valid):
        assert part.tolist() == sorted(part.tolist())


def test_the_only_row_is_trained_on():
    train, valid = hold_out(1, 0.5, seed=5)
    assert (train.tolist(), valid.tolist()) == ([0], [])


def test_the_seed_decides_which_rows_are_held_out():
    chosen = [hold_out(1000, 0.1, seed)[1].tolist() for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2]


def test_every_row_is_held_out_about_equally_often():
    held = itertools.chain.from_iterable(hold_out(20, 0.25, seed)[1] for seed in range(400))
    counts = np.bincount(list(held), minlength=20)
    assert counts.sum() == 400 * 5
    # Chi-square with 19 degrees of freedom: 43.8 is its 99.9% point.
    assert ((counts - 100) ** 2 / 100).sum() < 43.8
