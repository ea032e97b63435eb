import numpy as np
import paddle
import pytest
from paddle import nn

from textzoo.nets.layer_norm import LayerNorm, make_twice_differentiable


@pytest.mark.parametrize("affine", [True, False])
def test_both_ways_normalise_by_mean_and_variance(affine):
    given = None if affine else False
    norm = LayerNorm(6, epsilon=1e-3, weight_attr=given, bias_attr=given)
    random = np.random.default_rng(0)
    vectors = random.normal(3, 2, (4, 6)).astype("float32")
    weight, bias = np.ones(6), np.zeros(6)
    if affine:
        weight, bias = random.normal(size=(2, 6)).astype("float32")
        norm.weight.set_value(weight)
        norm.bias.set_value(bias)
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-3) * weight + bias
    for twice in (False, True):
        norm.twice_differentiable = twice
        np.testing.assert_allclose(norm(paddle.to_tensor(vectors)), expected, rtol=1e-4, atol=1e-5)


def test_the_second_derivative_counts_mean_and_variance():
    """That of x0 / sqrt(x0^2 + x1^2) up to a factor: by differences of the first one."""
    norm = LayerNorm(3, epsilon=1e-2)
    make_twice_differentiable(nn.Sequential(norm))

    def first_derivative(x):
        point = paddle.to_tensor(x, stop_gradient=False)
        value = (norm(point) ** 3).sum()
        (gradient,) = paddle.grad(value, point, create_graph=True)
        return point, gradient

    x, step = np.array([[0.3, -1.2, 0.7]], "float32"), 1e-2
    point, gradient = first_derivative(x)
    (second,) = paddle.grad(gradient[0, 0], point)
    for place in range(3):
        moved = np.eye(3, dtype="float32")[place] * step
        up, down = (first_derivative(x + sign * moved)[1].numpy()[0, 0] for sign in (1, -1))
        assert second.numpy()[0, place] == pytest.approx((up - down) / (2 * step), abs=2e-2)


def test_every_layer_that_offers_second_derivatives_is_told():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(LayerNorm(2)), LayerNorm(2))
    make_twice_differentiable(net)
    assert net[1][0].twice_differentiable and net[2].twice_differentiable
    assert not LayerNorm.twice_differentiable and not hasattr(net[0], "twice_differentiable")
