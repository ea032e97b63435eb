import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.calibration import _SigmoidCalibration
from sklearn.linear_model import LogisticRegression

from textzoo.metrics.calibration import (
    Calibration,
    CalibrationPairs,
    Reliability,
    scaled_softmax,
)


def random_pairs(n=2000, a=3.0, b=-1.0, seed=0):
    random = np.random.default_rng(seed)
    scores = random.normal(size=n)
    return scores, random.random(n) < 1 / (1 + np.exp(-(a * scores + b)))


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (1e-6, 0), (1e4, 0), (0.1, 50)])
def test_it_is_that_of_scikit_learn_whatever_the_scale_of_the_scores(scale, shift):
    scores, hits = random_pairs()
    expected = _SigmoidCalibration().fit(scores, hits)
    found = Calibration.fit(scores * scale + shift, hits)
    probabilities = found(scores * scale + shift)
    np.testing.assert_allclose(probabilities, expected.predict(scores), atol=1e-5)


def test_it_minimises_platts_loss():
    scores, hits = random_pairs(n=60)
    n_hits, n = hits.sum(), len(hits)
    targets = np.where(hits, (n_hits + 1) / (n_hits + 2), 1 / (n - n_hits + 2))

    def loss(weights):
        logits = weights[0] * scores + weights[1]
        return np.sum(np.logaddexp(0, logits) - targets * logits)

    best = minimize(loss, [0, 0], method="BFGS", options={"gtol": 1e-9})
    assert Calibration.fit(scores, hits) == pytest.approx(tuple(best.x), abs=1e-5)


def test_of_many_pairs_it_is_a_logistic_regression():
    scores, hits = random_pairs(n=200_000)
    expected = LogisticRegression(C=np.inf).fit(scores[:, None], hits)
    found = Calibration.fit(scores.astype("float32"), hits)
    assert found == pytest.approx((expected.coef_[0, 0], expected.intercept_[0]), abs=2e-3)


@pytest.mark.parametrize("hits", [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1], [1, 0, 1, 0]])
@pytest.mark.parametrize("scores", [[0, 1, 2, 3], [5, 5, 5, 5], [0, 0, 1e30, 1e30]])
def test_what_a_score_parts_or_does_not_change_is_finite(scores, hits):
    found = Calibration.fit(np.array(scores, "float32"), np.array(hits, bool))
    assert np.isfinite(found).all()
    assert ((found(np.array([-1e30, 0, 1e30])) >= 0) & (found(np.array([1e30])) <= 1)).all()


def test_few_pairs_of_one_kind_are_not_certain():
    """By hand: the target is (4 + 1) / (4 + 2)."""
    found = Calibration.fit(np.arange(4.0), np.ones(4, bool))
    assert found(np.arange(4.0)) == pytest.approx(5 / 6)


def test_of_very_many_rows_every_so_many_are_kept():
    scores, hits = (part.reshape(-1, 4) for part in random_pairs(n=4000))
    pairs = CalibrationPairs(most=600)
    for start in range(0, 1000, 7):
        pairs.update(scores[start : start + 7], hits[start : start + 7])
    chosen = slice(None, None, 8)
    expected = Calibration.fit(scores[chosen].ravel().astype("float32"), hits[chosen].ravel())
    assert pairs.fitted() == pytest.approx(expected)


def test_without_pairs_there_is_none():
    pairs = CalibrationPairs()
    assert pairs.fitted() is None
    pairs.update(np.empty((3, 0)), np.empty((3, 0), bool))
    assert pairs.fitted() is None


def test_the_expected_error_by_hand():
    """Two bins: 0.2 and 0.4 with one hit of two, 0.9 and 1.0 with two of two."""
    reliability = Reliability(n_bins=2)
    reliability.update(np.array([[0.2, 0.9]]), np.array([[False, True]]))
    reliability.update(np.array([[0.4, 1.0]]), np.array([[True, True]]))
    assert reliability.counts.tolist() == [2, 2]
    assert reliability.shares.tolist() == [0.5, 1.0]
    assert reliability.probabilities == pytest.approx([0.3, 0.95])
    assert reliability.expected_error == pytest.approx(0.5 * 0.2 + 0.5 * 0.05)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_the_factor_of_a_softmax_has_the_highest_likelihood(scale):
    random = np.random.default_rng(0)
    labels = random.integers(3, size=400)
    scores = random.normal(size=(400, 3))
    scores[np.arange(400), labels] += 1

    def loss(factor):
        powers = np.exp(factor * scores)
        return -np.log(powers[np.arange(400), labels] / powers.sum(axis=1)).mean()

    best = minimize(lambda factors: loss(factors[0]), [1.0]).x[0]
    expected = np.exp(best * scores) / np.exp(best * scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scaled_softmax(scale * scores, labels), expected, atol=1e-5)


def test_scores_that_part_all_rows_give_finite_probabilities():
    labels = np.array([0, 1, 1])
    found = scaled_softmax(np.eye(2)[labels], labels)
    assert np.isfinite(found).all() and (found.argmax(axis=1) == labels).all()
