import dataclasses
import json
import math
import os
import random
import signal
from itertools import chain
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from harness.looping import LENGTHS, OPTIMIZER, FakeRun

from textzoo.config.schema import Runner
from textzoo.data.batching import training_batches
from textzoo.errors import UserError
from textzoo.running.optimizer import learning_rate
from textzoo.training.facts import Progress
from textzoo.training.interruption import Interrupted
from textzoo.training.loop import Training, seed_step


def build(tmp_path, run=None, values=None, progress=None, n_rows=23, save=None, **runner):
    """A training run whose validation gives `values` one by one."""
    runner = Runner(
        model_save_path=tmp_path, **{"train_batch_size": 4, "print_interval": 1000, **runner}
    )
    saved = []
    values = iter(values) if values is not None else None
    training = Training(
        run=run or FakeRun(),
        runner=runner,
        optimizer=OPTIMIZER,
        lengths=LENGTHS[:n_rows],
        feeds=lambda rows, generator: {"rows": rows, "draw": generator.integers(1 << 40)},
        release=lambda: None,
        validate=(lambda: {"other": 0.0, "accuracy": next(values)}) if values else None,
        best_metric="accuracy",
        save=save or saved.append,
        progress=progress or Progress(),
    )
    training.saved = saved
    return training


def reported(tmp_path, kind):
    lines = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["kind"] == kind]


# ------------------------------------------------------------------ progress


# ------------------------------------------------------------------ random numbers


def draws(seed, step):
    generator = seed_step(seed, step)
    return [
        generator.integers(1 << 40),
        np.random.random(),
        random.random(),
        paddle.rand([3]).tolist(),
    ]


def test_a_step_draws_the_same_whatever_was_drawn_before():
    first = draws(5, 7)
    draws(5, 8)
    random.random(), np.random.random(), paddle.rand([100])
    assert draws(5, 7) == first


@pytest.mark.parametrize("other", [(5, 8), (6, 7), (7, 5)])
def test_another_step_or_seed_draws_otherwise(other):
    assert all(a != b for a, b in zip(draws(5, 7), draws(*other)))


# ------------------------------------------------------------------ batches and rates


@pytest.mark.parametrize("accumulate", [1, 4])
def test_each_epoch_trains_every_batch_once_in_the_order_of_the_seed(tmp_path, accumulate):
    training = build(tmp_path, epochs=2, seed=3, accumulate_steps=accumulate)
    training.fit()
    steps = [[feeds["rows"].tolist() for feeds in micro] for micro, _ in training.run.steps]
    expected = [
        [batch.tolist() for batch in training_batches(LENGTHS, 4, 3, epoch)] for epoch in (0, 1)
    ]
    assert list(chain(*steps)) == list(chain(*expected))
    # 6 batches an epoch: one by one, or 4 and 2; an update never spans two epochs.
    assert list(map(len, steps)) == ([1] * 12 if accumulate == 1 else [4, 2, 4, 2])
    assert training.total_steps == len(steps) == training.progress.step


def test_the_rate_of_each_step_follows_the_schedule(tmp_path):
    training = build(tmp_path, epochs=3)
    training.fit()
    rates = [rate for _, rate in training.run.steps]
    assert rates == [learning_rate(OPTIMIZER, step, 18) for step in range(18)]
    assert rates[:3] == pytest.approx([0.5 / 3, 1.0 / 3, 0.5])
    assert rates[-1] == pytest.approx(0.5 / 16)


def test_the_feeds_of_a_step_are_drawn_from_its_own_generator(tmp_path):
    training = build(tmp_path, seed=9)
    training.fit()
    found = [micro[0]["draw"] for micro, _ in training.run.steps]
    assert found == [seed_step(9, step).integers(1 << 40) for step in range(6)]


@pytest.mark.parametrize("stop", range(1, 12))
@pytest.mark.parametrize("accumulate", [1, 4])
def test_a_resumed_run_takes_the_same_steps_as_a_whole_one(tmp_path, stop, accumulate):
    settings = {"epochs": 2, "accumulate_steps": accumulate, "save_steps": 1}
    whole = build(tmp_path, **settings)
    whole.fit()
    stop = min(stop, len(whole.run.steps) - 1)

    class Killed(BaseException):
        pass

    kept = []

    def save(name):
        kept.append(json.dumps(dataclasses.asdict(first.progress)))
        if first.progress.step == stop:
            raise Killed

    first = build(tmp_path, save=save, **settings)
    with pytest.raises(Killed):
        first.fit()
    second = build(tmp_path, progress=Progress(**json.loads(kept[-1])), **settings)
    second.fit()
    steps = [
        [(rate, [(f["rows"].tolist(), f["draw"]) for f in micro]) for micro, rate in run.steps]
        for run in (whole.run, first.run, second.run)
    ]
    assert len(steps[1]) == stop
    assert steps[1] + steps[2] == steps[0]
    assert second.progress == whole.progress


# ------------------------------------------------------------------ losses


