"""The tokens of a batch without padding, as rows of one matrix."""

import paddle
import paddle.nn.functional as F


class Packing:
    """Where the tokens of a batch of texts are, and how to move them.

    Rows are moved by look-ups, whose gradients are additions of rows: on a CPU several times as
    fast as to transpose axes.

    Args:
        is_padding: `[batch, length]` of bool; the first place of a text holds a token.
        n_heads: of attention.
    """

    def __init__(self, is_padding: paddle.Tensor, n_heads: int):
        self._n_heads = n_heads
        length = paddle.shape(is_padding)[1].astype("int64")
        is_token = paddle.logical_not(is_padding)
        self._places = paddle.nonzero(is_token.flatten()).flatten()
        # Padding gets the vector of the token before it, which has no influence there.
        rows = paddle.cumsum(is_token.flatten().astype("int64")) - 1
        self._rows = rows.reshape(paddle.shape(is_token))
        parts = paddle.arange(3 * n_heads, dtype="int64")
        self._heads = (self._rows * (3 * n_heads)).unsqueeze(1) + parts.unsqueeze([0, 2])
        text = self._places // length
        first = text * (n_heads * length) + self._places % length
        self._of_heads = first.unsqueeze(1) + parts[:n_heads].unsqueeze(0) * length

    def packed(self, padded: paddle.Tensor) -> paddle.Tensor:
        """`[batch, length, width]` to `[tokens, width]`."""
        return F.embedding(self._places, padded.flatten(0, 1))

    def padded(self, packed: paddle.Tensor) -> paddle.Tensor:
        """`[tokens, width]` to `[batch, length, width]`."""
        return F.embedding(self._rows, packed)

    def heads(self, packed: paddle.Tensor) -> paddle.Tensor:
        """`[tokens, 3 * width]` to `[batch, 3 * heads, length, width / heads]`."""
        size = packed.shape[-1] // (3 * self._n_heads)
        return F.embedding(self._heads, packed.reshape([-1, size]))

    def of_heads(self, mixed: paddle.Tensor) -> paddle.Tensor:
        """`[batch, heads, length, width / heads]` to `[tokens, width]`."""
        size = mixed.shape[-1]
        rows = F.embedding(self._of_heads, mixed.reshape([-1, size]))
        return rows.reshape([-1, self._n_heads * size])
