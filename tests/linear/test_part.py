"""The linear part: its scores and reasons by hand, weights kept, what damaged files do."""

import numpy as np
import pytest
from scipy import sparse

from textzoo.linear import part as module
from textzoo.linear.features import Features, ViewSettings
from textzoo.linear.matrices import read_array, write_array
from textzoo.linear.part import LinearPart, Weights
from textzoo.text.characters import characters_of

TEXTS = characters_of(["red car", "blue car", "red house", "停车 car", "blue house"])
RANDOM = np.random.default_rng(2)


@pytest.fixture
def part():
    """Two labels, weights of both kinds of sign."""
    features, _ = Features.fit(TEXTS, [ViewSettings("words", 1, 2)], 1)
    weights = RANDOM.normal(size=(len(features), 2)).astype(np.float32)
    weights[RANDOM.random(weights.shape) < 0.3] = 0
    part = LinearPart(features, Weights.largest([weights], len(features)))
    part.given = weights
    return part


def test_a_score_is_the_inner_product_of_features_and_weights(part):
    expected = part.features(TEXTS).toarray() @ part.given
    np.testing.assert_allclose(part.scores(TEXTS), expected, atol=2e-3)


def test_reasons_are_the_shares_of_a_score(part):
    text = "red car, blue house"
    row = part.features(characters_of([text])).toarray()[0]
    shares = row * part.given[:, 1]
    names = {part.features.name(n): shares[n] for n in np.flatnonzero(shares > 0)}
    found = part.reasons([text], [[1]], 100)[0][0]
    assert {reason.ngram for reason in found} == names.keys()
    for reason in found:
        assert reason.share == pytest.approx(names[reason.ngram], abs=2e-3)
    assert [r.share for r in found] == sorted((r.share for r in found), reverse=True)
    assert part.reasons([text], [[1]], 1)[0][0] == found[:1]
    assert part.reasons([""], [[1]], 5) == [[[]]]
    strongest = part.strongest(0, 2)
    best = np.argsort(-part.given[:, 0])[:2]
    assert [reason.ngram for reason in strongest] == [part.features.name(n) for n in best]


@pytest.mark.parametrize("most_dense", [0, 20_000_000])
def test_of_all_labels_the_largest_weights_are_kept(monkeypatch, most_dense):
    monkeypatch.setattr(module, "_LEAST", 3)
    monkeypatch.setattr(module, "_MOST", 4 * 5)
    monkeypatch.setattr(module, "_DENSE", most_dense)
    given = RANDOM.normal(size=(30, 4)).astype(np.float32)
    given[:, 1] /= 100  # of which the least are kept
    given[2:, 3] = 0  # of which but 2 are not 0
    weights = Weights.largest([given[:, :2], given[:, 2:3], given[:, 3:]], 30)
    least = np.sort(abs(given).ravel())[-20]
    for label in range(4):
        features, values = weights.of_label(label)
        sizes = abs(given[:, label])
        kept = np.flatnonzero(sizes >= least) if label % 2 == 0 else np.argsort(-sizes)[:3]
        assert features.tolist() == sorted(kept[sizes[kept] > 0])
        np.testing.assert_allclose(values, given[features, label], rtol=1e-3)
    rows = sparse.random(6, 30, 0.5, "csr", np.float32, RANDOM)
    pruned = np.zeros_like(given)
    for label in range(4):
        features, values = weights.of_label(label)
        pruned[features, label] = values
    np.testing.assert_allclose(weights.scores(rows), rows.toarray() @ pruned, atol=1e-5)


def test_what_is_loaded_gives_the_same_scores(part, tmp_path):
    part.save(tmp_path)
    loaded = LinearPart.load(tmp_path, 2)
    np.testing.assert_array_equal(loaded.scores(TEXTS), part.scores(TEXTS))
    assert loaded.reasons(["red car"], [[0]], 9) == part.reasons(["red car"], [[0]], 9)
    with pytest.raises(ValueError, match="weights of 2 labels, expected 3"):
        LinearPart.load(tmp_path, 3)


