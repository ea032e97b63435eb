from types import SimpleNamespace

import pytest

from textzoo.errors import UserError
from textzoo.evaluation.validation import Validation
from textzoo.metrics.calibration import Calibration


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


RUN = SimpleNamespace(model="model", infer_step=lambda feeds: {"scores": feeds["rows"]})


def test_the_metrics_are_those_of_the_run_as_it_is_now():
    evaluator = Evaluator()
    validate = Validation(RUN, evaluator, ["accuracy"], 0.4)
    assert evaluator.asked == []
    expected = {"accuracy": 0.25, "rows": 3, "calibration": [2.0, -1.0]}
    assert validate() == validate() == expected
    assert evaluator.asked == [(["accuracy"], 0.4, {"scores": 3})] * 2


def test_what_a_metric_lacks_is_said_before_a_run_begins():
    with pytest.raises(UserError, match="no counts"):
        Validation(RUN, Evaluator(), ["accuracy", "psp@1"], None)
