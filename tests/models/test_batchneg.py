"""The net of batchneg against NumPy; runs of it: test_models.py."""

import numpy as np
import paddle
import pytest
from conftest import ROOT
from harness.pair_nets import loss_of, make_net, mask, vectors

from textzoo.config.model_folder import load_model_folder


@pytest.fixture(scope="module")
def batchneg():
    return load_model_folder(ROOT / "models" / "batchneg")


def numpy_softmax_loss(queries, candidates, excluded, margin, scale):
    total = 0.0
    for i, query in enumerate(queries):
        logits = {
            j: scale * (query @ candidate - margin * (i == j))
            for j, candidate in enumerate(candidates)
            if not excluded[i, j]
        }
        total += np.log(sum(np.exp(z) for z in logits.values())) - logits[i]
    return total / len(queries)


@pytest.mark.parametrize("n_negatives", [0, 3])
def test_batchneg_equals_numpy(batchneg, n_negatives):
    queries, candidates = vectors(6, 1), vectors(6 + n_negatives, 2)
    excluded = mask(6, 6 + n_negatives)
    net = make_net(batchneg, margin=0.3, scale=7.0)
    expected = numpy_softmax_loss(queries, candidates, excluded, 0.3, 7.0)
    assert loss_of(net, queries, candidates, excluded) == pytest.approx(expected, rel=1e-5)


def test_the_symmetric_loss_ranks_queries_for_titles_too(batchneg):
    queries, titles, excluded = vectors(6, 1), vectors(6, 2), mask(6, 6)
    net = make_net(batchneg, margin=0.3, scale=7.0, symmetric=True)
    there = numpy_softmax_loss(queries, titles, excluded, 0.3, 7.0)
    back = numpy_softmax_loss(titles, queries, excluded.T, 0.3, 7.0)
    found = loss_of(net, queries, titles, excluded)
    assert found == pytest.approx((there + back) / 2, rel=1e-5)


def test_embeddings_have_length_one_and_are_means_of_n_grams(batchneg):
    net = make_net(batchneg, output_emb_size=None)
    table = net.encoder.word_embeddings.weight.numpy()
    tokens = np.array([[3, 5, 0], [1, 2, 3]])
    found = net(paddle.to_tensor(tokens), paddle.to_tensor([2, 3])).numpy()
    expected = np.array([table[[3, 5]].sum(0), table[[1, 2, 3]].sum(0)])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_symmetric_needs_the_negatives_of_the_batch(batchneg):
    with pytest.raises(ValueError, match="symmetric: needs `negatives: batch`"):
        make_net(batchneg, symmetric=True, negatives="random")
