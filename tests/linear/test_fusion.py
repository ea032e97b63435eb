"""Scores of a net and of the linear part as one, by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from textzoo.linear.fusion import Mixed, Stacked, best_of, fused, load_fusion, save_fusion

LINEAR = np.array([[0.2, 1.0, -0.1], [0.0, 0.5, 0.4]])
NET = np.array([[0.5, 0.1, 0.9], [0.0, 3.0, 1.0]])


@pytest.mark.parametrize(
    ("scale", "within_1"),
    [
        ("probabilities", NET),
        ("logits", np.exp(NET) / np.exp(NET).sum(axis=1, keepdims=True)),
        # the best label has 1, the worst 0, the others between
        ("any", np.array([[0.5, 0.0, 1.0], [0.0, 1.0, 1 / 3]])),
    ],
)
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_mean_of_all_scores(scale, within_1, weight):
    expected = weight * LINEAR + (1 - weight) * within_1
    np.testing.assert_allclose(
        fused({"scores": NET}, LINEAR, Mixed(weight, scale))["scores"], expected
    )


def test_large_logits_and_equal_scores_stay_finite():
    none = np.zeros((1, 2))
    large = fused({"scores": np.array([[1e4, -1e4]])}, none, Mixed(0, "logits"))["scores"]
    np.testing.assert_allclose(large, [[1, 0]])
    equal = fused({"scores": np.full((1, 2), 7.0)}, none, Mixed(0, "any"))["scores"]
    np.testing.assert_allclose(equal, [[1, 1]])


def test_of_best_labels_those_beyond_have_the_lowest_score():
    outputs = {
        "best_labels": np.array([[2, 0], [1, 3]]),
        "best_scores": np.array([[0.9, 0.4], [0.8, 0.2]]),
    }
    linear = np.array([[0.0, 0.1, 0.0, 1.0], [0.4, 0.0, 0.4, 0.0]])
    found = fused(outputs, linear, Mixed(0.5))
    # 0.2 0.25 0.45 0.7 and 0.3 0.4 0.3 0.1
    assert found["best_labels"].tolist() == [[3, 2], [1, 0]]
    np.testing.assert_allclose(found["best_scores"], [[0.7, 0.45], [0.4, 0.3]])


def test_the_best_labels_of_all_come_best_first_and_of_equal_ones_the_first():
    scores = np.random.default_rng(1).integers(0, 5, (30, 12)) / 4
    found = best_of(scores, 12)
    expected = np.argsort(-scores, axis=1, kind="stable")
    np.testing.assert_array_equal(found["best_labels"], expected)
    np.testing.assert_array_equal(found["best_scores"], np.take_along_axis(scores, expected, 1))
    few = best_of(scores, 4)
    for name in found:  # of those that are equal at the cut, too
        np.testing.assert_array_equal(few[name], found[name][:, :4])
    assert best_of(scores, 100)["best_labels"].shape == (30, 12)


# ------------------------------------------------------------------ fitted to rows

RANDOM = np.random.default_rng(9)
TRUTH = (RANDOM.random((200, 5)) < [0.5, 0.3, 0.1, 0.1, 0.05]).astype(np.float32)
OF_LINEAR = 0.5 * TRUTH + RANDOM.normal(0, 0.3, TRUTH.shape)
LOGITS = 2 * TRUTH + RANDOM.normal(0, 1, TRUTH.shape)
GIVEN = {
    "any": LOGITS,
    "probabilities": 1 / (1 + np.exp(-LOGITS)),
    "logits": LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True)),
}


def standard(logits):
    """Each label's logits with mean 0 and the mean deviation of all."""
    deviations = logits.std(axis=0)
    return (logits - logits.mean(axis=0)) * deviations.mean() / deviations


@pytest.mark.parametrize("scale", list(GIVEN))
def test_a_fitted_fusion_is_scikit_learn_s_logistic_regression(scale):
    found = Stacked.fit(GIVEN[scale], OF_LINEAR, TRUTH, scale)
    own = standard(LOGITS if scale != "logits" else GIVEN["logits"])
    columns = np.stack([OF_LINEAR.ravel(), own.ravel()], axis=1)
    theirs = LogisticRegression(C=1e6, tol=1e-8).fit(columns, TRUTH.ravel())
    expected = theirs.predict_proba(columns)[:, 1].reshape(TRUTH.shape)
    np.testing.assert_allclose([found.factor, found.net], theirs.coef_[0], rtol=1e-2)
    np.testing.assert_allclose(found.scores(GIVEN[scale], OF_LINEAR), expected, atol=3e-3)


@pytest.mark.parametrize("against", ["net", "linear"])
def test_what_speaks_against_itself_counts_nothing(against):
    net = -LOGITS if against == "net" else LOGITS
    linear = -OF_LINEAR if against == "linear" else OF_LINEAR
    found = Stacked.fit(net, linear, TRUTH, "any")
    assert (found.net == 0, found.factor == 0) == (against == "net", against == "linear")
    assert max(found.net, found.factor) > 0


@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_rows_that_are_all_alike_give_finite_numbers(truth):
    alike = np.full((9, 3), 0.5)
    found = Stacked.fit(alike, alike, np.full((9, 3), truth, np.float32), "probabilities")
    scores = found.scores(alike, alike)
    assert np.isfinite(scores).all() and abs(scores - truth).max() < 0.2


@pytest.mark.parametrize("scale", list(GIVEN))
def test_what_is_loaded_fuses_as_what_was_saved(tmp_path, scale):
    for fusion in (Mixed(0.3, scale), Stacked.fit(GIVEN[scale], OF_LINEAR, TRUTH, scale)):
        save_fusion(fusion, tmp_path)
        np.testing.assert_array_equal(
            load_fusion(tmp_path, 5).scores(GIVEN[scale], OF_LINEAR),
            fusion.scores(GIVEN[scale], OF_LINEAR),
        )


def test_a_damaged_fusion_is_refused(tmp_path):
    save_fusion(Stacked.fit(LOGITS, OF_LINEAR, TRUTH, "any"), tmp_path)
    with pytest.raises(ValueError, match="expected finite numbers of 4 labels"):
        load_fusion(tmp_path, 4)
    file, labels = tmp_path / "fusion.json", tmp_path / "fusion_labels.npz"
    whole = file.read_text(encoding="utf-8")
    for text in ("", "[]", "{}", '{"weight": "x", "scale": "any"}', whole[:-3], "3", '"weight"'):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError):
            load_fusion(tmp_path, 5)
    for text in (whole.replace("any", "none"), whole.replace('"net": ', '"net": NaN, "n": ')):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError):
            load_fusion(tmp_path, 5)
    file.write_text(whole, encoding="utf-8")
    labels.write_bytes(labels.read_bytes()[:-3])
    with pytest.raises(ValueError):
        load_fusion(tmp_path, 5)
    labels.unlink()
    with pytest.raises(ValueError):
        load_fusion(tmp_path, 5)
