"""The losses of labels: against NumPy, label by label."""

import numpy as np
import paddle
import pytest

from textzoo.losses.multilabel import (
    bce,
    multilabel_softmax,
    softmax,
    sparse_bce,
    sparse_multilabel_softmax,
)

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(0, 2, (4, 6)).astype("float32")
TARGETS = (RANDOM.random((4, 6)) < 0.4).astype("float32")
TARGETS[:, 3] = [0, 0, 0, 1]  # each text has a label
WEIGHT = RANDOM.uniform(0.5, 3, 6).astype("float32")
# The same with the places of own labels; at padding, an own label again.
OWN = [np.flatnonzero(row) for row in TARGETS]
POSITIVES = np.array([np.resize(own, max(map(len, OWN))) for own in OWN])
IS_OWN = np.array([np.arange(POSITIVES.shape[1]) < len(own) for own in OWN])


def tensors(*arrays):
    return [paddle.to_tensor(array) for array in arrays]


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_bce_decides_every_label_by_itself(gamma):
    p = 1 / (1 + np.exp(-LOGITS))
    own = -WEIGHT * (1 - p) ** gamma * np.log(p)
    other = -(p**gamma) * np.log(1 - p)
    expected = np.where(TARGETS, own, other).sum(axis=1)
    found = bce(*tensors(LOGITS, TARGETS, WEIGHT), focal_gamma=gamma)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("weight", [np.ones(6, "float32"), WEIGHT])
def test_multilabel_softmax_is_equation_4_of_zlpr(weight):
    expected = [
        np.log(1 + sum(np.exp(z) for z, own in zip(logits, row) if not own))
        + np.log(1 + sum(w * np.exp(-z) for z, own, w in zip(logits, row, weight) if own))
        for logits, row in zip(LOGITS, TARGETS)
    ]
    found = multilabel_softmax(*tensors(LOGITS, TARGETS, weight))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 1.5])
def test_softmax_is_the_cross_entropy_of_each_labels_levels(gamma):
    logits = RANDOM.normal(0, 3, (3, 2, 4)).astype("float32")
    level = RANDOM.integers(4, size=(3, 2))
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    truth = np.take_along_axis(p, level[..., None], axis=2).squeeze(2)
    expected = (-((1 - truth) ** gamma) * np.log(truth)).sum(axis=1)
    targets = np.eye(4, dtype="float32")[level]
    found = softmax(*tensors(logits, targets), focal_gamma=gamma)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_sparse_losses_are_the_dense_ones_averaged():
    sparse, dense = tensors(LOGITS, POSITIVES, IS_OWN), tensors(LOGITS, TARGETS)
    expected = float(bce(*dense).mean())
    assert float(sparse_bce(*sparse)) == pytest.approx(expected, rel=1e-5)
    expected = float(multilabel_softmax(*dense).mean())
    assert float(sparse_multilabel_softmax(*sparse)) == pytest.approx(expected, rel=1e-5)


def test_binary_losses_take_any_place_as_padding():
    anywhere = np.where(IS_OWN, POSITIVES, 0)
    found = sparse_bce(*tensors(LOGITS, anywhere, IS_OWN))
    assert float(found) == pytest.approx(float(bce(*tensors(LOGITS, TARGETS)).mean()), rel=1e-5)


def test_in_a_sample_other_labels_stand_for_several_and_own_ones_for_themselves():
    weights = np.array([1, 5, 1, 2, 1, 7], "float32")
    found = sparse_bce(*tensors(LOGITS, POSITIVES, IS_OWN, weights))
    expected = (np.log1p(np.exp(LOGITS)) * weights - LOGITS * TARGETS).sum(axis=1).mean()
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [bce, multilabel_softmax])
def test_very_large_logits_neither_overflow_nor_lose_the_gradient(loss):
    logits = paddle.to_tensor([[300.0, -300.0, 300.0, -300.0]], stop_gradient=False)
    targets = paddle.to_tensor([[1.0, 1.0, 0.0, 0.0]])
    value = loss(logits, targets)
    assert value.item() == pytest.approx(600)  # the second and the third label, 300 each
    value.sum().backward()
    np.testing.assert_allclose(logits.grad, [[0, -1, 1, 0]], atol=1e-6)
