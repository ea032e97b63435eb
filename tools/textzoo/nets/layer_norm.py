"""Layer normalisation that can be differentiated twice."""

import paddle
from paddle import nn


class LayerNorm(nn.LayerNorm):
    """Layer normalisation that can be differentiated twice, if `twice_differentiable` is set.

    Paddle 3.3.1 takes the second derivative of its own kernel and leaves out, without a word, how
    mean and variance depend on the input.
    """

    twice_differentiable = False

    def forward(self, input: paddle.Tensor) -> paddle.Tensor:
        """Normalise the last axis."""
        if not self.twice_differentiable:
            return super().forward(input)
        centred = input - input.mean(axis=-1, keepdim=True)
        variance = (centred * centred).mean(axis=-1, keepdim=True)
        normalised = centred * paddle.rsqrt(variance + self._epsilon)
        if self.weight is not None:
            normalised = normalised * self.weight
        return normalised if self.bias is None else normalised + self.bias


def make_twice_differentiable(net: nn.Layer) -> None:
    """Have every layer of a net that offers it compute by operators with second derivatives."""
    for layer in net.sublayers():
        if hasattr(layer, "twice_differentiable"):
            layer.twice_differentiable = True
