import numpy as np
import paddle
import pytest

from textzoo.losses.margin import hardest_negative_margin, margin_ranking, warp, warp_weights


def test_every_negative_within_the_margin_is_a_violation():
    scores = paddle.to_tensor([[0.9, 0.5, 0.1], [-1.0, 2.0, 0.0]])
    positive = paddle.to_tensor([[0.6], [1.0]])
    found = margin_ranking(scores, positive, 0.2)
    np.testing.assert_allclose(found, [[0.5, 0.1, 0.0], [0.0, 1.2, 0.0]], atol=1e-6)


@pytest.mark.parametrize(("n_labels", "n_samples"), [(2, 3), (11, 10), (1000, 20)])
def test_a_weight_is_the_harmonic_number_of_the_rank_that_a_try_implies(n_labels, n_samples):
    expected = []
    for attempt in range(1, n_samples + 1):
        rank = max(1, (n_labels - 1) // attempt)
        expected.append(sum(1 / i for i in range(1, rank + 1)))
    np.testing.assert_allclose(warp_weights(n_labels, n_samples), expected, rtol=1e-6)


def test_warp_takes_the_first_violation_with_the_weight_of_its_try():
    violations = paddle.to_tensor([[0.0, 0.3, 0.9], [0.5, 0.0, 0.1], [0.0, 0.0, 0.0]])
    weights = np.array([4.0, 2.0, 1.0], "float32")
    assert float(warp(violations, weights)) == pytest.approx((2 * 0.3 + 4 * 0.5 + 0) / 3)


def of_length_one(random, n, width=4):
    vectors = random.normal(size=(n, width)).astype("float32")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_title_is_compared_with_the_nearest_text_that_is_a_negative():
    random = np.random.default_rng(0)
    queries, candidates = of_length_one(random, 5), of_length_one(random, 7)
    excluded = (random.random((5, 7)) < 0.3).astype("float32")
    excluded[2] = 1  # nothing is a negative of this one
    margin, losses = 0.4, []
    for i, query in enumerate(queries):
        cosines = candidates @ query
        negatives = [cosines[j] for j in range(7) if j != i and not excluded[i, j]]
        hardest = max(negatives, default=-np.inf)
        losses.append(max(0, margin - cosines[i] + hardest))
    arrays = map(paddle.to_tensor, (queries, candidates, excluded))
    assert float(hardest_negative_margin(*arrays, margin)) == pytest.approx(np.mean(losses))
    assert losses[2] == 0 < max(losses)
