"""Losses of pairs of texts against the other texts of their batch."""

from typing import cast

import paddle
import paddle.nn.functional as F

from textzoo.nets.constants import NEVER


def in_batch_cross_entropy(
    queries: paddle.Tensor,
    candidates: paddle.Tensor,
    excluded: paddle.Tensor,
    *,
    scale: float = 20.0,
    margin: float = 0.0,
    symmetric: bool = False,
) -> paddle.Tensor:
    """Cross-entropy of each query's own title among all candidates of the batch.

    Also called multiple negatives ranking loss, InfoNCE, or softmax with in-batch negatives. The
    more candidates a batch has, the better it approximates the whole corpus.

    Args:
        queries: `[batch, width]` embeddings of length 1.
        candidates: `[n, width]` embeddings of length 1; the i-th is the title of query i, hard
            negatives may follow.
        excluded: `[batch, n]`, 1 where a candidate is no negative of a query, known to mean
            the same.
        scale: what cosines are multiplied by: one over the temperature.
        margin: taken off the cosine of a query and its title (additive margin softmax).
        symmetric: whether each title also ranks its query among those of the batch; for batches
            without hard negatives.

    Returns:
        The mean over the batch, a scalar.

    Relations to other losses:
        - `margin.hardest_negative_margin` looks at the nearest negative alone.
        - `losses.multilabel` is for labels in place of texts.

    References:
        Henderson et al. 2017, Efficient Natural Language Response Suggestion, section 4.4; Yang et
        al. 2019, Improving Multilingual Sentence Embedding using Bi-directional Dual Encoder with
        Additive Margin Softmax, equation 3.
    """
    cosines, own = cosines_and_own(queries, candidates)
    logits = scale * (cosines - margin * own) + NEVER * excluded
    n = paddle.shape(queries)[0]
    rows = paddle.arange(n)
    loss = F.cross_entropy(logits, rows)
    if symmetric:
        loss = (loss + F.cross_entropy(logits[:, :n].t(), rows)) / 2
    return loss


def cosines_and_own(
    queries: paddle.Tensor, candidates: paddle.Tensor
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """The cosines of queries with candidates, and where those of a query with its own title are.

    Args:
        queries: `[batch, width]` embeddings of length 1.
        candidates: `[n, width]`; the i-th is the title of query i, others follow.

    Returns:
        The cosines, and 1 for a query's own title and 0 for others, both `[batch, n]`.
    """
    cosines = paddle.matmul(queries, candidates, transpose_y=True)
    rows = paddle.arange(paddle.shape(queries)[0])
    n_candidates = cast(int, paddle.shape(candidates)[0])  # a tensor, which one_hot takes as well
    return cosines, F.one_hot(rows, n_candidates)
