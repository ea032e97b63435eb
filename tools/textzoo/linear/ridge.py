"""Ridge regression of labels on the features of texts, in its dual form.

Minimises |X W - Y|² + λ|W|² for all labels at once: W = Xᵀ A, where (K + λ I) A = Y and K = X Xᵀ
(Saunders, Gammerman, Vovk: Ridge Regression Learning Algorithm in Dual Variables, ICML 1998). A row
that counts w times has λ / w in the place of λ.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Optional, Union

import numpy as np
import scipy

from textzoo.linear.matrices import Rows, SparseRows

EXACT_ROWS = 16_384  # up to so many the kernel is held: 1.1 GB
_FREQUENT = 64  # n-grams in more than a 64th of the rows are multiplied as a dense matrix
_TOLERANCE, _MOST_STEPS = 1e-2, 60  # of conjugate gradients
_LEAST = np.float32(1e-30)


def kernel(rows: Rows) -> np.ndarray:
    """The inner product of every two rows, `[rows, rows]`, in Fortran's order."""
    ngrams, n = rows.ngrams, rows.n
    is_frequent = np.bincount(ngrams.indices, minlength=ngrams.shape[1]) > n / _FREQUENT
    dense = np.concatenate([ngrams[:, is_frequent].toarray(), rows.dense], axis=1)
    products = dense @ dense.T
    rare = ngrams[:, ~is_frequent]
    columns = rare.T.tocsr()
    for start in range(0, n, 1024):
        part = (rare[start : start + 1024] @ columns).tocoo()
        products[start + part.row, part.col] += part.data
    return products.T


class ExactRidge:
    """The solution by Cholesky's decomposition of the kernel.

    Args:
        products: `[rows, rows]` the kernel, in Fortran's order; it is overwritten.
        strength: λ.
        row_weights: `[rows]` how often each row counts.

    Attributes:
        left_out_weights: `[rows]` 1 over the diagonal of (K + λ I)⁻¹. What is predicted for a row
            by a fit to all others is y - A times this (Allen's PRESS; Hastie, Tibshirani, Friedman:
            The Elements of Statistical Learning, 7.10).

    Raises:
        LinAlgError: λ is too small.
    """

    def __init__(self, products: np.ndarray, strength: float, row_weights: np.ndarray):
        n = len(products)
        products[np.diag_indices(n)] += (strength / row_weights).astype(np.float32)
        decompose, invert = scipy.linalg.get_lapack_funcs(("potrf", "potri"), dtype=np.float32)
        factor, info = decompose(products, lower=1, overwrite_a=1, clean=0)
        if info:
            raise scipy.linalg.LinAlgError(
                f"regularisation: received {strength:g}, expected more for these rows"
            )
        inverse, _ = invert(factor, lower=1, overwrite_c=1)
        self._inverse = inverse.T  # row by row, as what multiplies it reads it
        for start in range(0, n, 1024):  # the upper triangle is all that was computed
            end = start + 1024
            square = self._inverse[start:end, start:end]
            square[:] = np.triu(square) + np.triu(square, 1).T
            self._inverse[end:, start:end] = self._inverse[start:end, end:].T
        self.left_out_weights = 1 / np.diag(self._inverse)

    def __call__(self, targets: Union[np.ndarray, SparseRows]) -> np.ndarray:
        """A: `[rows, labels]` for targets `[rows, labels]`; sparse ones cost little."""
        return (targets.T @ self._inverse).T


class Products:
    """Multiplies K + λ I with many columns, on all threads, without holding K.

    Args:
        rows: the features of all rows.
        n_threads: how many there are.
    """

    def __init__(self, rows: Rows, n_threads: int):
        self._pool = ThreadPoolExecutor(n_threads)
        self._rows = _split(rows.ngrams, n_threads)
        self._ngrams = _split(rows.ngrams.T.tocsr(), n_threads)
        self._dense = rows.dense

    def weights(self, dual: np.ndarray) -> np.ndarray:
        """Xᵀ times `[rows, labels]`: `[features, labels]`, those of embeddings at the end."""
        return self._times(self._ngrams, dual, [self._dense.T @ dual] * self._has_dense)

    def __call__(self, dual: np.ndarray) -> np.ndarray:
        """K times `[rows, labels]`."""
        weights = self.weights(dual)
        if not self._has_dense:
            return self._times(self._rows, weights)
        n_ngrams = len(weights) - self._dense.shape[1]
        products = self._times(self._rows, weights[:n_ngrams])
        products += self._dense @ weights[n_ngrams:]
        return products

    @property
    def _has_dense(self) -> bool:
        return self._dense.shape[1] > 0

    def _times(
        self, parts: list[SparseRows], columns: np.ndarray, more: Sequence[np.ndarray] = ()
    ) -> np.ndarray:
        return np.concatenate([*self._pool.map(lambda part: part @ columns, parts), *more])


def conjugate_gradients(
    products: Products,
    strength: float,
    row_weights: np.ndarray,
    targets: np.ndarray,
    near: Optional[np.ndarray] = None,
) -> np.ndarray:
    """A by conjugate gradients, each label for itself.

    Golub, Van Loan: Matrix Computations, 11.3.

    Args:
        products: with K.
        strength: λ.
        row_weights: `[rows]` how often each row counts; one that counts 0 times has a 0 in A.
        targets: `[rows, labels]`.
        near: `[rows, labels]` what to start from.

    Returns:
        `[rows, labels]`.
    """
    counts = row_weights > 0
    ridge = (strength / np.where(counts, row_weights, 1)).astype(np.float32)[:, None]
    counts = counts[:, None]
    residual = targets * counts
    enough = _TOLERANCE**2 * np.maximum(np.einsum("nl,nl->l", residual, residual), _LEAST)
    dual = np.zeros_like(residual)
    if near is not None:
        dual += counts * near
        residual -= counts * (products(dual) + ridge * dual)
    direction = residual.copy()
    squares = np.einsum("nl,nl->l", residual, residual)
    for _ in range(_MOST_STEPS):
        if (squares <= enough).all():
            break
        moved = counts * (products(direction) + ridge * direction)
        steps = squares / np.maximum(np.einsum("nl,nl->l", direction, moved), _LEAST)
        dual += steps * direction
        residual -= steps * moved
        before, squares = squares, np.einsum("nl,nl->l", residual, residual)
        direction *= squares / np.maximum(before, _LEAST)
        direction += residual
    return dual


def _split(rows: SparseRows, n: int) -> list[SparseRows]:
    """The rows in n parts of about as many numbers each."""
    cuts = np.searchsorted(rows.indptr, np.linspace(0, rows.nnz, n + 1)[1:-1])
    ends = [0, *cuts.tolist(), rows.shape[0]]
    return [rows[start:end] for start, end in zip(ends, ends[1:])]
