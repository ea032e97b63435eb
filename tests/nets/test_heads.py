"""Heads against NumPy, token by token; what training makes of them: tests/models."""

import numpy as np
import paddle
import pytest

from textzoo.errors import UserError
from textzoo.nets.heads import Attention, BiLstmHead, MeanHead, TextCnnHead, build_head
from textzoo.nets.layer_norm import make_twice_differentiable

WIDTH = 6
HIDDEN = np.random.default_rng(0).normal(size=(3, 5, WIDTH)).astype("float32")
LENGTHS = [5, 1, 3]
HIDDEN[1, 1:] = HIDDEN[2, 3:] = 50  # what is at padding must not count


@pytest.fixture(autouse=True)
def seeded():
    paddle.seed(0)


def output_of(head, training=False):
    head.train() if training else head.eval()
    return head(paddle.to_tensor(HIDDEN), paddle.to_tensor(LENGTHS)).numpy()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_by_hand(cell, vectors):
    """The outputs of one direction, `[tokens, size]`."""
    w, u, b = (p.numpy() for p in (cell.weight_ih, cell.weight_hh, cell.bias_ih))
    state, memory, outputs = np.zeros(u.shape[1]), 0, []
    for vector in vectors:
        take, keep, new, give = np.split(w @ vector + u @ state + b, 4)
        memory = sigmoid(keep) * memory + sigmoid(take) * np.tanh(new)
        state = sigmoid(give) * np.tanh(memory)
        outputs.append(state)
    return np.array(outputs)


def bilstm_by_hand(head):
    """The outputs of both directions side by side for each text."""
    return [
        np.hstack(
            [
                lstm_by_hand(head.cells[0], text[:n]),
                lstm_by_hand(head.cells[1], text[:n][::-1])[::-1],
            ]
        )
        for text, n in zip(HIDDEN, LENGTHS)
    ]


@pytest.mark.parametrize("training", [False, True])
def test_a_bilstm_has_the_highest_outputs_of_both_directions(training):
    head = BiLstmHead(WIDTH, 4, attention=False)
    expected = [outputs.max(axis=0) for outputs in bilstm_by_hand(head)]
    np.testing.assert_allclose(output_of(head, training), expected, rtol=1e-4, atol=1e-6)


def test_with_second_derivatives_a_bilstm_gives_the_same():
    head = BiLstmHead(WIDTH, 4, attention=True)
    expected = output_of(head, training=True)
    make_twice_differentiable(paddle.nn.Sequential(head))
    np.testing.assert_allclose(output_of(head, training=True), expected, rtol=1e-4, atol=1e-6)


def test_second_derivatives_of_a_bilstm_are_refused_in_static_graph():
    head = BiLstmHead(WIDTH, 4, attention=False)
    make_twice_differentiable(paddle.nn.Sequential(head))
    paddle.enable_static()
    try:
        with pytest.raises(UserError, match="second derivatives in dynamic graph only"):
            head.forward(None, None)
    finally:
        paddle.disable_static()


def test_attention_weighs_the_outputs_of_a_bilstm():
    head = BiLstmHead(WIDTH, 4, attention=True)
    w, b = head.pool.projection.weight.numpy(), head.pool.projection.bias.numpy()
    context = head.pool.context.numpy()[:, 0]
    expected = []
    for outputs in bilstm_by_hand(head):
        weights = np.exp(np.tanh(outputs @ w + b) @ context)
        expected.append(weights @ outputs / weights.sum())
    np.testing.assert_allclose(output_of(head), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("windows", [[1], [2], [3], [2, 3, 4]])
def test_filters_respond_to_every_window_also_over_the_ends(windows):
    head = TextCnnHead(WIDTH, windows, 3)
    expected = []
    for text, n in zip(HIDDEN, LENGTHS):
        own = []
        for convolution in head.convolutions:
            filters, bias = convolution.weight.numpy(), convolution.bias.numpy()
            size = filters.shape[2]
            room = np.zeros((size, WIDTH))
            padded = np.vstack([room[: size // 2], text[:n], room])
            responses = [
                np.einsum("fws,sw->f", filters, padded[i : i + size]) + bias for i in range(n)
            ]
            own.append(np.max(responses, axis=0))
        expected.append(np.maximum(0, np.concatenate(own)))
    np.testing.assert_allclose(output_of(head), expected, rtol=1e-4, atol=1e-5)
    assert head.width == 3 * len(windows)


def test_the_mean_is_over_tokens():
    expected = [text[:n].mean(axis=0) for text, n in zip(HIDDEN, LENGTHS)]
    np.testing.assert_allclose(output_of(MeanHead(WIDTH)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "kind", "width"),
    [
        ("linear", MeanHead, WIDTH),
        ("textcnn", TextCnnHead, 2 * WIDTH),  # as many filters as the tokens are wide
        ("bilstm", BiLstmHead, 8),
        ("bilstm_attention", BiLstmHead, 8),
    ],
)
def test_a_head_of_each_name_tells_the_width_of_what_it_gives(name, kind, width):
    head = build_head(name, WIDTH, 4, [2, 3], None)
    assert isinstance(head, kind) and head.width == width
    assert output_of(head).shape == (3, width)
    assert isinstance(getattr(head, "pool", None), Attention) == (name == "bilstm_attention")
