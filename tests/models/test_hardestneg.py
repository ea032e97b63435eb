"""The net of hardestneg against NumPy; runs of it: test_models.py."""

import numpy as np
import pytest
from conftest import ROOT
from harness.pair_nets import loss_of, make_net, mask, vectors

from textzoo.config.model_folder import load_model_folder


@pytest.fixture(scope="module")
def hardestneg():
    return load_model_folder(ROOT / "models" / "hardestneg")


def test_hardestneg_equals_numpy_and_its_positive_is_the_diagonal(hardestneg):
    queries, candidates, excluded = vectors(6, 1), vectors(8, 2), mask(6, 8)
    cosines = queries @ candidates.T
    assert (cosines.argmax(axis=1) != np.arange(6)).any()  # else the test would prove nothing
    expected = []
    for i in range(6):
        others = [cosines[i, j] for j in range(8) if j != i and not excluded[i, j]]
        expected.append(max(0.0, 0.4 - cosines[i, i] + max(others)))
    net = make_net(hardestneg, margin=0.4)
    found = loss_of(net, queries, candidates, excluded)
    assert found == pytest.approx(np.mean(expected), rel=1e-5)
