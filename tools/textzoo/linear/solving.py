"""Training rows, and what solves the ridge for them: exactly or step by step."""

import logging
from typing import NamedTuple, Optional, Union

import numpy as np
import scipy

from textzoo.linear.label_means import LabelMeans
from textzoo.linear.matrices import Rows, SparseRows
from textzoo.linear.ridge import (
    EXACT_ROWS,
    ExactRidge,
    Products,
    conjugate_gradients,
    kernel,
)

log = logging.getLogger("textzoo")

STEP_COST = 80.0  # multiplications of conjugate gradients for a number of a row and a label
FOLDS = 5
_DENSE_SPEED = 60.0  # multiplications of a dense matrix in the time of one of a sparse matrix
_MOST_PRODUCTS = 5e12  # beyond, labels have their means alone


class TrainingRows(NamedTuple):
    """What is fitted to: rows, and behind them names of labels, if they count.

    Attributes:
        features: of the rows.
        targets: `[rows, labels]`.
        names: the features of the names.
        name_weight: how often a name counts; 0: not at all.
        row_weights: `[rows]` how often each row counts.
    """

    features: Rows
    targets: SparseRows
    names: Rows
    name_weight: float
    row_weights: np.ndarray

    def weighted(self, weight: float) -> "TrainingRows":
        """The same with embeddings times a weight."""
        features, names = self.features.weighted(weight), self.names.weighted(weight)
        return self._replace(features=features, names=names)

    def sample(self, rows: np.ndarray) -> "TrainingRows":
        """The same of some rows and the labels that they have."""
        targets = self.targets[rows]
        labels = np.unique(targets.indices)
        return TrainingRows(
            self.features.chosen(rows),
            targets[:, labels],
            self.names.chosen(labels),
            self.name_weight,
            self.row_weights[rows],
        )

    def with_names(self) -> tuple[Rows, SparseRows, np.ndarray]:
        """Features, targets, and how often each counts, the names behind the rows."""
        if not self.name_weight:
            return self.features, self.targets, self.row_weights
        n_labels = self.targets.shape[1]
        features = self.features.followed_by(self.names)
        own = scipy.sparse.identity(n_labels, "float32", format="csr")
        targets = scipy.sparse.vstack([self.targets, own], format="csr")
        of_names = np.full(n_labels, self.name_weight, np.float32)
        return features, targets, np.append(self.row_weights, of_names)

    def means(self) -> LabelMeans:
        """The vectors of labels, of the names too if they count."""
        return LabelMeans(self.features, self.targets, self.names if self.name_weight else None)


class Exact:
    """The ridge by the decomposed kernel.

    Args:
        products: `[rows, rows]` the kernel, in Fortran's order; it is overwritten.
        row_weights: `[rows]` how often each row counts.
        strength: of the ridge.
        asked: `[asked]` the rows that are to be left out.
    """

    def __init__(
        self, products: np.ndarray, row_weights: np.ndarray, strength: float, asked: np.ndarray
    ):
        self._solver = ExactRidge(products, strength, row_weights)
        self._asked = asked

    def solve(self, targets: SparseRows) -> tuple[np.ndarray, np.ndarray]:
        """The duals `[rows, labels]`, see `ridge`, and the scores `[asked, labels]`."""
        dual = self._solver(targets)
        weights = self._solver.left_out_weights[self._asked, None]
        return dual, targets.tocsr()[self._asked].toarray() - dual[self._asked] * weights

    def left_out(self, targets: SparseRows) -> np.ndarray:
        """The scores `[asked, labels]` of rows when they are left out."""
        return self.solve(targets)[1]


class Iterative:
    """The same by conjugate gradients: rows are left out fold by fold."""

    def __init__(self, data: TrainingRows, strength: float, asked: np.ndarray, n_threads: int):
        self._features, _, self._row_weights = data.with_names()
        self._products = Products(self._features, n_threads)
        self._strength, self._asked = strength, asked
        n_folds = 1 if len(asked) <= data.features.n // FOLDS else FOLDS
        self._folds = [np.arange(len(asked))[k::n_folds] for k in range(n_folds)]

    def solve(self, targets: SparseRows) -> tuple[np.ndarray, np.ndarray]:
        """See `Exact.solve`."""
        scores, near = self._by_folds(targets)
        return self._dual(targets.toarray(), self._row_weights, near), scores

    def left_out(self, targets: SparseRows) -> np.ndarray:
        """See `Exact.left_out`."""
        return self._by_folds(targets)[0]

    def _by_folds(self, targets: SparseRows) -> tuple[np.ndarray, Optional[np.ndarray]]:
        """The scores of rows left out, and the duals without the last of them."""
        targets, dual = targets.toarray(), None
        scores = np.zeros((len(self._asked), targets.shape[1]), np.float32)
        for fold in filter(len, self._folds):
            rows = self._asked[fold]
            weights = self._row_weights.copy()
            weights[rows] = 0
            dual = self._dual(targets, weights)
            scores[fold] = self._features.chosen(rows).times(self._products.weights(dual))
        return scores, dual

    def _dual(
        self, targets: np.ndarray, row_weights: np.ndarray, near: Optional[np.ndarray] = None
    ) -> np.ndarray:
        return conjugate_gradients(self._products, self._strength, row_weights, targets, near)


def takes_too_long(data: TrainingRows, asked: np.ndarray) -> bool:
    """Whether the ridge does, which is then logged; the arguments are those of `solver_of`."""
    if min(_costs(data, asked)) <= _MOST_PRODUCTS:
        return False
    n_rows, n_labels = data.targets.shape
    log.info(
        "linear: %d labels of %d rows take too long to solve for: each is scored by the mean of "
        "its texts alone",
        *(n_labels, n_rows),
    )
    return True


def solver_of(
    data: TrainingRows, strength: float, asked: np.ndarray, n_threads: int
) -> Union[Exact, Iterative]:
    """What solves the ridge soonest, with rows left out exactly if it can.

    Args:
        data: what is fitted to.
        strength: of the ridge.
        asked: `[asked]` the rows that are to be left out.
        n_threads: how many there are.
    """
    exact, iterative = _costs(data, asked)
    if exact < iterative:
        features, _, row_weights = data.with_names()
        return Exact(kernel(features), row_weights, strength, asked)
    return Iterative(data, strength, asked, n_threads)


def n_numbers(rows: Rows) -> float:
    """How many numbers of a sparse matrix take as long to multiply with."""
    return rows.ngrams.nnz + rows.dense.size / _DENSE_SPEED


def _costs(data: TrainingRows, asked: np.ndarray) -> tuple[float, float]:
    """Multiplications of sparse matrices that take as long as each way; infinite: it is not taken.

    Rows are left out exactly where the kernel is small enough.
    """
    features, targets, _ = data.with_names()
    n_rows, products = features.n, n_numbers(features) * targets.shape[1]
    exact = float(n_rows) ** 3 / _DENSE_SPEED + products
    if n_rows > EXACT_ROWS:
        return np.inf, STEP_COST * products
    return exact, np.inf if len(asked) else STEP_COST * products
