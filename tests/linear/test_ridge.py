"""Ridge regression, compared with numpy.linalg.solve and with fits that really leave a row out."""

import numpy as np
import pytest
from scipy import linalg, sparse

from textzoo.linear.ridge import ExactRidge, Products, conjugate_gradients, kernel

RANDOM = np.random.default_rng(5)
ROWS = sparse.random(70, 40, 0.15, "csr", np.float32, RANDOM)
TARGETS = (RANDOM.random((70, 6)) < 0.3).astype(np.float32)
COUNTS = RANDOM.choice([0.5, 1.0, 3.0], 70).astype(np.float32)


def fitted(strength, counts=COUNTS, rows=ROWS, targets=TARGETS):
    """W that minimises the weighted squares: the primal form, row by row weighted."""
    x = rows.toarray().astype(float)
    weighted = x * counts[:, None]
    return np.linalg.solve(x.T @ weighted + strength * np.eye(x.shape[1]), weighted.T @ targets)


def test_the_kernel_has_every_inner_product_of_rare_and_frequent_columns():
    dense = ROWS.toarray()
    dense[:, 3] = 1  # in every row
    np.testing.assert_allclose(kernel(sparse.csr_matrix(dense)), dense @ dense.T, atol=1e-5)


@pytest.mark.parametrize("strength", [0.1, 1.0, 5.0])
def test_exact_weights_are_those_of_the_weighted_least_squares(strength):
    dual = ExactRidge(kernel(ROWS), strength, COUNTS)(TARGETS)
    np.testing.assert_allclose(ROWS.T @ dual, fitted(strength), atol=1e-4)


@pytest.mark.parametrize("strength", [0.3, 2.0])
def test_scores_of_a_row_left_out_are_those_of_a_fit_without_it(strength):
    solver = ExactRidge(kernel(ROWS), strength, COUNTS)
    left_out = TARGETS - solver(TARGETS) * solver.left_out_weights[:, None]
    for row in range(len(TARGETS)):
        others = COUNTS.copy()
        others[row] = 0
        expected = ROWS[row].toarray() @ fitted(strength, others)
        np.testing.assert_allclose(left_out[row], expected[0], atol=1e-4)


def test_a_strength_too_small_for_rows_that_are_equal_is_refused():
    same = sparse.csr_matrix(np.ones((50, 3), np.float32))
    with pytest.raises(linalg.LinAlgError, match="regularisation: received 1e-12, expected more"):
        ExactRidge(kernel(same), 1e-12, np.ones(50, np.float32))


@pytest.mark.parametrize("n_threads", [1, 3])
def test_conjugate_gradients_come_to_the_exact_weights(n_threads):
    products = Products(ROWS, n_threads)
    dual = conjugate_gradients(products, 1.0, COUNTS, TARGETS)
    expected = fitted(1.0)
    assert abs(products.weights(dual) - expected).max() < 0.01 * abs(expected).max()
    np.testing.assert_allclose(products(dual), ROWS @ (ROWS.T @ dual), atol=1e-4)


def test_from_nearby_conjugate_gradients_come_there_sooner():
    n_products = []

    class Counting(Products):
        def __call__(self, dual):
            n_products[-1] += 1
            return super().__call__(dual)

    products, others = Counting(ROWS, 1), COUNTS.copy()
    others[::9] = 0
    n_products.append(0)
    near = conjugate_gradients(products, 1.0, others, TARGETS)
    for start in (None, near):
        n_products.append(0)
        dual = conjugate_gradients(products, 1.0, COUNTS, TARGETS, start)
    assert abs(products.weights(dual) - fitted(1.0)).max() < 0.01 * abs(fitted(1.0)).max()
    assert n_products[2] < n_products[1]
    n_products.append(0)
    assert not conjugate_gradients(products, 1.0, others, TARGETS, near)[::9].any()
    assert n_products[3] == 1  # it is there


def test_rows_that_count_0_times_are_left_out_by_conjugate_gradients():
    counts = COUNTS.copy()
    counts[::4] = 0
    products = Products(ROWS, 2)
    dual = conjugate_gradients(products, 1.0, counts, TARGETS)
    assert not dual[::4].any()
    expected = fitted(1.0, counts)
    assert abs(products.weights(dual) - expected).max() < 0.01 * abs(expected).max()
    assert not conjugate_gradients(products, 1.0, 0 * counts, TARGETS).any()


def test_more_threads_than_rows_do_no_harm():
    products = Products(ROWS[:2], 8)
    np.testing.assert_allclose(products(np.eye(2)), (ROWS[:2] @ ROWS[:2].T).toarray(), atol=1e-6)
