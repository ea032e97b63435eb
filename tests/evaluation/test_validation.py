from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from textzoo.config.schema import Runner
from textzoo.errors import UserError
from textzoo.evaluation.labels import LabelEvaluator
from textzoo.evaluation.row_outputs import pools_of_outputs
from textzoo.evaluation.validation import FusedValidation, Validation
from textzoo.linear.fitting import LeftOut
from textzoo.linear.fusion import ALONE, LINEAR_SCORES, Mixed, Stacked
from textzoo.metrics.calibration import Calibration, sigmoid
from textzoo.text.ragged import Ragged


class Evaluator:
    def __init__(self):
        self.asked = []

    def metrics(self, names):
        if "psp@1" in names:
            raise UserError("psp@1: no counts")

    def __call__(self, run, names, threshold):
        outputs = run.infer_step({"rows": 3})
        self.asked.append((names, threshold, outputs))
        return SimpleNamespace(
            result=lambda: {"accuracy": 0.25, "rows": 3}, calibration=lambda: Calibration(2.0, -1.0)
        )


RUN = SimpleNamespace(model="model", shards={}, infer_step=lambda feeds: {"scores": feeds["rows"]})


def test_the_metrics_are_those_of_the_run_as_it_is_now():
    evaluator = Evaluator()
    validate = Validation(RUN, evaluator, ["accuracy"], 0.4)
    assert evaluator.asked == []
    expected = {"accuracy": 0.25, "rows": 3, "calibration": [2.0, -1.0]}
    assert validate() == validate() == expected
    assert evaluator.asked == [(["accuracy"], 0.4, {"scores": 3})] * 2


def test_each_evaluation_compiles_the_run_anew():
    evaluator, compiled = Evaluator(), []

    def compile_run():
        compiled.append(len(compiled))
        outputs = {"scores": compiled[-1]}
        return SimpleNamespace(model="model", infer_step=lambda feeds: outputs)

    validate = Validation(RUN, evaluator, ["accuracy"], 0.4, compile_run)
    assert compiled == []
    validate()
    validate()
    assert [outputs for _, _, outputs in evaluator.asked] == [{"scores": 0}, {"scores": 1}]


def test_what_a_metric_lacks_is_said_before_a_run_begins():
    with pytest.raises(UserError, match="no counts"):
        Validation(RUN, Evaluator(), ["accuracy", "psp@1"], None)


# ------------------------------------------------------------------ with a linear part

RANDOM = np.random.default_rng(6)
LABELS = Ragged.of([[int(RANDOM.integers(3))] for _ in range(20)])
TRUTH = np.eye(3, dtype=np.float32)[LABELS.values]
OF_NET = 1 / (1 + np.exp(-2 * TRUTH - RANDOM.normal(0, 1, TRUTH.shape)))
OF_LINEAR = 0.5 * TRUTH + RANDOM.normal(0, 0.3, TRUTH.shape)
CHOSEN = np.arange(3, 19)
ROWS = SimpleNamespace(columns={"text": LABELS, "label": LABELS}, release=lambda: None)


class Net:
    """Scores rows by their numbers."""

    def __init__(self):
        self.shards, self.n_computed = {}, 0

    def infer_step(self, feeds):
        assert LINEAR_SCORES not in feeds
        self.n_computed += 1
        return {"scores": OF_NET[feeds["rows"]]}


class OfRows:
    """Gives the mean of all scores, over the rows in the batches that an evaluation takes."""

    def metrics(self, names):
        pass

    def __call__(self, run, names, threshold):
        pools = pools_of_outputs(run, ROWS, CHOSEN, 5)
        scores = {row: s for pool in pools for own, o in pool for row, s in zip(own, o["scores"])}
        found = np.array([scores[row] for row in CHOSEN])
        return SimpleNamespace(
            result=lambda: {name: found for name in [*names, threshold]}, calibration=lambda: None
        )


