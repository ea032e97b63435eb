"""Labels by the mean of their texts (Rocchio 1971), in cosines.

The vector of a label is the sum of the features of its texts and of those of its name, scaled
to length 1.
"""

from typing import Optional

import numpy as np

from textzoo.linear.matrices import SparseRows


class LabelMeans:
    """The vectors of labels.

    Args:
        rows: `[rows, features]` of length 1.
        targets: `[rows, labels]` 1 where a row has a label.
        names: `[labels, features]` of the labels' names; None: they do not count.
    """

    def __init__(
        self,
        rows: SparseRows,
        targets: SparseRows,
        names: Optional[SparseRows],
    ):
        sums = targets.T.tocsr() @ rows
        if names is not None:
            sums = sums + names
        self._sums = sums.tocsr()
        self._squares = np.asarray(sums.multiply(sums).sum(axis=1)).ravel()

    def vectors(self, labels: slice = slice(None)) -> SparseRows:
        """The vectors of some labels, `[labels, features]`."""
        sums = self._sums[labels]
        scale = 1 / np.sqrt(np.maximum(self._squares[labels], 1e-12))
        sums.data *= np.repeat(scale, np.diff(sums.indptr)).astype(np.float32)
        return sums

    def left_out(self, rows: SparseRows, targets: np.ndarray) -> np.ndarray:
        """The cosine of each of some rows with every label's vector without that row.

        Args:
            rows: `[rows, features]` some of those that were given.
            targets: `[rows, labels]` theirs.
        """
        products = (rows @ self._sums.T).toarray()
        squares = self._squares - targets * (2 * products - 1)
        return (products - targets) / np.sqrt(np.maximum(squares, 1e-6))
