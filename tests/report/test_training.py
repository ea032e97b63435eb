"""Metrics, curves, time and settings of one run or of several."""

from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from harness.reported import Page

from textzoo.report.markup import document
from textzoo.report.recorded import Run, Session
from textzoo.report.training import (
    duration,
    metrics_section,
    settings_section,
    training_section,
    who_is_who,
)


def run_of(name="run", **facts):
    return Run(Path(name), name, **facts)


def page_of(section):
    return Page(document([], [section]))


def text_of(section):
    return "".join(section.itertext())


def evaluation(step, **metrics):
    return {"kind": "evaluation", "step": step, "epoch": 0, "rows": 1234, **metrics}


TEST = {"rows": 50, "steps": [8, 9], "threshold": [0.5, 0.1], "micro_f1": 0.25}


def test_metrics_of_one_run_stand_side_by_side_with_what_they_are_of():
    evaluations = [evaluation(5, micro_f1=0.5, hamming_loss=0.2), evaluation(9, micro_f1=0.125)]
    section = metrics_section([run_of(evaluations=evaluations, test=TEST)])
    assert page_of(section).tables["Metrics"] == [
        ["metric", "validation", "test"],
        ["micro_f1", "0.5000", "0.2500"],
        ["hamming_loss", "0.2000", ""],
    ]
    assert "Validation: 1,234 rows, step 5." in text_of(section)
    assert "Test: 50 rows, step 8 and 9, a threshold for each label." in text_of(section)
    # The last infer.py of this folder was of an ensemble: its figures are not the run's.
    assert "those of runner.infer_ensemble, 2 checkpoints, not of this run" in text_of(section)
    own = metrics_section([run_of(evaluations=evaluations, test={**TEST, "steps": [8]})])
    assert "infer_ensemble" not in text_of(own)


def test_of_several_runs_the_best_of_each_column_is_marked():
    tests = [
        {"rows": 9, "micro_f1": 0.5, "hamming_loss": 0.2},
        {"rows": 9, "micro_f1": 0.75, "hamming_loss": 0.4},
    ]
    runs = [run_of(name, test=test) for name, test in zip("ab", tests)]
    tests[1]["steps"] = [3, 3]
    section = metrics_section([*runs, run_of("c")])
    assert "Test rows of b: those of runner.infer_ensemble, 2 checkpoints" in text_of(section)
    assert "Test rows of a" not in text_of(section)
    best = [element.text for element in section.iter("strong")]
    assert sorted(best) == ["0.2000", "0.7500"]  # of an error the lower one
    assert [cells[0] for cells in page_of(section).tables["Test rows"][1:]] == ["a", "b"]


def test_runs_with_different_test_rows_have_no_best_one():
    tests = [{"rows": 9, "micro_f1": 0.5}, {"rows": 9, "micro_f1": 0.75}]
    runs = [
        with_settings(name, train_data_dir=f"/{data}/train", test_data_dir=f"/{data}/test")
        for name, data in (("a", "news"), ("b", "law"))
    ]
    for run, test in zip(runs, tests):
        run.test = test
    section = metrics_section(runs)
    assert not list(section.iter("strong"))
    assert "The runs have different test rows." in text_of(section)
    folds = [with_settings(name, left_out_fold=f"{name}/2") for name in "12"]
    for run, test in zip(folds, tests):
        run.test = test
    assert not list(metrics_section(folds).iter("strong"))
    who = who_is_who(runs)
    assert ["".join(one.itertext()) for one in who.iter("li")] == ["am on news", "bm on law"]


def test_nothing_to_show_is_no_section():
    nothing = [run_of()]
    sections = (metrics_section, training_section, settings_section)
    assert [section(nothing) for section in sections] == [None] * 3


def test_every_curve_of_a_run_has_a_panel_with_its_last_or_best_value():
    training = [
        {"step": step, "loss": 1 / step, "learning_rate": 0.1, "rows_per_second": 1500.0}
        for step in (5, 10)
    ]
    evaluations = [evaluation(5, level_error=0.25), evaluation(10, level_error=0.5)]
    sessions = [Session(datetime(2026, 1, 2, 10), 90, 3661.0), Session(datetime(2026, 1, 3), 90)]
    section = training_section(
        [run_of(training=training, evaluations=evaluations, sessions=sessions)]
    )
    captions = ["".join(caption.itertext()) for caption in section.iter("figcaption")]
    assert captions == [
        *("loss0.1", "level_error● 0.2500", "learning rate0.1", "rows per second1,500"),
    ]
    assert "Trained for 1:01:01, from 2026-01-02 10:00, resumed once;" in text_of(section)


def test_a_metric_that_was_evaluated_once_is_no_curve():
    training = [{"step": step, "loss": 1 / step} for step in (5, 10)]
    once, twice = [evaluation(5, mrr=0.25)], [evaluation(5, mrr=0.25), evaluation(10, mrr=0.5)]

    def captions(*runs):
        found = training_section([run_of(training=training, evaluations=own) for own in runs])
        return [caption.text for caption in found.iter("figcaption")]

    assert captions(once) == captions(once, once) == ["loss"]
    assert captions(twice) == captions(once, twice) == ["loss", "mrr"]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00:00"), (59.6, "0:01:00"), (90061.2, "25:01:01")]
)
def test_a_duration_is_told_in_hours(seconds, shown):
    assert duration(run_of(sessions=[Session(datetime(2026, 1, 1), 1, seconds)])) == shown


def with_settings(name, **runner):
    facts = {"model": "m", "config": {"runner": runner}, "versions": {"textzoo": "1"}}
    return run_of(name, checkpoint=facts)


def test_settings_of_one_run_are_listed_and_of_several_those_that_differ():
    one = with_settings("a", epochs=2, metrics=["mrr"], seed=None, model_save_path="here")
    rows = page_of(settings_section([one])).tables["Settings"]
    assert ["runner.epochs", "2"] in rows and ["runner.metrics", '["mrr"]'] in rows
    other = with_settings("b", epochs=3, metrics=["mrr"], seed=7, model_save_path="there")
    section = settings_section([one, other])
    who = ["".join(run.itertext()) for run in who_is_who([one, other]).iter("li")]
    assert who == ["aepochs 2, seed –", "bepochs 3, seed 7"]
    assert page_of(section).tables["Settings that differ"] == [
        ["key", "a", "b"],
        ["runner.epochs", "2", "3"],
        ["runner.seed", "–", "7"],
    ]
    assert "1 other keys are the same" in text_of(section)
    assert "All runs have the same settings" in text_of(settings_section([one, one]))
