"""Ridge regression, compared with numpy.linalg.solve and with fits that really leave a row out."""

import numpy as np
import pytest
from scipy import linalg, sparse

from textzoo.linear.matrices import Rows
from textzoo.linear.ridge import ExactRidge, Products, conjugate_gradients, kernel

RANDOM = np.random.default_rng(5)
NGRAMS = sparse.random(70, 40, 0.15, "csr", np.float32, RANDOM)
ROWS = Rows.of(NGRAMS)
DENSE = Rows(NGRAMS, RANDOM.normal(0, 0.4, (70, 5)).astype(np.float32))
BOTH = pytest.mark.parametrize("rows", [ROWS, DENSE], ids=["n-grams", "embeddings"])
TARGETS = (RANDOM.random((70, 6)) < 0.3).astype(np.float32)
COUNTS = RANDOM.choice([0.5, 1.0, 3.0], 70).astype(np.float32)


def joined(rows):
    """N-grams and embeddings side by side, in one dense matrix."""
    return np.hstack([rows.ngrams.toarray(), rows.dense]).astype(float)


def fitted(strength, counts=COUNTS, rows=ROWS):
    """W that minimises the weighted squares: the primal form, row by row weighted."""
    x = joined(rows)
    weighted = x * counts[:, None]
    return np.linalg.solve(x.T @ weighted + strength * np.eye(x.shape[1]), weighted.T @ TARGETS)


def test_the_kernel_has_every_inner_product_of_rare_and_frequent_columns():
    ngrams = NGRAMS.toarray()
    ngrams[:, 3] = 1  # in every row
    rows = Rows(sparse.csr_matrix(ngrams), DENSE.dense)
    np.testing.assert_allclose(kernel(rows), joined(rows) @ joined(rows).T, atol=1e-5)


@BOTH
@pytest.mark.parametrize("strength", [0.1, 1.0, 5.0])
def test_exact_weights_are_those_of_the_weighted_least_squares(rows, strength):
    dual = ExactRidge(kernel(rows), strength, COUNTS)(TARGETS)
    np.testing.assert_allclose(joined(rows).T @ dual, fitted(strength, rows=rows), atol=1e-4)


@BOTH
@pytest.mark.parametrize("strength", [0.3, 2.0])
def test_scores_of_a_row_left_out_are_those_of_a_fit_without_it(rows, strength):
    solver = ExactRidge(kernel(rows), strength, COUNTS)
    left_out = TARGETS - solver(TARGETS) * solver.left_out_weights[:, None]
    for row in range(len(TARGETS)):
        others = COUNTS.copy()
        others[row] = 0
        expected = joined(rows)[row] @ fitted(strength, others, rows)
        np.testing.assert_allclose(left_out[row], expected, atol=1e-4)


def test_a_strength_too_small_for_rows_that_are_equal_is_refused():
    same = sparse.csr_matrix(np.ones((50, 3), np.float32))
    with pytest.raises(linalg.LinAlgError, match="regularisation: received 1e-12, expected more"):
        ExactRidge(kernel(Rows.of(same)), 1e-12, np.ones(50, np.float32))


@BOTH
@pytest.mark.parametrize("n_threads", [1, 3])
def test_conjugate_gradients_come_to_the_exact_weights(rows, n_threads):
    products = Products(rows, n_threads)
    dual = conjugate_gradients(products, 1.0, COUNTS, TARGETS)
    expected = fitted(1.0, rows=rows)
    assert abs(products.weights(dual) - expected).max() < 0.01 * abs(expected).max()
    np.testing.assert_allclose(products(dual), joined(rows) @ (joined(rows).T @ dual), atol=1e-4)


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
    products = Products(ROWS.chosen(np.arange(2)), 8)
    expected = (NGRAMS[:2] @ NGRAMS[:2].T).toarray()
    np.testing.assert_allclose(products(np.eye(2)), expected, atol=1e-6)
