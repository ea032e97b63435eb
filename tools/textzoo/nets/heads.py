"""From the vectors of a text's tokens to one vector."""

from typing import Optional, cast

import paddle
import paddle.nn.functional as F
from paddle import _C_ops, nn

from textzoo.called import program
from textzoo.errors import UserError
from textzoo.nets.constants import NEVER
from textzoo.nets.pooling import MaxOverTime, pool, token_mask


class MeanHead(nn.Layer):
    """The mean over tokens."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def forward(self, hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """`hidden` `[batch, length, width]`, `lengths` `[batch]` at least 1 -> `[batch, width]`."""
        return pool(hidden, lengths, "mean")


class BiLstmHead(nn.Layer):
    """A bidirectional LSTM, then the maximum over time (Conneau et al. 2017) or attention.

    Args:
        width: of the tokens' vectors.
        hidden_dim: of each direction.
        attention: whether tokens are weighed by attention in place of the maximum.
    """

    twice_differentiable = False

    def __init__(self, width: int, hidden_dim: int, attention: bool):
        super().__init__()
        self.cells = nn.LayerList(
            [nn.LSTMCell(width, hidden_dim, bias_hh_attr=False) for _ in range(2)]
        )
        self.width = 2 * hidden_dim
        self.pool = Attention(self.width) if attention else MaxOverTime()

    def forward(self, hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """`hidden` `[batch, length, width]`, `lengths` `[batch]` -> `[batch, 2 hidden_dim]`.

        Raises:
            UserError: second derivatives are asked for in static graph.
        """
        if not self.training:
            outputs = self._by_direction(hidden, lengths)
        elif not self.twice_differentiable:
            outputs = self._fused(hidden, lengths)
        elif paddle.in_dynamic_mode():
            # The fused kernel has no second derivative, single steps have.
            forward, backward = self._cells()
            outputs, _ = nn.BiRNN(forward, backward)(hidden, sequence_length=lengths)
        else:
            raise UserError(
                "hyper_parameters.gradient_penalty: an LSTM has second derivatives in dynamic "
                f"graph only: use {program('trainer')}, or another head"
            )
        return self.pool(outputs, lengths)

    def _fused(self, hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """The outputs of all steps by the kernel that nn.LSTM calls too.

        It takes two biases per gate. With a second one that is always 0 there is one, as in other
        libraries; nn.LSTM would not have it trained alone.
        """
        return _lstm(hidden, lengths.astype("int32"), self._cells(), self.training)

    def _by_direction(self, hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """The same, of two LSTMs that run forward, the second over each text turned round.

        In ONNX the kernel's second direction would start at the padding.
        """
        places = paddle.arange(paddle.shape(hidden)[1]).unsqueeze(0)
        inside = token_mask(lengths, paddle.shape(hidden)[1])
        turned = paddle.where(inside, lengths.unsqueeze(1) - 1 - places, places)
        turned = turned.unsqueeze(2)
        backward = paddle.take_along_axis(hidden, turned, axis=1, broadcast=True)
        forward, backward = (
            _lstm(part, None, [cell], self.training)
            for part, cell in zip((hidden, backward), self._cells())
        )
        backward = paddle.take_along_axis(backward, turned, axis=1, broadcast=True)
        return paddle.concat([forward, backward], axis=2)

    def _cells(self) -> list[nn.LSTMCell]:
        """One for each direction; to a type checker, Paddle's LayerList holds any layers."""
        return cast(list[nn.LSTMCell], list(self.cells))


def _lstm(
    hidden: paddle.Tensor,
    lengths: Optional[paddle.Tensor],
    cells: list[nn.LSTMCell],
    training: bool,
) -> paddle.Tensor:
    """An LSTM with one cell per direction: `[batch, length, width]` to `[batch, length, sizes]`."""
    weights = [w for cell in cells for w in (cell.weight_ih, cell.weight_hh)]
    for cell in cells:
        weights += [cell.bias_ih, 0 * cell.bias_ih]  # the kernel wants gradients of both
    size = cells[0].hidden_size
    state = paddle.zeros([len(cells), paddle.shape(hidden)[0], size])
    outputs = _C_ops.rnn(
        hidden.transpose([1, 0, 2]),
        [state, state],
        weights,
        cast(paddle.Tensor, lengths),  # None is taken too
        paddle.zeros([0], "uint8"),
        *(0.0, len(cells) == 2, hidden.shape[2], size, 1, "LSTM", 0, not training),
    )[0]
    return outputs.transpose([1, 0, 2])


class TextCnnHead(nn.Layer):
    """Convolutions of several window sizes, the maximum over time, ReLU (Kim 2014).

    Args:
        width: of the tokens' vectors.
        windows: tokens in a window, one size per convolution; windows reach over both ends of the
            text, so that a text of n tokens has n windows whatever their size.
        n_filters: filters per window size.
    """

    def __init__(self, width: int, windows: list[int], n_filters: int):
        super().__init__()
        self.convolutions = nn.LayerList([nn.Conv1D(width, n_filters, size) for size in windows])
        self.pool = MaxOverTime()
        self.width = len(windows) * n_filters

    def forward(self, hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """`hidden` `[batch, length, width]`, `lengths` `[batch]` -> `[batch, filters]`."""
        hidden = (hidden * _inside(hidden, lengths).unsqueeze(2)).transpose([0, 2, 1])
        highest = []
        for convolution in self.convolutions:
            # An even window has one response more than there are tokens, always beyond the text.
            padding = convolution.weight.shape[2] // 2
            responses = F.conv1d(hidden, convolution.weight, padding=padding)
            # The bias grows with its input: after the maximum it gives the same for less work.
            highest.append(self.pool.of_channels(responses, lengths) + convolution.bias)
        return F.relu(paddle.concat(highest, axis=1))


class Attention(nn.Layer):
    """Tokens weighed by their agreement with a learned vector (Yang et al. 2016, section 2.2)."""

    def __init__(self, width: int):
        super().__init__()
        self.projection = nn.Linear(width, width)
        self.context = self.create_parameter([width, 1])

    def forward(self, hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """`hidden` `[batch, length, width]`, `lengths` `[batch]` -> `[batch, width]`."""
        scores = paddle.matmul(paddle.tanh(self.projection(hidden)), self.context).squeeze(2)
        weights = F.softmax(scores + NEVER * (1 - _inside(hidden, lengths)))
        return paddle.matmul(weights.unsqueeze(1), hidden).squeeze(1)


def _inside(hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
    """1 for the tokens of `[batch, length, width]` and 0 for padding, `[batch, length]`."""
    return token_mask(lengths, paddle.shape(hidden)[1]).astype("float32")


def build_head(
    name: str, width: int, lstm_dim: int, windows: list[int], n_filters: Optional[int]
) -> nn.Layer:
    """The head of this name; its attribute `width` is that of its output."""
    if name == "linear":
        return MeanHead(width)
    if name == "textcnn":
        return TextCnnHead(width, windows, n_filters or width)
    return BiLstmHead(width, lstm_dim, attention=name == "bilstm_attention")
