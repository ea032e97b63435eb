"""The tokens of a batch without padding, as rows of one matrix."""

import paddle


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
        shape = paddle.shape(is_padding)
        self._length = shape[1]
        is_token = paddle.logical_not(is_padding).flatten()
        self._places = paddle.nonzero(is_token).flatten()
        # Padding gets the vector of the token before it, which has no influence there.
        self._rows = paddle.cumsum(is_token.astype("int64")) - 1
        parts = paddle.arange(3 * n_heads, dtype="int64")
        first = self._rows.reshape(shape).unsqueeze(1) * (3 * n_heads)
        self._heads = (first + parts.unsqueeze([0, 2])).flatten()
        length = self._length.astype("int64")
        text, place = self._places // length, self._places % length
        first = text * (n_heads * length) + place
        self._of_heads = (first.unsqueeze(1) + parts[:n_heads] * length).flatten()

    def packed(self, padded: paddle.Tensor) -> paddle.Tensor:
        """`[batch, length, width]` to `[tokens, width]`."""
        return paddle.gather(padded.reshape([-1, padded.shape[-1]]), self._places)

    def padded(self, packed: paddle.Tensor) -> paddle.Tensor:
        """`[tokens, width]` to `[batch, length, width]`."""
        width = packed.shape[-1]
        return paddle.gather(packed, self._rows).reshape([-1, self._length, width])

    def heads(self, packed: paddle.Tensor) -> paddle.Tensor:
        """`[tokens, 3 * width]` to `[batch, 3 * heads, length, width / heads]`."""
        n, size = 3 * self._n_heads, packed.shape[-1] // (3 * self._n_heads)
        rows = paddle.gather(packed.reshape([-1, size]), self._heads)
        return rows.reshape([-1, n, self._length, size])

    def of_heads(self, mixed: paddle.Tensor) -> paddle.Tensor:
        """`[batch, heads, length, width / heads]` to `[tokens, width]`."""
        size = mixed.shape[-1]
        rows = paddle.gather(mixed.reshape([-1, size]), self._of_heads)
        return rows.reshape([-1, self._n_heads * size])
