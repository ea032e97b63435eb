import statistics

import pytest

from textzoo.metrics.spread import Spread


def test_the_deviation_is_that_of_a_sample():
    values = [0.5, 0.25, 1.0]
    found = Spread.of(values)
    assert found.std == pytest.approx(statistics.stdev(values))
    assert found == (values, pytest.approx(1.75 / 3), found.std, 0.25, 1.0)