def test_each_file_that_is_gone_cut_off_or_of_other_numbers_is_refused(part, tmp_path):
    part.save(tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 7
    for file in files:
        whole = file.read_bytes()
        file.unlink()
        with pytest.raises(ValueError):
            LinearPart.load(tmp_path, 2)
        for damaged in (b"", whole[: len(whole) // 2], b"[1, 2"):
            file.write_bytes(damaged)
            with pytest.raises(ValueError):
                LinearPart.load(tmp_path, 2)
        file.write_bytes(whole)
    assert LinearPart.load(tmp_path, 2)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("values", lambda a: np.where(a == a[0], np.nan, a)),
        ("values", lambda a: a[1:]),
        ("features", lambda a: a + 1000),
        ("features", lambda a: a - 1000),
        ("features", lambda a: a.astype(float)),
        ("ends", lambda a: a[::-1]),
        ("ends", lambda a: a[:0]),
        ("ends", lambda a: a + 1),
    ],
    ids=range(8),
)
def test_weights_that_are_not_as_they_were_saved_are_refused(part, tmp_path, file, change):
    part.save(tmp_path)
    path = tmp_path / f"weights_{file}.npz"
    write_array(path, change(read_array(path, "f" if file == "values" else "i")))
    with pytest.raises(ValueError):
        LinearPart.load(tmp_path, 2)


def test_in_8_bits_each_weight_is_a_whole_share_of_the_largest_of_its_label(part, tmp_path):
    rounded = part.in_8_bits()
    for label in (0, 1):
        features, values = part.weights.of_label(label)
        unit = np.abs(values).max() / 127
        assert rounded.weights.of_label(label)[0].tolist() == features.tolist()
        np.testing.assert_allclose(
            rounded.weights.of_label(label)[1], np.rint(values / unit) * unit, rtol=1e-6
        )
        assert np.abs(rounded.weights.of_label(label)[1] - values).max() <= unit * 0.5001
    rounded.save(tmp_path)
    loaded = LinearPart.load(tmp_path, 2)
    np.testing.assert_array_equal(loaded.scores(TEXTS), rounded.scores(TEXTS))
    assert read_array(tmp_path / "weights_values.npz", "i").dtype == np.int8
    units = tmp_path / "weights_units.npz"
    for damaged in (np.ones(3, "f4"), np.array([1, np.nan], "f4"), np.ones(2, int)):
        write_array(units, damaged)
        with pytest.raises(ValueError):
            LinearPart.load(tmp_path, 2)
    units.unlink()  # numbers of another kind than expected
    with pytest.raises(ValueError, match="weights_values"):
        LinearPart.load(tmp_path, 2)


def test_a_label_without_weights_has_none_in_8_bits_either():
    weights = Weights.largest([np.array([[0, 2], [0, -1]], np.float32)], 2).in_8_bits()
    assert weights.scores(sparse.identity(2, "float32", format="csr")).tolist() == [
        [0, 2],
        [0, pytest.approx(-1, abs=0.008)],
    ]


def test_of_sparse_weights_the_largest_are_kept(monkeypatch):
    monkeypatch.setattr("textzoo.linear.part._LEAST", 1)
    monkeypatch.setattr("textzoo.linear.part._MOST", 2)
    weights = np.array([[0.5, 0, -0.75, 0.25], [0, 0.125, 0, 0]], np.float32)
    dense = Weights.largest([weights.T], 4)
    rows = sparse.identity(4, "float32", format="csr")
    found = Weights.largest_of_rows(sparse.csr_matrix(weights)).scores(rows)
    assert found.T.tolist() == [[0.5, 0, -0.75, 0], [0, 0.125, 0, 0]]
    assert found.tolist() == dense.scores(rows).tolist()


def test_weights_beyond_half_precision_are_refused():
    kept = Weights.largest([np.full((3, 1), -65504, np.float32)], 3)
    assert kept.of_label(0)[1].tolist() == [-65504] * 3
    with pytest.raises(OverflowError, match="half precision"):
        Weights.largest([np.full((3, 1), -65600, np.float32)], 3)