def test_a_resumed_run_reports_the_losses_of_a_whole_one(tmp_path):
    losses = [float(2**step) for step in range(12)]
    settings = {"epochs": 2, "print_interval": 4, "save_steps": 5}
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    for folder in (whole, resumed):
        folder.mkdir()
    build(whole, FakeRun(losses), **settings).fit()

    class Killed(BaseException):
        pass

    def save(name):
        assert name == "step_5"
        raise Killed

    first = build(resumed, FakeRun(losses), save=save, **settings)
    with pytest.raises(Killed):
        first.fit()
    build(resumed, FakeRun(losses[5:]), progress=first.progress, **settings).fit()
    found = [[(x["step"], x["loss"]) for x in reported(f, "train")] for f in (whole, resumed)]
    assert [step for step, _ in found[0]] == [4, 8, 12]
    assert found[1] == found[0]


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_before_anything_is_saved(tmp_path, loss):
    training = build(tmp_path, FakeRun([1.0, loss]), save_steps=1)
    with pytest.raises(UserError) as failure:
        training.fit()
    message = str(failure.value)
    assert f"step 1: the loss is {loss} at learning rate 0.333;" in message
    assert f"last good checkpoint: {tmp_path / 'step_1'}." in message
    assert "hyper_parameters.optimizer.learning_rate" in message
    assert "runner.max_grad_norm" in message
    assert training.saved == ["step_1"]
    assert training.progress.step == 1


@pytest.mark.parametrize("kind", ["weight", "moment"])
@pytest.mark.parametrize("settings", [{"save_steps": 2}, {"eval_steps": 2, "values": [0.5]}, {}])
def test_weights_that_are_not_finite_are_neither_judged_nor_saved(tmp_path, kind, settings):
    training = build(tmp_path, **settings)
    getattr(training.run, kind)[1] = math.nan
    with pytest.raises(UserError) as failure:
        training.fit()
    step, rate = (1, "0.333") if settings else (5, "0.125")
    name = "weight" if kind == "weight" else "moment/weight"
    assert f"step {step}: {name} is not finite at learning rate {rate}; last" in str(failure.value)
    assert training.saved == []
    assert not reported(tmp_path, "evaluation")


def test_a_gradient_that_is_not_finite_stops_the_run(tmp_path):
    run = FakeRun()

    def train_step(micro_batches, rate):
        raise FloatingPointError

    run.train_step = train_step
    training = build(tmp_path, run)
    with pytest.raises(UserError, match=r"step 0: a gradient is not finite .* good checkpoint: n"):
        training.fit()


def test_without_a_checkpoint_the_message_says_so(tmp_path):
    training = build(tmp_path, FakeRun([math.nan]))
    with pytest.raises(UserError, match=r"step 0: the loss is nan .* last good .* none yet"):
        training.fit()


def test_the_reported_loss_is_the_mean_over_the_rows_since_the_last_report(tmp_path):
    losses = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    training = build(tmp_path, FakeRun(losses), print_interval=3)
    training.fit()
    sizes = [len(micro[0]["rows"]) for micro, _ in training.run.steps]
    assert sorted(sizes) == [3, 4, 4, 4, 4, 4]
    lines = reported(tmp_path, "train")
    assert [line["step"] for line in lines] == [3, 6]
    for line, start in zip(lines, (0, 3)):
        part = slice(start, start + 3)
        assert line["loss"] == pytest.approx(np.average(losses[part], weights=sizes[part]))
        assert line["learning_rate"] == training.run.steps[start + 2][1]
        assert line["rows_per_second"] > 0


def test_the_mean_loss_of_an_epoch_is_over_its_rows(tmp_path, caplog):
    losses = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, *[5.0] * 6]
    training = build(tmp_path, FakeRun(losses), epochs=2)
    training.fit()
    sizes = [len(micro[0]["rows"]) for micro, _ in training.run.steps]
    first = np.average(losses[:6], weights=sizes[:6])
    assert f"epoch 0 done: mean loss {first:.5f} over 23 rows" in caplog.text
    assert "epoch 1 done: mean loss 5.00000 over 23 rows" in caplog.text


# ------------------------------------------------------------------ saving and evaluating


def test_each_epoch_ends_with_a_checkpoint_of_its_number(tmp_path):
    training = build(tmp_path, epochs=3)
    training.fit()
    assert training.saved == ["0", "1", "2"]
    assert (training.progress.epoch, training.progress.batch) == (3, 0)


def test_saving_by_steps_leaves_the_end_of_an_epoch_to_the_epoch(tmp_path):
    training = build(tmp_path, epochs=2, save_steps=3)
    training.fit()
    assert training.saved == ["step_3", "0", "step_9", "1"]


def test_each_epoch_is_evaluated_and_the_best_is_saved(tmp_path):
    training = build(tmp_path, epochs=4, values=[0.5, 0.4, 0.6, 0.6])
    training.fit()
    assert training.saved == ["best", "0", "1", "best", "2", "3"]
    progress = training.progress
    assert (progress.best_value, progress.best_step, progress.worse) == (0.6, 18, 1)
    lines = reported(tmp_path, "evaluation")
    assert [(line["step"], line["accuracy"]) for line in lines] == [
        *((6, 0.5), (12, 0.4), (18, 0.6), (24, 0.6))
    ]


