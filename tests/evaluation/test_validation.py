from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.errors import UserError
from textzoo.evaluation.validation import FusedValidation, Validation
from textzoo.linear.fusion import LINEAR_SCORES


class Evaluator:
    def __init__(self):
        self.asked = []

    def metrics(self, names):
        if "psp@1" in names:
            raise UserError("psp@1: no counts")

    def __call__(self, run, names, threshold):
        outputs = run.infer_step({"rows": 3})
        self.asked.append((names, threshold, outputs))
        return SimpleNamespace(result=lambda: {"accuracy": 0.25, "rows": 3})


RUN = SimpleNamespace(model="model", infer_step=lambda feeds: {"scores": feeds["rows"]})


def test_the_metrics_are_those_of_the_run_as_it_is_now():
    evaluator = Evaluator()
    validate = Validation(RUN, evaluator, ["accuracy"], 0.4)
    assert evaluator.asked == []
    assert validate() == validate() == {"accuracy": 0.25, "rows": 3}
    assert evaluator.asked == [(["accuracy"], 0.4, {"scores": 3})] * 2


def test_what_a_metric_lacks_is_said_before_a_run_begins():
    with pytest.raises(UserError, match="no counts"):
        Validation(RUN, Evaluator(), ["accuracy", "psp@1"], None)


# ------------------------------------------------------------------ with a linear part


class OfWeight:
    """An evaluator of two batches whose metric is what `values` has for the share of ones."""

    def __init__(self, values):
        self.values, self.asked = values, []

    def metrics(self, names):
        pass

    def __call__(self, run, names, threshold):
        feeds = {"rows": np.zeros(1), LINEAR_SCORES: np.ones((1, 1))}
        scores = [run.infer_step(feeds)["scores"].item() for _ in "ab"]
        assert scores[0] == scores[1]  # the net gives 0, the linear part 1: the weight
        self.asked.append((names, threshold))
        value = self.values(round(scores[0], 1))
        return SimpleNamespace(result=lambda: dict.fromkeys(names, value))


class Net:
    model = SimpleNamespace(score_scale="probabilities", best_alone=False)
    shards = {}

    def __init__(self):
        self.n_computed = 0

    def infer_step(self, feeds):
        self.n_computed += 1
        return {"scores": np.zeros((1, 1))}


def fused(values, name="micro_f1", weight=None):
    net, evaluator = Net(), OfWeight(values)
    validate = FusedValidation(net, Net.model, evaluator, [name, "other"], 0.3, weight)
    return net, evaluator, validate


@pytest.mark.parametrize("best", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("name", ["micro_f1", "hamming_loss"])
def test_the_best_weight_is_chosen_by_the_first_metric(best, name):
    sign = 1 if name == "hamming_loss" else -1
    net, evaluator, validate = fused(lambda w: sign * abs(w - best), name)
    assert validate() == {name: 0, "other": 0, "linear_weight": best}
    assert evaluator.asked[-1] == ([name, "other"], 0.3)
    assert net.n_computed == 2  # each batch once, whatever the weights


def test_no_weight_alone_is_better_than_the_chosen_one():
    values = dict(zip(np.round(np.arange(11) / 10, 1), np.random.default_rng(0).random(11)))
    found = fused(values.__getitem__)[2]()
    assert found["micro_f1"] == max(values.values()) >= max(values[0.0], values[1.0])


def test_of_equal_weights_the_largest_is_taken():
    assert fused(lambda w: 0.5)[2]()["linear_weight"] == 1


def test_a_given_weight_is_kept_and_the_linear_part_alone_needs_no_net():
    net, _, validate = fused(lambda w: w, weight=0.3)
    assert validate.alone() == {"micro_f1": 1, "other": 1, "linear_weight": 1}
    assert net.n_computed == 0
    assert validate() == {"micro_f1": 0.3, "other": 0.3, "linear_weight": 0.3}
