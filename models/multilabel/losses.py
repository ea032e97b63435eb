"""Losses of a text over all its labels, each `[batch]`, twice differentiable."""

from typing import Optional

import paddle
import paddle.nn.functional as F

_NEVER = 1e9  # taken off a logit, it leaves nothing of its exponential


def bce(
    logits: paddle.Tensor,
    targets: paddle.Tensor,
    positive_weight: Optional[paddle.Tensor] = None,
    focal_gamma: float = 0.0,
) -> paddle.Tensor:
    """Binary cross-entropy, summed over labels.

    Args:
        logits: `[batch, labels]`.
        targets: `[batch, labels]`, 1 for labels that the text has and 0 for others.
        positive_weight: `[labels]` factor of the losses of labels that the text has.
        focal_gamma: losses are multiplied by (1 - probability of the truth) to this power (Lin et
            al. 2017, "Focal Loss", equation 4).
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

    Su et al. 2022, "ZLPR", equation 4. A label is predicted if its logit is above 0. Arguments as
    for `bce`; a weight is a factor of its label's exponential.
    """
    own = -logits
    if positive_weight is not None:
        own = own + paddle.log(positive_weight)
    others = logits - _NEVER * targets
    own = own - _NEVER * (1 - targets)
    return _log_one_plus_sum(others) + _log_one_plus_sum(own)


def softmax(
    logits: paddle.Tensor, targets: paddle.Tensor, focal_gamma: float = 0.0
) -> paddle.Tensor:
    """Cross-entropy of a softmax per label, summed over labels.

    Args:
        logits: `[batch, labels, levels]`.
        targets: `[batch, labels, levels]`, 1 for the level that a label has.
        focal_gamma: as for `bce`.
    """
    log_of_sum = _log_sum_exp(logits, logits.max(axis=-1, keepdim=True))
    losses = log_of_sum - (targets * logits).sum(axis=-1)
    if focal_gamma:
        losses = losses * (1 - paddle.exp(-losses)) ** focal_gamma
    return losses.sum(axis=1)


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