def test_evaluating_by_steps_ends_with_the_last_step(tmp_path):
    training = build(tmp_path, epochs=2, eval_steps=5, values=[0.1, 0.2, 0.3])
    training.fit()
    assert [line["step"] for line in reported(tmp_path, "evaluation")] == [5, 10, 12]


def test_a_step_is_not_evaluated_twice(tmp_path):
    training = build(tmp_path, epochs=2, eval_steps=3, values=[0.1, 0.2, 0.3, 0.4])
    training.fit()
    assert [line["step"] for line in reported(tmp_path, "evaluation")] == [3, 6, 9, 12]


def test_without_validation_rows_there_is_no_best(tmp_path):
    training = build(tmp_path, epochs=2, eval_steps=1)
    training.fit()
    assert training.saved == ["0", "1"]
    assert training.progress.best_value is None


# ------------------------------------------------------------------ patience


def test_patience_stops_after_so_many_evaluations_without_a_better_one(tmp_path, caplog):
    training = build(tmp_path, epochs=9, patience=2, values=[0.5, 0.4, 0.6, 0.6, 0.5])
    training.fit()
    assert training.progress.epoch == 5
    assert training.progress.stopped
    assert training.saved[-1] == "4"
    assert "2 evaluation(s) without a better accuracy than 0.6000 of step 18" in caplog.text


def test_patience_within_an_epoch_saves_where_it_stops(tmp_path):
    training = build(tmp_path, epochs=3, eval_steps=2, patience=1, values=[0.5, 0.4])
    training.fit()
    assert training.saved == ["best", "step_4"]
    assert (training.progress.step, training.progress.epoch, training.progress.batch) == (4, 0, 4)
    again = build(tmp_path, progress=training.progress, epochs=3, eval_steps=2, patience=1)
    again.fit()
    assert again.run.steps == []


def test_patience_survives_a_resumed_run(tmp_path):
    first = build(tmp_path, epochs=2, patience=2, values=[0.5, 0.4])
    first.fit()
    second = build(tmp_path, progress=first.progress, epochs=9, patience=2, values=[0.3, 0.2])
    second.fit()
    assert second.progress.epoch == 3


def test_no_patience_never_stops(tmp_path):
    training = build(tmp_path, epochs=5, patience=0, values=[0.5, 0.4, 0.3, 0.2, 0.1])
    training.fit()
    assert training.progress.epoch == 5


# ------------------------------------------------------------------ signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("at", "saved"), [(2, "step_3"), (5, "0")])
def test_a_signal_saves_after_the_step_and_stops(tmp_path, number, at, saved):
    class Signalled(FakeRun):
        def train_step(self, micro_batches, rate):
            if len(self.steps) == at:
                os.kill(os.getpid(), number)
            return super().train_step(micro_batches, rate)

    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    training = build(tmp_path, Signalled(), epochs=2)
    with pytest.raises(Interrupted) as stop:
        training.fit()
    assert stop.value.exit_status == 128 + number
    assert training.saved == [saved]
    assert training.progress.step == at + 1
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_all_is_settled_where_every_run_evaluates_or_saves_and_not_where_one_is_interrupted(
    tmp_path,
):
    class Signalled(FakeRun):
        def train_step(self, micro_batches, rate):
            if len(self.steps) == 8:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().train_step(micro_batches, rate)

    # Six steps an epoch: evaluated after 4, 6 and 8, saved after 3 and 6.
    interrupted = {"epochs": 2, "eval_steps": 4, "save_steps": 3, "values": [0.1, 0.2, 0.3]}
    run = Signalled()
    with pytest.raises(Interrupted):
        build(tmp_path, run, **interrupted).fit()
    assert len(run.steps) == 9
    assert sorted(set(run.settled)) == [3, 4, 6, 8, 9]
    run, second = Signalled(), tmp_path / "second"
    second.mkdir()
    with pytest.raises(Interrupted):
        build(second, run, **{**interrupted, "save_steps": 4}).fit()
    assert sorted(set(run.settled)) == [4, 6, 8]  # the checkpoint of step 9 is as it stands


def test_a_run_without_a_signal_leaves_the_handlers_as_they_were(tmp_path):
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    build(tmp_path).fit()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_a_signal_that_comes_after_the_save_was_decided_waits_for_the_next_step(tmp_path):
    class LateSignal:
        reads = 0

        @property
        def signal_number(self):
            self.reads += 1
            return signal.SIGINT if self.reads > 1 else None

    training = build(tmp_path, progress=Progress(step=1, batch=1))
    late = LateSignal()
    training._between_steps(SimpleNamespace(), late)
    assert training.saved == []
    with pytest.raises(Interrupted):
        training._between_steps(SimpleNamespace(), late)
    assert training.saved == ["step_1"]
