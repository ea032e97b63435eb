"""Embeddings of very many ids, of which a batch looks up few."""

from typing import Any, NamedTuple, Optional

import numpy as np
import paddle
import paddle.nn.functional as F
import scipy
from paddle import nn
from paddle.autograd import PyLayer

from textzoo.errors import UserError


class Table(nn.Embedding):
    """An `nn.Embedding` that can be trained without gradients of the rows that are not in use.

    See `running.lazy_tables`, which names these rows; until then it is like any other.
    """

    _in_use: Optional["_Rows"] = None

    @property
    def is_sparse(self) -> bool:
        """Whether its gradients are Paddle's sparse ones."""
        return self._sparse

    def use_rows(self, ids: np.ndarray, rows: paddle.Tensor) -> None:
        """Look ids up in these rows from now on, so that gradients are theirs.

        Args:
            ids: `[n]` those that will be looked up, each once.
            rows: `[n, width]` their embeddings.
        """
        places = np.full(self.weight.shape[0], -1, np.int32)
        places[ids] = np.arange(len(ids), dtype=np.int32)
        self._in_use = _Rows(rows, places)

    def use_all(self) -> None:
        """Look ids up in the whole weight again."""
        self._in_use = None

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """The embeddings `[*shape, width]` of ids of any shape."""
        if self._in_use is None:
            return super().forward(x)
        rows, places = self._in_use
        return F.embedding(paddle.to_tensor(_found(places, x.numpy())), rows)

    def weighted_sums(self, ids: paddle.Tensor, weights: paddle.Tensor) -> paddle.Tensor:
        """For each text the sum of its ids' embeddings, each times its weight.

        Args:
            ids: `[batch, length]`; any id at padding.
            weights: `[batch, length]`, 0 at padding; without gradients.

        Returns:
            `[batch, width]`.
        """
        if self._in_use is None:
            return paddle.matmul(weights.unsqueeze(1), self(ids)).squeeze(1)
        (rows, places), values = self._in_use, weights.numpy()
        counts = np.concatenate([[0], np.cumsum(np.count_nonzero(values, axis=1))])
        is_used = values != 0
        used = values[is_used], _found(places, ids.numpy()[is_used]), counts
        matrix = scipy.sparse.csr_matrix(used, (len(values), len(rows)))
        return _SparseProduct.apply(rows, matrix)


class _Rows(NamedTuple):
    rows: paddle.Tensor  # [n, width]
    places: np.ndarray  # [all ids]: where among the rows each is; -1: it is not there


def _found(places: np.ndarray, ids: np.ndarray) -> np.ndarray:
    found = places[ids]
    if (found < 0).any():
        raise UserError(
            f"a net looks up id {ids[found < 0][0]} in a table, but none of the feeds that "
            "Model.tables names for it has this id; see textzoo.running.model.Model"
        )
    return found


class _SparseProduct(PyLayer):
    """A sparse matrix `[batch, n]` times rows `[n, width]`.

    No vector of a single token exists, as it would in a sum over looked-up embeddings.
    """

    @staticmethod
    def forward(ctx: Any, rows: paddle.Tensor, matrix: Any) -> paddle.Tensor:
        ctx.matrix = matrix
        return paddle.to_tensor(matrix @ rows.numpy())

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:  # pyright: ignore
        return paddle.to_tensor(ctx.matrix.T @ gradient.numpy())
