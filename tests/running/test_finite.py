import numpy as np
import pytest

from textzoo.errors import NotFinite
from textzoo.running.finite import check_finite

FINE = np.array([[0.5, -3e38]], "float32")


def test_numbers_that_rank_are_taken():
    check_finite([FINE, np.array([3]), np.zeros((0, 2))])


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_one_that_is_not_finite_is_refused_wherever_it_is(number):
    with pytest.raises(NotFinite, match="not finite"):
        check_finite([FINE, np.array([[1.0, 2.0], [number, 3.0]])])
