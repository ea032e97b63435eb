"""The best labels of every row as a sparse matrix that SciPy can read."""

from pathlib import Path

import numpy as np

from textzoo.files import new_file


class ScoreMatrix:
    """Collects the best `n_best` labels of each row, then writes them in SciPy's `.npz` form.

    Rows that are not noted have scores of 0.

    Held in memory: 8 bytes per row and label.
    """

    def __init__(self, n_rows: int, n_labels: int, n_best: int):
        self._n_labels = n_labels
        n_best = min(n_best, n_labels)
        self._labels = np.zeros((n_rows, n_best), np.int32)
        self._scores = np.zeros((n_rows, n_best), np.float32)

    def add(self, numbers: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> None:
        """Note a batch: row numbers `[batch]`; labels and scores `[batch, n]`, best first."""
        n_best = self._labels.shape[1]
        order = np.argsort(labels[:, :n_best], axis=1)
        self._labels[numbers] = np.take_along_axis(labels[:, :n_best], order, axis=1)
        self._scores[numbers] = np.take_along_axis(scores[:, :n_best], order, axis=1)

    def save(self, path: Path) -> None:
        """Write the matrix `[rows, labels]` for `scipy.sparse.load_npz`, whole or not at all."""
        n_rows, n_best = self._labels.shape
        with new_file(path) as file:
            np.savez_compressed(
                file,
                format=b"csr",
                shape=np.array([n_rows, self._n_labels]),
                indptr=n_best * np.arange(n_rows + 1),
                indices=self._labels.ravel(),
                data=self._scores.ravel(),
            )