def fused(fusion=None):
    net = Net()
    net.model = model = SimpleNamespace(
        linear=None,
        score_scale="probabilities",
        best_alone=False,
        text_column="text",
        label_column="label",
        infer_feeds=lambda columns, rows: {"rows": rows, LINEAR_SCORES: OF_LINEAR[rows]},
    )
    runner = Runner(infer_batch_size=5, threshold=0.3)
    args = net, model, OfRows(), ROWS, CHOSEN, ["micro_f1"], runner, fusion
    return net, FusedValidation(*args)


def test_a_fusion_is_fitted_to_the_validation_rows_and_the_net_computed_once():
    net, validate = fused()
    metrics = validate()
    expected = Stacked.fit(OF_NET[CHOSEN], OF_LINEAR[CHOSEN], TRUTH[CHOSEN], "probabilities")
    assert validate.fusion.factor == pytest.approx(expected.factor, rel=1e-4)
    assert validate.fusion.net == pytest.approx(expected.net, rel=1e-4)
    assert metrics.keys() == {"micro_f1", 0.3}
    np.testing.assert_allclose(
        metrics["micro_f1"], expected.scores(OF_NET[CHOSEN], OF_LINEAR[CHOSEN]), atol=1e-4
    )
    assert net.n_computed == 4  # 16 rows, 5 at once


def test_each_evaluation_fits_anew():
    net, validate = fused()
    validate()
    first, net.infer_step = validate.fusion, lambda feeds: {"scores": 1 - OF_NET[feeds["rows"]]}
    validate()
    assert validate.fusion.net != first.net


def test_a_given_fusion_is_kept():
    net, validate = fused(Mixed(0.25))
    found = validate()["micro_f1"]
    np.testing.assert_allclose(found, 0.25 * OF_LINEAR[CHOSEN] + 0.75 * OF_NET[CHOSEN])
    assert validate.fusion == Mixed(0.25) and net.n_computed == 4


def test_the_linear_part_alone_needs_no_net():
    net, validate = fused()
    np.testing.assert_array_equal(validate.alone()["micro_f1"], OF_LINEAR[CHOSEN])
    assert validate.fusion == ALONE and net.n_computed == 0


class Reader:
    label_names = ("a", "b", "c")
    rows_without_labels_count = True


@pytest.mark.parametrize("fits", [False, True])
def test_thresholds_are_chosen_on_the_rows_that_the_net_learns_from_as_well(fits):
    net, _ = fused()
    net.model.n_best = 3
    valid, others = np.arange(8), np.arange(8, 20)
    runner = Runner(infer_batch_size=5, threshold="per_label")

    def validated(chosen, left_out=None):
        evaluator = LabelEvaluator(runner, Reader, ROWS, chosen)
        args = net, net.model, evaluator, ROWS, chosen, ["micro_f1"], runner, None, left_out
        validate = FusedValidation(*args)
        found = validate() if fits else validate.alone()
        return found, validate.fusion

    def f1(thresholds, scores):
        predicted = scores > np.array(thresholds, np.float32)
        return 2 * (predicted & (TRUTH[valid] > 0)).sum() / (predicted.sum() + len(valid))

    found, fusion = validated(valid, LeftOut(others, OF_LINEAR[others]))
    linear = scores = OF_LINEAR[valid]
    of_others = OF_LINEAR[others]
    if fits:
        scores = fusion.scores(OF_NET[valid], linear)
        regression = LogisticRegression(C=1000, tol=1e-9)  # the penalty that Newton's steps have
        regression.fit(of_others.reshape(-1, 1), TRUTH[others].ravel())
        of_others = sigmoid(regression.coef_[0] * of_others + regression.intercept_)
    assert found["micro_f1"] == pytest.approx(f1(found["threshold"], scores))
    for label, threshold in enumerate(found["threshold"]):
        both = np.concatenate([scores[:, label], of_others[:, label]])
        truth = np.concatenate([TRUTH[valid], TRUTH[others]])[:, label] > 0
        best = max(
            2 * (truth & (both > cut)).sum() / ((both > cut).sum() + truth.sum())
            for cut in both - 1e-4
        )
        predicted = both > threshold
        assert 2 * (truth & predicted).sum() / (predicted.sum() + truth.sum()) == best
    assert found["rows"] == len(valid)
    assert found["threshold"] != validated(valid)[0]["threshold"]
