"""Losses against the other texts of a batch."""

import paddle
import paddle.nn.functional as F

EXCLUDED = -1e9  # added to a cosine or logit, it is never the highest and leaves no probability


def cosines_and_own(
    queries: paddle.Tensor, candidates: paddle.Tensor
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """The cosines of queries with candidates, and where those of a query with its own title are.

    Args:
        queries: `[batch, width]` embeddings.
        candidates: `[n, width]`; the i-th is the title of query i, others follow.

    Returns:
        The cosines, and 1 for a query's own title and 0 for others, both `[batch, n]`.
    """
    cosines = paddle.matmul(queries, candidates, transpose_y=True)
    rows = paddle.arange(paddle.shape(queries)[0])
    return cosines, F.one_hot(rows, paddle.shape(candidates)[0])
