"""The maximum over the places of a text."""

from typing import Literal

import paddle
import paddle.nn.functional as F


def max_over_places(values: paddle.Tensor, training: bool) -> paddle.Tensor:
    """The highest value of each feature, in training and in inference by the op that suits it.

    On a CPU the gradient of `paddle.max` takes hundreds of times as long as that of pooling; and
    pooling over a length that is not fixed has no counterpart in ONNX.

    Args:
        values: `[batch, places, features]`.
        training: whether gradients are needed.

    Returns:
        `[batch, features]`.
    """
    if not training:
        return values.max(axis=1)
    return F.adaptive_max_pool2d(values.unsqueeze(1), [1, None]).squeeze([1, 2])


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
    inside = paddle.arange(paddle.shape(hidden)[1]).unsqueeze(0) < lengths.unsqueeze(1)
    weights = inside.astype("float32") / lengths.unsqueeze(1).astype("float32")
    return paddle.matmul(weights.unsqueeze(1), hidden).squeeze(1)
