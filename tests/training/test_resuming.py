"""What a run that is gone on with says of itself."""

from types import SimpleNamespace

import pytest

from textzoo.config.schema import Optimizer
from textzoo.training.loop import Progress
from textzoo.training.resuming import Start


def start(epochs, resumed=True):
    facts = {"config": {"runner": {"epochs": epochs}}}
    return Start(SimpleNamespace(path="output/3", facts=facts), resumed)


def training(epochs, step, epoch, schedule="linear", warmup=0.0):
    keys = {"class": "Adam", "learning_rate": 0.1, "schedule": schedule, "warmup": warmup}
    return SimpleNamespace(
        optimizer=Optimizer.model_validate(keys),
        runner=SimpleNamespace(epochs=epochs),
        total_steps=10 * epochs,
        progress=Progress(step=step, epoch=epoch),
    )


@pytest.mark.parametrize(
    ("schedule", "warmup", "now", "before"),
    [("linear", 0, "0.05", "0"), ("cosine", 0, "0.05", "0"), ("constant", 0.9, "0.0568", "0.1")],
)
def test_more_epochs_move_the_rate_and_the_log_says_so(caplog, schedule, warmup, now, before):
    """By hand: of 20 steps all are done, or of 40 the half."""
    start(2).tell_rate(training(4, 20, 2, schedule, warmup))
    assert (
        f"runner.epochs: received 4, the run had 2 before: the {schedule} schedule goes on with a "
        f"learning rate of {now} in place of {before}"
    ) in caplog.text


@pytest.mark.parametrize(
    ("begun", "goes_on"),
    [
        (start(4), training(4, 20, 2)),
        (start(2), training(4, 20, 2, "constant")),
        (start(4), training(2, 20, 2)),  # it is at its end
        (start(2, resumed=False), training(4, 0, 0)),
        (Start(None, resumed=False), training(4, 0, 0)),
    ],
)
def test_where_the_rate_is_as_it_was_nothing_is_said(caplog, begun, goes_on):
    begun.tell_rate(goes_on)
    assert not caplog.records
