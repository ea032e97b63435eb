"""Losses of a text over all its labels.

Those with dense targets are twice differentiable; those whose name begins with `sparse` are for
very many labels, of which a text has few.
"""

from typing import Optional

import paddle
import paddle.nn.functional as F

from textzoo.nets.constants import NEVER


def bce(
    logits: paddle.Tensor,
    targets: paddle.Tensor,
    positive_weight: Optional[paddle.Tensor] = None,
    focal_gamma: float = 0.0,
) -> paddle.Tensor:
    """Binary cross-entropy: every label is decided by itself.

    Args:
        logits: `[batch, labels]`.
        targets: `[batch, labels]`, 1 for labels that the text has and 0 for others.
        positive_weight: `[labels]` factor of the losses of labels that the text has.
        focal_gamma: losses are multiplied by (1 - probability of the truth) to this power (Lin et
            al. 2017, "Focal Loss", equation 4).

    Returns:
        `[batch]`, summed over labels.

    Relations to other losses:
        `multilabel_softmax` compares labels with one another, which helps where there are many and
        few are right; `sparse_bce` is the same for very many labels.
    """
    positive, negative = F.softplus(-logits), F.softplus(logits)
    if focal_gamma:
        # 1 - p = exp(-softplus(logit)), p = exp(-softplus(-logit))
        positive, negative = (
            positive * paddle.exp(-focal_gamma * negative),
            negative * paddle.exp(-focal_gamma * positive),
        )
    if positive_weight is not None:
        positive = positive * positive_weight
    return (targets * positive + (1 - targets) * negative).sum(axis=1)


def multilabel_softmax(
    logits: paddle.Tensor, targets: paddle.Tensor, positive_weight: Optional[paddle.Tensor] = None
) -> paddle.Tensor:
    """log(1 + sum of exp(logit) over other labels) + log(1 + sum of exp(-logit) over own labels).

    Every own label is to score above 0, and 0 above every other one: a label is predicted if its
    logit is above 0. Arguments as for `bce`; a weight is a factor of its label's exponential.

    Returns:
        `[batch]`.

    References:
        Su et al. 2022, ZLPR: A Novel Loss for Multi-label Classification, equation 4.
    """
    own = -logits
    if positive_weight is not None:
        own = own + paddle.log(positive_weight)
    others = logits + NEVER * targets
    own = own + NEVER * (1 - targets)
    return _log_one_plus_sum(others) + _log_one_plus_sum(own)


def softmax(
    logits: paddle.Tensor, targets: paddle.Tensor, focal_gamma: float = 0.0
) -> paddle.Tensor:
    """Cross-entropy of a softmax over the levels of each label.

    Args:
        logits: `[batch, labels, levels]`.
        targets: `[batch, labels, levels]`, 1 for the level that a label has.
        focal_gamma: as for `bce`.

    Returns:
        `[batch]`, summed over labels.
    """
    log_of_sum = _log_sum_exp(logits, logits.max(axis=-1, keepdim=True))
    losses = log_of_sum - (targets * logits).sum(axis=-1)
    if focal_gamma:
        losses = losses * (1 - paddle.exp(-losses)) ** focal_gamma
    return losses.sum(axis=1)


def sparse_bce(
    logits: paddle.Tensor,
    positives: paddle.Tensor,
    is_own: paddle.Tensor,
    weights: Optional[paddle.Tensor] = None,
) -> paddle.Tensor:
    """Binary cross-entropy of few labels out of very many, whose targets are never written out.

    -log sigmoid(z) = softplus(z) - z: the sum over labels of softplus, less the own labels' logits.

    Args:
        logits: `[batch, labels]`, of all labels or of a sample of them.
        positives: `[batch, most]` places of the own labels among these; any place at padding.
        is_own: `[batch, most]` false at padding.
        weights: `[labels]` how many labels each stands for, in a sample.

    Returns:
        The mean over the batch of the sum over labels, a scalar.

    References:
        Liu et al. 2017, Deep Learning for Extreme Multi-label Text Classification, equation 3.
    """
    own = paddle.take_along_axis(logits, positives, axis=1)
    losses = F.softplus(logits)
    if weights is not None:
        losses = losses * weights
    own = own * is_own.astype("float32")
    return losses.sum(axis=1).mean() - own.sum(axis=1).mean()


def sparse_multilabel_softmax(
    logits: paddle.Tensor, positives: paddle.Tensor, is_own: paddle.Tensor
) -> paddle.Tensor:
    """`multilabel_softmax` of few labels out of very many.

    Arguments are as for `sparse_bce`, but padding repeats an own label: every text has one.

    Returns:
        The mean over the batch, a scalar.
    """
    own = paddle.take_along_axis(logits, positives, axis=1)
    never = paddle.full_like(own, NEVER)
    others = paddle.put_along_axis(logits, positives, never, axis=1)
    own = paddle.where(is_own, -own, never)
    zero = paddle.zeros_like(own[:, :1])
    losses = [
        paddle.logsumexp(paddle.concat([zero, part], axis=1), axis=1) for part in (others, own)
    ]
    return (losses[0] + losses[1]).mean()


def _log_one_plus_sum(exponents: paddle.Tensor) -> paddle.Tensor:
    """log(1 + sum of exp) over the last axis."""
    highest = F.relu(exponents.max(axis=-1, keepdim=True))
    highest.stop_gradient = True
    total = paddle.exp(-highest).squeeze(-1) + paddle.exp(exponents - highest).sum(axis=-1)
    return paddle.log(total) + highest.squeeze(-1)


def _log_sum_exp(exponents: paddle.Tensor, highest: paddle.Tensor) -> paddle.Tensor:
    """The log of the sum of exp over the last axis, from the highest of them."""
    highest = highest.detach()
    return paddle.log(paddle.exp(exponents - highest).sum(axis=-1)) + highest.squeeze(-1)
