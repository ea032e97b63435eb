import numpy as np
import paddle
import pytest
from paddle import nn

from textzoo.nets.layer_norm import make_twice_differentiable
from textzoo.nets.pooling import MaxOverTime, max_over_places, padding_mask, pool, token_mask

HIDDEN = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
HIDDEN[1, 2:] = 100  # what is at padding must not count
LENGTHS = [4, 2, 1]


def lengths():
    return paddle.to_tensor(LENGTHS)


def test_places_are_tokens_or_padding():
    inside = token_mask(lengths(), paddle.to_tensor(4)).numpy()
    assert inside.tolist() == [[True] * 4, [True, True, False, False], [True, False, False, False]]
    np.testing.assert_array_equal(padding_mask(lengths(), paddle.to_tensor(4)).numpy(), ~inside)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_texts_are_pooled_over_their_tokens(pooling):
    found = pool(paddle.to_tensor(HIDDEN), lengths(), pooling)
    expected = [h[0] if pooling == "cls" else h[:n].mean(axis=0) for h, n in zip(HIDDEN, LENGTHS)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_highest_of_each_feature_is_the_same_by_either_operator(training):
    found = max_over_places(paddle.to_tensor(HIDDEN), training)
    np.testing.assert_array_equal(found, HIDDEN.max(axis=1))


@pytest.mark.parametrize("twice", [False, True])
def test_the_maximum_over_time_and_its_gradient_are_those_of_the_highest_token(twice):
    net = nn.Sequential(MaxOverTime())
    if twice:
        make_twice_differentiable(net)
    hidden = paddle.to_tensor(HIDDEN, stop_gradient=False)
    found = net[0](hidden, lengths())
    expected = [h[:n].max(axis=0) for h, n in zip(HIDDEN, LENGTHS)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    found.sum().backward()
    gradient = np.zeros_like(HIDDEN)
    for row, (h, n) in enumerate(zip(HIDDEN, LENGTHS)):
        gradient[row, h[:n].argmax(axis=0), np.arange(5)] = 1
    np.testing.assert_array_equal(hidden.grad.numpy(), gradient)


def test_channels_first_is_the_same():
    turned = paddle.to_tensor(HIDDEN.transpose([0, 2, 1]))
    ours = MaxOverTime().of_channels(turned, lengths()).numpy()
    np.testing.assert_array_equal(ours, MaxOverTime()(paddle.to_tensor(HIDDEN), lengths()).numpy())


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
