"""Multiple negatives ranking: against NumPy, query by query."""

import numpy as np
import paddle
import pytest

from textzoo.losses.in_batch import cosines_and_own, in_batch_cross_entropy


def of_length_one(random, n, width=6):
    vectors = random.normal(size=(n, width)).astype("float32")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def by_hand(queries, candidates, excluded, scale, margin):
    losses = []
    for i, query in enumerate(queries):
        logits = {
            j: scale * (float(query @ candidate) - margin * (i == j))
            for j, candidate in enumerate(candidates)
            if not excluded[i, j]
        }
        losses.append(np.log(sum(np.exp(logit) for logit in logits.values())) - logits[i])
    return np.mean(losses)


@pytest.mark.parametrize(("scale", "margin"), [(20.0, 0.0), (3.0, 0.25)])
def test_each_query_has_the_cross_entropy_of_its_own_title(scale, margin):
    random = np.random.default_rng(0)
    queries, candidates = of_length_one(random, 4), of_length_one(random, 6)
    excluded = np.zeros((4, 6), "float32")
    excluded[0, 2] = excluded[3, 5] = 1
    arrays = [paddle.to_tensor(array) for array in (queries, candidates, excluded)]
    found = float(in_batch_cross_entropy(*arrays, scale=scale, margin=margin))
    expected = by_hand(queries, candidates, excluded, scale, margin)
    assert found == pytest.approx(expected, rel=1e-5)


def test_symmetric_is_the_mean_of_both_directions():
    random = np.random.default_rng(1)
    queries, titles = of_length_one(random, 5), of_length_one(random, 5)
    excluded = np.zeros((5, 5), "float32")
    excluded[1, 4] = 1
    arrays = [paddle.to_tensor(array) for array in (queries, titles, excluded)]
    found = float(in_batch_cross_entropy(*arrays, scale=7.0, margin=0.1, symmetric=True))
    there = by_hand(queries, titles, excluded, 7.0, 0.1)
    back = by_hand(titles, queries, excluded.T, 7.0, 0.1)
    assert found == pytest.approx((there + back) / 2, rel=1e-5)


def test_an_excluded_candidate_has_no_gradient():
    random = np.random.default_rng(2)
    queries, candidates = (paddle.to_tensor(of_length_one(random, n)) for n in (2, 3))
    candidates.stop_gradient = False
    excluded = paddle.to_tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    in_batch_cross_entropy(queries, candidates, excluded).backward()
    gradient = np.abs(candidates.grad.numpy()).max(axis=1)
    assert gradient[2] < 1e-12 < gradient[:2].min()


def test_own_titles_come_first_and_hard_negatives_are_no_ones_own():
    queries = paddle.to_tensor([[1.0, 0.0], [0.0, 1.0]])
    candidates = paddle.to_tensor([[1.0, 0.0], [0.6, 0.8], [0.0, -1.0]])
    cosines, own = cosines_and_own(queries, candidates)
    np.testing.assert_allclose(cosines, [[1, 0.6, 0], [0, 0.8, -1]], atol=1e-6)
    np.testing.assert_array_equal(own, [[1, 0, 0], [0, 1, 0]])
