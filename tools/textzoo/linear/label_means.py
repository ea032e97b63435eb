"""Labels by the mean of their texts (Rocchio 1971), in cosines.

The vector of a label is the sum of the features of its texts and of those of its name, scaled
to length 1.
"""

from typing import Optional

import numpy as np

from textzoo.linear.matrices import Rows, SparseRows


class LabelMeans:
    """The vectors of labels.

    Args:
        rows: the features of all rows.
        targets: `[rows, labels]` 1 where a row has a label.
        names: those of the labels' names; None: they do not count.
    """

    def __init__(self, rows: Rows, targets: SparseRows, names: Optional[Rows]):
        by_label = targets.T.tocsr()
        sums, self._dense = by_label @ rows.ngrams, by_label @ rows.dense
        if names is not None:
            sums, self._dense = sums + names.ngrams, self._dense + names.dense
        self._sums = sums.tocsr()
        self._squares = np.asarray(sums.multiply(sums).sum(axis=1)).ravel()
        self._squares += np.einsum("ld,ld->l", self._dense, self._dense)

    def vectors(self, labels: slice = slice(None)) -> Rows:
        """The vectors of some labels."""
        sums = self._sums[labels]
        scale = (1 / np.sqrt(np.maximum(self._squares[labels], 1e-12))).astype(np.float32)
        sums.data *= np.repeat(scale, np.diff(sums.indptr))
        return Rows(sums, self._dense[labels] * scale[:, None])

    def left_out(self, rows: Rows, targets: np.ndarray) -> np.ndarray:
        """The product of each of some rows with every label's vector without that row.

        Args:
            rows: some of those that were given.
            targets: `[rows, labels]` theirs.
        """
        products = (rows.ngrams @ self._sums.T).toarray() + rows.dense @ self._dense.T
        own = 1 + np.einsum("nd,nd->n", rows.dense, rows.dense)[:, None]  # the rows' squares
        squares = self._squares - targets * (2 * products - own)
        return (products - targets * own) / np.sqrt(np.maximum(squares, 1e-6))
