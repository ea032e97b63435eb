"""A table gives the same embeddings and gradients from the rows in use as from all."""

import numpy as np
import paddle
import pytest

from textzoo.errors import UserError
from textzoo.nets.table import Table

RANDOM = np.random.default_rng(0)
IDS = np.array([[5, 2, 5], [7, 0, 0]])
WEIGHTS = np.array([[0.5, 0.25, 0.125], [3, 0, 0]], "float32")  # 0 at padding and where dropped
IN_USE = np.array([0, 2, 5, 7])


def table_and_rows(in_use):
    table = Table(9, 4)
    whole = table.weight.numpy()
    if not in_use:
        return table, whole, table.weight
    rows = paddle.to_tensor(whole[IN_USE], stop_gradient=False)
    table.use_rows(IN_USE, rows)
    return table, whole, rows


@pytest.mark.parametrize("in_use", [True, False])
def test_ids_of_any_shape_are_looked_up(in_use):
    table, whole, rows = table_and_rows(in_use)
    found = table(paddle.to_tensor(IDS))
    np.testing.assert_array_equal(found.numpy(), whole[IDS])
    found.sum().backward()
    expected = np.bincount(IDS.ravel(), minlength=9)  # how often each id is there
    found = rows.grad.numpy()[:, 0]
    np.testing.assert_array_equal(found, expected[IN_USE] if in_use else expected)


@pytest.mark.parametrize("in_use", [True, False])
def test_sums_and_their_gradients_are_weighted(in_use):
    table, whole, rows = table_and_rows(in_use)
    sums = table.weighted_sums(paddle.to_tensor(IDS), paddle.to_tensor(WEIGHTS))
    expected = np.einsum("tn,tnw->tw", WEIGHTS, whole[IDS])
    np.testing.assert_allclose(sums.numpy(), expected, rtol=1e-6)
    gradient = RANDOM.normal(size=sums.shape).astype("float32")
    sums.backward(paddle.to_tensor(gradient))
    expected = np.zeros_like(whole)
    for text, n in np.ndindex(*IDS.shape):
        expected[IDS[text, n]] += WEIGHTS[text, n] * gradient[text]
    found = rows.grad.numpy()
    np.testing.assert_allclose(found, expected[IN_USE] if in_use else expected, rtol=1e-5)


def test_texts_of_which_every_id_was_dropped_have_sums_of_zero():
    table, _, rows = table_and_rows(in_use=True)
    sums = table.weighted_sums(paddle.to_tensor(IDS), paddle.zeros([2, 3]))
    assert not sums.numpy().any()
    sums.sum().backward()
    assert not rows.grad.numpy().any()


def test_an_id_that_is_not_among_the_rows_in_use_is_refused():
    table, _, _ = table_and_rows(in_use=True)
    ids = paddle.to_tensor([[2, 4]])
    with pytest.raises(UserError, match=r"id 4 .* Model\.tables"):
        table(ids)
    with pytest.raises(UserError, match=r"id 4 .* Model\.tables"):
        table.weighted_sums(ids, paddle.ones([1, 2]))
    table.weighted_sums(ids, paddle.to_tensor([[1.0, 0.0]]))  # padding may have any id


def test_the_whole_weight_gets_no_gradient_while_rows_are_in_use():
    table, _, _ = table_and_rows(in_use=True)
    table(paddle.to_tensor(IDS)).sum().backward()
    assert table.weight.grad is None
    table.use_all()
    table(paddle.to_tensor(IDS)).sum().backward()
    assert table.weight.grad.shape == [9, 4]
    assert list(table.state_dict()) == ["weight"]
