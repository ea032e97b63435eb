"""Whether one model is better than another on the same rows: resampling of the rows.

- Interval: of the paired bootstrap. Rows are drawn with replacement, as many as there are, the same
  ones for both models; the interval reaches from the 2.5th to the 97.5th percentile of the
  differences (Efron and Tibshirani 1993, section 13.3; for metrics of texts Koehn 2004).
- p value: of the approximate randomization test. What both models gave for a row is exchanged or
  not, by a fair coin for each row: were they alike, it would make no difference. p is the share of
  exchanges with a difference at least as large as the observed one, of either sign; the observed
  one counts as one of them (Noreen 1989; Efron and Tibshirani 1993, chapter 15; for F1 Yeh 2000).

Metrics are computed anew from what the drawn rows add up to: the micro F1 of rows is no mean.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from textzoo.evaluation.outcomes import Outcomes, Values

_AT_ONCE = 4_000_000  # numbers drawn at a time
_ROUNDING = 1e-9  # differences so near are equal


class Difference(NamedTuple):
    """How two models differ by a metric.

    Attributes:
        first, second: the metric of each.
        difference: the second less the first.
        low, high: the 95 % interval of the difference.
        p: of the test that they are alike.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float


def differences(
    first: Outcomes, second: Outcomes, n_resamples: int, seed: int
) -> dict[str, Difference]:
    """Compare two models by each metric.

    Args:
        first: of one model.
        second: of the other one, for the same rows.
        n_resamples: how often rows are drawn, and how often they are exchanged.
        seed: of what is drawn.
    """
    n_rows = first.sums.shape[0]
    drawn, swapped = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    resampled = _collected(
        lambda n: bootstrapped(first, second, _drawn_counts(n, n_rows, drawn)), n_resamples, n_rows
    )
    exchanged = _collected(
        lambda n: exchanged_rows(first, second, swapped.integers(2, size=(n, n_rows))),
        *(n_resamples, n_rows),
    )
    ours, theirs = first.of_all(), second.of_all()
    found = {}
    for name in ours:
        observed = float(theirs[name][0] - ours[name][0])
        low, high = np.percentile(resampled[name], [2.5, 97.5])
        at_least = np.abs(exchanged[name]) >= abs(observed) - _ROUNDING
        p = (1 + at_least.sum()) / (1 + n_resamples)
        values = ours[name][0], theirs[name][0], observed, low, high, p
        found[name] = Difference(*map(float, values))
    return found


def bootstrapped(first: Outcomes, second: Outcomes, counts: np.ndarray) -> Values:
    """The differences where each row counts so often.

    Args:
        first: of one model.
        second: of the other one.
        counts: `[resamples, rows]`, each of whose sums is the number of rows.
    """
    weights = counts.astype(float)
    ours, theirs = (own.of(weights @ own.sums) for own in (first, second))
    return {name: theirs[name] - ours[name] for name in ours}


def exchanged_rows(first: Outcomes, second: Outcomes, is_exchanged: np.ndarray) -> Values:
    """The differences where what both gave for some rows is exchanged.

    Args:
        first: of one model.
        second: of the other one.
        is_exchanged: `[resamples, rows]` 1 for these rows, else 0.
    """
    moved = is_exchanged.astype(float) @ (second.sums - first.sums)
    totals = (np.asarray(own.sums.sum(axis=0)) for own in (first, second))
    ours, theirs = (
        own.of(total + sign * moved) for own, total, sign in zip((first, second), totals, (1, -1))
    )
    return {name: theirs[name] - ours[name] for name in ours}


def _drawn_counts(n: int, n_rows: int, random: np.random.Generator) -> np.ndarray:
    """How often each row is drawn, `[n, n_rows]`."""
    places = random.integers(n_rows, size=(n, n_rows)) + n_rows * np.arange(n)[:, None]
    return np.bincount(places.ravel(), minlength=n * n_rows).reshape(n, n_rows)


def _collected(draw: Callable[[int], Values], n_resamples: int, n_rows: int) -> Values:
    """What `draw` gives for so many resamples, some at a time."""
    parts = [draw(n) for n in _portions(n_resamples, max(1, _AT_ONCE // n_rows))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _portions(total: int, most: int) -> Iterator[int]:
    for start in range(0, total, most):
        yield min(most, total - start)
