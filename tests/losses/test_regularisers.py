import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from textzoo.losses.regularisers import Perturbation, symmetric_kl
from textzoo.nets.architecture import Architecture
from textzoo.nets.encoder import Encoder
from textzoo.nets.layer_norm import LayerNorm, make_twice_differentiable
from textzoo.nets.pooling import pool

SIZES = {
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "embedding_size": 4,
    "initializer_range": 0.4,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
N_TOKENS = 10
RANDOM = np.random.default_rng(0)
TOKENS = paddle.to_tensor(RANDOM.integers(0, N_TOKENS, (3, 6)))  # tokens occur repeatedly
LENGTHS = paddle.to_tensor([6, 3, 5])
TARGETS = paddle.to_tensor(RANDOM.integers(0, 2, (3, 5)).astype("float32"))


class Tagger(nn.Layer):
    def __init__(self, **changed):
        super().__init__()
        paddle.seed(5)
        self.encoder = Encoder(Architecture(**{**SIZES, **changed}), N_TOKENS)
        self.output = nn.Linear(8, 5)
        for p in self.parameters():  # layer normalisation too is to have weights that matter
            p.set_value(p + 0.3 * paddle.randn(p.shape))

    def loss(self, vectors):
        hidden = self.encoder.transform(vectors, LENGTHS)
        logits = self.output(pool(hidden, LENGTHS, "mean"))
        return (F.softplus(logits) - TARGETS * logits).sum(axis=1).mean()

    def perturbed(self, **settings):
        perturbation = Perturbation(**settings)
        embeddings = self.encoder.word_embeddings
        return perturbation(self.loss, embeddings, TOKENS, self.parameters())

    def clean(self):
        return self.loss(self.encoder.word_embeddings(TOKENS))

    def gradients(self, loss):
        self.clear_gradients()
        loss.backward()
        return {name: p.grad.numpy() for name, p in self.named_parameters()}


def numeric(net, loss_of, name, direction, step=2e-3):
    parameter = dict(net.named_parameters())[name]
    value = parameter.numpy()
    sides = []
    for sign in (1, -1):
        parameter.set_value(value + sign * step * direction)
        sides.append(float(loss_of()))
    parameter.set_value(value)
    return (sides[0] - sides[1]) / (2 * step)


@pytest.mark.parametrize(
    "changed",
    [{}, {"share_layers": True}, {"norm_first": True}, {"hidden_act": "gelu_new"}],
)
def test_the_gradient_penalty_has_its_true_gradient(changed):
    net = Tagger(**changed)
    make_twice_differentiable(net)

    def penalised():
        return net.perturbed(gradient_penalty=2.0)

    gradients = net.gradients(penalised())
    # A direction that the gradient is large in, so that rounding does not matter.
    for name, gradient in gradients.items():
        norm = np.linalg.norm(gradient)
        if norm > 1e-3:  # the keys' bias has no influence
            expected = numeric(net, penalised, name, gradient / norm)
            assert norm == pytest.approx(expected, rel=2e-2, abs=2e-3), name


def test_the_penalty_is_half_the_squared_norm_of_the_matrix_gradient():
    net = Tagger()
    make_twice_differentiable(net)
    gradient = net.gradients(net.clean())["encoder.word_embeddings.weight"]
    expected = float(net.clean()) + 0.5 * 3.0 * (gradient**2).sum()
    assert float(net.perturbed(gradient_penalty=3.0)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("alone", [False, True])
def test_fgm_adds_the_gradients_at_the_moved_embeddings(alone):
    net = Tagger()
    clean = net.gradients(net.clean())
    received = net.perturbed(epsilon=0.7, adversarial_alone=alone)
    gradients = net.gradients(received)

    matrix = net.encoder.word_embeddings.weight
    before = matrix.numpy()
    gradient = clean["encoder.word_embeddings.weight"]
    matrix.set_value(before + 0.7 * gradient / np.linalg.norm(gradient))
    moved_loss = net.clean()
    moved = net.gradients(moved_loss)
    matrix.set_value(before)

    assert float(received) == pytest.approx(
        float(moved_loss) + (0 if alone else float(net.clean())), rel=1e-5
    )
    for name, value in gradients.items():
        expected = moved[name] if alone else moved[name] + clean[name]
        np.testing.assert_allclose(value, expected, atol=2e-5, err_msg=name)


def test_composed_layer_norm_equals_the_kernel():
    kernel, composed = LayerNorm(6), LayerNorm(6)
    composed.twice_differentiable = True
    for layer in (kernel, composed):
        layer.weight.set_value(np.arange(1.0, 7, dtype="float32"))
        layer.bias.set_value(np.arange(6, dtype="float32"))
    x = paddle.randn([3, 6])
    np.testing.assert_allclose(composed(x).numpy(), kernel(x).numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["bernoulli", "categorical"])
def test_symmetric_kl_by_its_definition(kind):
    z = RANDOM.normal(0, 2, (2, 4, 3, 5))
    if kind == "bernoulli":
        p = 1 / (1 + np.exp(-z))
        p = np.stack([p, 1 - p], axis=-1)
        activation = F.sigmoid
    else:
        p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
        activation = F.softmax
    first, second = p
    both = first * np.log(first / second) + second * np.log(second / first)
    expected = 0.5 * both.reshape(4, -1).sum(axis=1)
    logits = [paddle.to_tensor(part.astype("float32")) for part in z]
    np.testing.assert_allclose(symmetric_kl(*logits, activation).numpy(), expected, rtol=1e-4)
