import numpy as np
import pytest

from textzoo.metrics.propensity import PropensityMetrics, inverse_propensities
from textzoo.metrics.ranking import ranks_among

NAMES = [f"{kind}@{k}" for kind in ("psp", "psndcg") for k in range(1, 6)]

# From napkinxc.metrics of napkinXC 0.7.2 (psprecision_at_k, psndcg_at_k,
# Jain_et_al_inverse_propensity) on the rows that `rows` draws.
NAPKINXC = {
    "psp": [0.3438877332341949, 0.3656153956751244, 0.3870503593664499, 0.42615379285251825,
            0.49422574919572376],
    "psndcg": [0.3438877332341949, 0.3417912849660073, 0.3524069293834019, 0.37891372796100575,
               0.4126238177930348],
    "inverse_propensities": [2.02742808, 2.55743153, 2.19908046, 2.27695798],
}  # fmt: skip


def pad(gold):
    longest = max(map(len, gold))
    return np.array([row + [-1] * (longest - len(row)) for row in gold]), np.array(
        list(map(len, gold))
    )


def rows():
    """Best labels, gold labels, and the counts of 12 labels in 100 training rows."""
    random = np.random.default_rng(7)
    scores = random.normal(size=(40, 12)).round(3)
    gold, training = (
        [sorted(random.permutation(12)[: random.integers(1, most)].tolist()) for _ in range(n)]
        for n, most in ((40, 5), (100, 4))
    )
    return np.argsort(-scores, axis=1), gold, np.bincount(np.concatenate(training))


def measure(best, gold, weights, unknown_weight=0.0, sizes=None):
    metrics = PropensityMetrics(NAMES, weights, unknown_weight)
    start = 0
    for size in sizes or [len(best)]:
        padded, counts = pad(gold[start : start + size])
        metrics.update(ranks_among(best[start : start + size], padded), padded, counts)
        start += size
    return metrics.result()


@pytest.mark.parametrize("sizes", [[40], [1, 2, 37], [13] * 3 + [1]])
def test_metrics_equal_napkinxc(sizes):
    best, gold, counts = rows()
    measured = measure(best, gold, inverse_propensities(counts, 100, 0.55, 1.5), sizes=sizes)
    for kind in ("psp", "psndcg"):
        ours = [measured[f"{kind}@{k}"] for k in range(1, 6)]
        assert ours == pytest.approx(NAPKINXC[kind], rel=1e-12)


def test_propensities_equal_napkinxc():
    _, _, counts = rows()
    ours = inverse_propensities(counts, 100, 0.55, 1.5)[:4]
    assert ours.tolist() == pytest.approx(NAPKINXC["inverse_propensities"], abs=1e-8)


def test_an_unknown_label_can_only_be_missed():
    """By hand: weights 2 and 1; the row's labels are 0 and one of weight 5 that nobody knows."""
    metrics = PropensityMetrics(["psp@1", "psp@2"], np.array([2.0, 1.0]), 5.0)
    gold = np.array([[0, -1]])
    metrics.update(np.array([[1.0, np.inf]]), gold, np.array([2]))
    assert metrics.result() == pytest.approx({"psp@1": 2 / 5, "psp@2": 2 / 7})


def test_padding_is_no_unknown_label():
    metrics = PropensityMetrics(["psp@2"], np.array([2.0, 1.0]), 5.0)
    metrics.update(np.array([[1.0, np.inf]]), np.array([[0, -1]]), np.array([1]))
    assert metrics.result() == {"psp@2": 1.0}


@pytest.mark.parametrize("n_rows", [1, 2])
def test_of_one_or_two_training_rows_every_label_counts_alike(n_rows):
    """A propensity is a chance, at most 1: the formula of the paper is for n_rows above e."""
    assert inverse_propensities(np.array([0, 1, 2]), n_rows, 0.55, 1.5).tolist() == [1, 1, 1]
