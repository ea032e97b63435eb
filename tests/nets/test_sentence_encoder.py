import numpy as np
import paddle
import pytest

from textzoo.config.schema import EncoderSettings
from textzoo.nets.sentence_encoder import SentenceEncoder

SIZES = {
    **{"config": "tiny", "num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2},
    "intermediate_size": 8,
}
TOKENS = np.array([[3, 1, 4, 1], [5, 9, 0, 0]])
LENGTHS = np.array([4, 2])


def make(pooling="mean", width=None):
    paddle.seed(0)
    net = SentenceEncoder(10, 6, EncoderSettings(**SIZES), pooling, width)
    net.eval()
    return net


def embed(net, tokens=TOKENS, lengths=LENGTHS):
    return net(paddle.to_tensor(tokens), paddle.to_tensor(lengths)).numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("width", [None, 3])
def test_an_embedding_is_the_pooled_and_projected_vector_of_length_one(pooling, width):
    net = make(pooling, width)
    hidden = net.encoder(paddle.to_tensor(TOKENS), paddle.to_tensor(LENGTHS)).numpy()
    pooled = [h[0] if pooling == "cls" else h[:n].mean(axis=0) for h, n in zip(hidden, LENGTHS)]
    vectors = np.array(pooled)
    if width:
        vectors = vectors @ net.projection.weight.numpy() + net.projection.bias.numpy()
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(embed(net), expected, rtol=1e-4, atol=1e-6)


def test_an_embedding_does_not_depend_on_padding():
    net = make()
    alone = embed(net, TOKENS[1:, :2], LENGTHS[1:])
    np.testing.assert_allclose(embed(net)[1:], alone, rtol=1e-4, atol=1e-6)


def test_a_net_that_would_learn_nothing_is_refused():
    frozen = EncoderSettings(**SIZES, freeze_layers=SIZES["num_hidden_layers"])
    with pytest.raises(ValueError, match="leaves nothing to learn"):
        SentenceEncoder(10, 6, frozen, "mean", None)
    SentenceEncoder(10, 6, frozen, "mean", 3)  # the projection learns
