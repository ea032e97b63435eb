"""Resampling against enumeration by hand and against SciPy."""

import itertools

import numpy as np
import pytest
from scipy import stats

from textzoo.evaluation.outcomes import GivenRows, outcomes_of
from textzoo.evaluation.significance import bootstrapped, differences, exchanged_rows

NAMES = ["accuracy", "micro_f1"]


def of_counts(*rows):
    """Rows of one gold label each: whether it ranks first, and how many wrong ones come with it."""
    ranks = [[1 if is_hit else 2] for is_hit, _ in rows]
    predicted = [["gold"] * is_hit + ["wrong"] * n_wrong for is_hit, n_wrong in rows]
    return GivenRows([["gold"]] * len(rows), ranks, predicted, 2, False)


def micro_f1(rows):
    """By hand: each row has one gold label."""
    hits = sum(is_hit for is_hit, _ in rows)
    return 2 * hits / (sum(sum(row) for row in rows) + len(rows))


# By hand: accuracy 1/3 and 2/3; micro F1 2 * 1 / (2 + 3) = 0.4 and 2 * 2 / (3 + 3) = 2/3.
FIRST, SECOND = [(1, 1), (0, 0), (0, 0)], [(1, 0), (1, 1), (0, 0)]


@pytest.fixture
def both():
    return outcomes_of([of_counts(*FIRST), of_counts(*SECOND)], NAMES)


def test_every_resample_of_three_rows_gives_what_is_computed_by_hand(both):
    draws = [*itertools.product(range(3), repeat=3)]  # all 27
    counts = np.array([np.bincount(draw, minlength=3) for draw in draws])
    found = bootstrapped(*both, counts)
    for place, draw in enumerate(draws):
        first, second = ([rows[i] for i in draw] for rows in (FIRST, SECOND))
        hits = sum(row[0] for row in second) - sum(row[0] for row in first)
        assert found["accuracy"][place] == pytest.approx(hits / 3)
        assert found["micro_f1"][place] == pytest.approx(micro_f1(second) - micro_f1(first))


def test_every_exchange_of_three_rows_gives_what_is_computed_by_hand(both):
    exchanges = [*itertools.product([0, 1], repeat=3)]
    found = exchanged_rows(*both, np.array(exchanges))
    for place, exchange in enumerate(exchanges):
        pairs = [pair[::-1] if e else pair for e, pair in zip(exchange, zip(FIRST, SECOND))]
        first, second = zip(*pairs)
        assert found["micro_f1"][place] == pytest.approx(micro_f1(second) - micro_f1(first))
    # The second is right in one row more: whatever is exchanged, the difference is as large.
    assert np.abs(found["accuracy"]) == pytest.approx(np.full(8, 1 / 3))


def test_interval_and_p_are_those_of_all_resamples(both):
    found = differences(*both, 200_000, seed=1)
    assert found["accuracy"][:3] == pytest.approx((1 / 3, 2 / 3, 1 / 3))
    assert found["micro_f1"][:3] == pytest.approx((0.4, 2 / 3, 2 / 3 - 0.4))
    counts = np.array([np.bincount(d, minlength=3) for d in itertools.product(range(3), repeat=3)])
    exact = bootstrapped(*both, counts)["micro_f1"]
    assert found["micro_f1"][3:5] == pytest.approx(
        np.percentile(exact, [2.5, 97.5], method="inverted_cdf"), abs=1e-9
    )
    exchanged = exchanged_rows(*both, np.array([*itertools.product([0, 1], repeat=3)]))["micro_f1"]
    p = (np.abs(exchanged) >= 2 / 3 - 0.4 - 1e-12).mean()
    assert found["micro_f1"].p == pytest.approx(p, abs=0.005)
    assert found["accuracy"].p == 1


@pytest.fixture(scope="module")
def random_rows():
    random = np.random.default_rng(3)
    quality, n = (0.6, 0.75), 120
    return [
        [
            (int(hit), int(wrong))
            for hit, wrong in zip(random.random(n) < q, random.integers(3, size=n))
        ]
        for q in quality
    ]


def test_the_interval_is_scipys(random_rows):
    first, second = random_rows
    found = differences(
        *outcomes_of([of_counts(*first), of_counts(*second)], NAMES), 20_000, seed=0
    )

    def statistic(a, b, axis):
        def f1(cells):
            n = cells.shape[axis]
            hits, wrong = (cells // 10).sum(axis=axis), (cells % 10).sum(axis=axis)
            return 2 * hits / (hits + wrong + n)

        return f1(b) - f1(a)

    coded = [np.array([10 * hit + wrong for hit, wrong in rows]) for rows in random_rows]
    theirs = stats.bootstrap(
        coded,
        statistic,
        paired=True,
        n_resamples=20_000,
        method="percentile",
        vectorized=True,
        random_state=0,
    ).confidence_interval
    assert found["micro_f1"].low == pytest.approx(theirs.low, abs=0.005)
    assert found["micro_f1"].high == pytest.approx(theirs.high, abs=0.005)


@pytest.mark.parametrize("n", [12, 120])
def test_p_is_scipys(random_rows, n):
    first, second = (rows[:n] for rows in random_rows)
    found = differences(
        *outcomes_of([of_counts(*first), of_counts(*second)], ["accuracy"]), 20_000, seed=0
    )["accuracy"]
    hits = [np.array([hit for hit, _ in rows], float) for rows in (first, second)]
    theirs = stats.permutation_test(
        hits,
        lambda a, b, axis: b.mean(axis=axis) - a.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        random_state=0,
    )
    assert found.difference == pytest.approx(theirs.statistic)
    assert found.p == pytest.approx(theirs.pvalue, abs=0.01)


def test_what_is_drawn_hangs_on_the_seed_alone(both, monkeypatch):
    once = differences(*both, 500, seed=7)
    monkeypatch.setattr("textzoo.evaluation.significance._AT_ONCE", 100)  # in many portions
    assert differences(*both, 500, seed=7) == once
    assert differences(*both, 500, seed=8) != once


def test_models_that_gave_the_same_do_not_differ():
    rows = of_counts(*FIRST)
    found = differences(*outcomes_of([rows, rows], NAMES), 100, seed=0)
    assert all(own[2:] == (0, 0, 0, 1) for own in found.values())
