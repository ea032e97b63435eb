"""From one vector per place of a text to one vector per text; what is padding is said here."""

from typing import Literal, cast

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from textzoo.nets.conditions import check_holds
from textzoo.nets.constants import NEVER

_LOWEST = float(np.finfo(np.float32).min)


def token_mask(lengths: paddle.Tensor, length: paddle.Tensor) -> paddle.Tensor:
    """Which places hold a token and no padding.

    Args:
        lengths: `[batch]` number of tokens of each text.
        length: of the longest one, a scalar: the axis that is padded.

    Returns:
        `[batch, length]` of bool.
    """
    return paddle.arange(length).unsqueeze(0) < lengths.unsqueeze(1)


def padding_mask(lengths: paddle.Tensor, length: paddle.Tensor) -> paddle.Tensor:
    """Which places hold padding; see `token_mask`."""
    return paddle.arange(length).unsqueeze(0) >= lengths.unsqueeze(1)


def pool(
    hidden: paddle.Tensor, lengths: paddle.Tensor, pooling: Literal["cls", "mean"]
) -> paddle.Tensor:
    """One vector per text: that of its first token, or the mean over its tokens.

    Args:
        hidden: `[batch, length, width]`.
        lengths: `[batch]` number of tokens, at least 1.
        pooling: which of the two.

    Returns:
        `[batch, width]`.
    """
    if pooling == "cls":
        return hidden[:, 0]
    weights = mean_weights(lengths, paddle.shape(hidden)[1])
    return paddle.matmul(weights.unsqueeze(1), hidden).squeeze(1)


def mean_weights(lengths: paddle.Tensor, length: paddle.Tensor) -> paddle.Tensor:
    """What each place counts in a text's mean, `[batch, length]`; see `token_mask`."""
    inside = token_mask(lengths, length).astype("float32")
    return inside / lengths.unsqueeze(1).astype("float32")


def max_over_places(values: paddle.Tensor, training: bool) -> paddle.Tensor:
    """The highest value of each feature, in training and in inference by the op that suits it.

    On a CPU the gradient of `paddle.max` takes hundreds of times as long as that of pooling; and
    pooling over a length that is not fixed has no counterpart in ONNX.

    Args:
        values: `[batch, places, features]`.
        training: whether gradients are needed.

    Returns:
        `[batch, features]`.

    Raises:
        FloatingPointError: in training, of NaN; see `_check_found`.
    """
    if not training:
        return values.max(axis=1)
    size = cast(list[int], [1, None])  # None: as many features as there are; Paddle's type lacks it
    highest = F.adaptive_max_pool2d(values.unsqueeze(1), size).squeeze([1, 2])
    _check_found(highest)
    return highest


def _check_found(highest: paddle.Tensor) -> None:
    """Stop before the gradient of a maximum that was not found.

    Among NaN and negative infinity alone, Paddle's adaptive pooling finds no place of a maximum: it
    gives the lowest number, and its gradient writes in front of the tensor's memory.

    Args:
        highest: what the pooling gave.

    Raises:
        FloatingPointError: see `check_holds`.
    """
    check_holds(highest.min() > _LOWEST)


class MaxOverTime(nn.Layer):
    """The highest value of each dimension over a text's tokens."""

    twice_differentiable = False  # see `layer_norm.make_twice_differentiable`

    def forward(self, hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """`hidden` `[batch, length, width]`, `lengths` `[batch]` -> `[batch, width]`."""
        return self.of_channels(hidden.transpose([0, 2, 1]), lengths)

    def of_channels(self, hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """The same of `[batch, width, length]`."""
        inside = token_mask(lengths, paddle.shape(hidden)[2]).astype("float32")
        hidden = hidden + NEVER * (1 - inside).unsqueeze(1)
        # The gradient of paddle.max is slow on a CPU.
        highest = F.adaptive_max_pool1d(hidden, 1)
        if self.training:
            _check_found(highest)
        if not self.twice_differentiable:
            return highest.squeeze(2)
        is_highest = (hidden == highest).astype("float32").detach()
        return (hidden * is_highest).sum(axis=2) / is_highest.sum(axis=2)
