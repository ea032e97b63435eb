"""Losses that ask what is right to score higher than what is wrong, by a margin."""

import numpy as np
import paddle
import paddle.nn.functional as F

from textzoo.losses.in_batch import cosines_and_own
from textzoo.nets.constants import NEVER


def margin_ranking(
    scores: paddle.Tensor, positive_scores: paddle.Tensor, margin: float
) -> paddle.Tensor:
    """max(0, margin - score of the positive + score of a negative), of every negative.

    Args:
        scores: `[batch, negatives]` of labels that a text does not have.
        positive_scores: `[batch, 1]` of one that it has.
        margin: by which the positive is to score higher.

    Returns:
        `[batch, negatives]`; 0 where the margin is kept. Averaged, it is the loss of random
        negatives; `warp` weighs the first violation.

    References:
        Weston et al. 2014, #TagSpace, section 3.2; Collobert et al. 2011, equation 17.
    """
    return F.relu(margin - positive_scores + scores)


def warp(violations: paddle.Tensor, weights: np.ndarray) -> paddle.Tensor:
    """WARP: the first violation in the order of sampling, weighted by the rank that it implies.

    The more negatives had to be tried, the better the positive is ranked already, and the less its
    violation counts: the loss is about precision at the top.

    Args:
        violations: `[batch, samples]` of `margin_ranking`, in the order of sampling.
        weights: `[samples]` of a violation found at each try, see `warp_weights`.

    Returns:
        The mean over the batch, a scalar.

    References:
        Weston, Bengio, Usunier 2011, WSABIE, section 4; Weston et al. 2014, #TagSpace, section 3.2.
    """
    violated = (violations > 0).astype("float32")
    first = paddle.argmax(violated, axis=1, keepdim=True)
    weight = paddle.assign(weights).index_select(first.squeeze(1))
    return (weight * paddle.take_along_axis(violations, first, 1).squeeze(1)).mean()


def warp_weights(n_labels: int, n_samples: int) -> np.ndarray:
    """The weight of a violation found at each try.

    A violation at try N implies the rank r = floor((n_labels - 1) / N), which weighs
    1/1 + 1/2 + ... + 1/r, and at least 1.

    Returns:
        `[n_samples]`.
    """
    ranks = (n_labels - 1) // np.arange(1, n_samples + 1)
    harmonic = np.cumsum(1 / np.arange(1, n_labels + 1))
    return harmonic[np.maximum(ranks, 1) - 1].astype("float32")


def hardest_negative_margin(
    queries: paddle.Tensor, candidates: paddle.Tensor, excluded: paddle.Tensor, margin: float
) -> paddle.Tensor:
    """The margin loss of each query's own title against its hardest negative of the batch.

    Args:
        queries: `[batch, width]` embeddings of length 1.
        candidates: `[n, width]`; the i-th is the title of query i, hard negatives may follow.
        excluded: `[batch, n]`, 1 where a candidate is no negative of a query.
        margin: by which the title's cosine is to be higher than any negative's.

    Returns:
        The mean over the batch, a scalar.

    Relations to other losses:
        `in_batch.in_batch_cross_entropy` looks at all negatives, the hardest ones most.

    References:
        Hermans, Beyer, Leibe 2017, In Defense of the Triplet Loss, section 2 ("batch hard").
    """
    cosines, own = cosines_and_own(queries, candidates)
    positive = (cosines * own).sum(axis=1)
    hardest = (cosines + NEVER * (own + excluded)).max(axis=1)
    return F.relu(margin - positive + hardest).mean()
