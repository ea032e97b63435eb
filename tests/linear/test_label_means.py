"""Cosines with the means of labels, each row really left out."""

import numpy as np
import pytest
from scipy import sparse

from textzoo.linear.label_means import LabelMeans
from textzoo.linear.matrices import Rows

RANDOM = np.random.default_rng(7)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


ROWS, NAMES = unit(RANDOM.random((20, 9))), unit(RANDOM.random((4, 9)))
TARGETS = (RANDOM.random((20, 4)) < 0.4).astype(float)


def means_of(targets, names):
    return unit(targets.T @ ROWS + (NAMES if names else 0))


def sparse_of(array):
    return sparse.csr_matrix(array.astype(np.float32))


def rows_of(array, width):
    """The first columns as n-grams of length 1, the last `width` as embeddings beside them."""
    array = array.astype(np.float32)
    return Rows(sparse_of(unit(array[:, : 9 - width])), array[:, 9 - width :])


def joined(rows):
    return np.hstack([rows.ngrams.toarray(), rows.dense])


@pytest.mark.parametrize("width", [0, 3])
@pytest.mark.parametrize("names", [False, True])
def test_vectors_and_cosines_of_rows_left_out(monkeypatch, names, width):
    rows, of_names = rows_of(ROWS, width), rows_of(NAMES, width)
    monkeypatch.setitem(globals(), "ROWS", joined(rows))
    monkeypatch.setitem(globals(), "NAMES", joined(of_names))
    means = LabelMeans(rows, sparse_of(TARGETS), of_names if names else None)
    np.testing.assert_allclose(joined(means.vectors()), means_of(TARGETS, names), atol=1e-6)
    np.testing.assert_allclose(
        joined(means.vectors(slice(1, 3))), means_of(TARGETS, names)[1:3], atol=1e-6
    )
    asked = [3, 0, 19]
    found = means.left_out(rows.chosen(asked), TARGETS[asked])
    for place, row in enumerate(asked):
        others = TARGETS.copy()
        others[row] = 0
        np.testing.assert_allclose(found[place], means_of(others, names) @ ROWS[row], atol=1e-4)


def test_a_label_without_a_text_has_a_cosine_of_0():
    targets = np.zeros((20, 4))
    targets[5, 1] = 1
    rows = rows_of(ROWS, 0)
    means = LabelMeans(rows, sparse_of(targets), None)
    assert not joined(means.vectors())[[0, 2, 3]].any()
    found = means.left_out(rows.chosen([5]), targets[[5]])
    assert abs(found).max() < 0.01  # label 1 has no other text
