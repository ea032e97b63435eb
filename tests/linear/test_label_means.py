"""Cosines with the means of labels, each row really left out."""

import numpy as np
import pytest
from scipy import sparse

from textzoo.linear.label_means import LabelMeans

RANDOM = np.random.default_rng(7)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


ROWS, NAMES = unit(RANDOM.random((20, 9))), unit(RANDOM.random((4, 9)))
TARGETS = (RANDOM.random((20, 4)) < 0.4).astype(float)


def means_of(targets, names):
    return unit(targets.T @ ROWS + (NAMES if names else 0))


def sparse_of(array):
    return sparse.csr_matrix(array.astype(np.float32))


@pytest.mark.parametrize("names", [False, True])
def test_vectors_and_cosines_of_rows_left_out(names):
    own = sparse_of(NAMES) if names else None
    means = LabelMeans(sparse_of(ROWS), sparse_of(TARGETS), own)
    np.testing.assert_allclose(means.vectors().toarray(), means_of(TARGETS, names), atol=1e-6)
    np.testing.assert_allclose(
        means.vectors(slice(1, 3)).toarray(), means_of(TARGETS, names)[1:3], atol=1e-6
    )
    asked = [3, 0, 19]
    found = means.left_out(sparse_of(ROWS[asked]), TARGETS[asked])
    for place, row in enumerate(asked):
        others = TARGETS.copy()
        others[row] = 0
        np.testing.assert_allclose(found[place], means_of(others, names) @ ROWS[row], atol=1e-4)


def test_a_label_without_a_text_has_a_cosine_of_0():
    targets = np.zeros((20, 4))
    targets[5, 1] = 1
    means = LabelMeans(sparse_of(ROWS), sparse_of(targets), None)
    assert not means.vectors().toarray()[[0, 2, 3]].any()
    found = means.left_out(sparse_of(ROWS[[5]]), targets[[5]])
    assert abs(found).max() < 0.01  # label 1 has no other text
