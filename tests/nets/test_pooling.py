"""Maxima over places: of numbers, and where there is no number."""

import numpy as np
import paddle
import pytest

from textzoo.nets.pooling import MaxOverTime, max_over_places


def pooled(values, way):
    """The maxima over places of `[batch, places, features]`."""
    if way == "places":
        return max_over_places(values, training=True)
    return MaxOverTime()(values, paddle.full([values.shape[0]], values.shape[1], "int64"))


@pytest.mark.parametrize("way", ["places", "time"])
def test_maxima_and_their_gradients_are_those_of_numpy(way):
    random = np.random.default_rng(0)
    values = random.standard_normal((3, 7, 5)).astype("float32")
    values[0] = np.float32(-1e30)  # equal ones: the first one has the gradient
    weights = random.standard_normal((3, 5)).astype("float32")
    tensor = paddle.to_tensor(values, stop_gradient=False)
    found = pooled(tensor, way)
    (found * paddle.to_tensor(weights)).sum().backward()
    np.testing.assert_array_equal(found.numpy(), values.max(axis=1))
    expected = np.zeros_like(values)
    np.put_along_axis(expected, values.argmax(axis=1)[:, None], weights[:, None], axis=1)
    np.testing.assert_array_equal(tensor.grad.numpy(), expected)


# Paddle's gradient of the pooling would write in front of the tensor: a hang, or a crash later on.
@pytest.mark.parametrize("way", ["places", "time"])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_without_a_number_there_is_no_maximum_to_go_on_with(way, value):
    values = np.ones((3, 7, 5), "float32")
    values[0, :, 0] = value
    with pytest.raises(FloatingPointError, match="not finite"):
        pooled(paddle.to_tensor(values, stop_gradient=False), way)


@pytest.mark.parametrize("way", ["places", "time"])
def test_one_number_among_others_that_are_none_is_the_maximum(way):
    values = np.full((2, 3, 4), np.nan, "float32")
    values[:, 1] = -7
    assert (pooled(paddle.to_tensor(values), way).numpy() == -7).all()
