"""What a report shows of the study that found a run's settings."""

import re

import pytest

pytest.importorskip("matplotlib")

from harness.reported import Page, lines, make_run, page_of, random_rows

from textzoo.report.recorded import best_trial

RATE, LOSS, SIZE = "hyper_parameters.optimizer.learning_rate", "hyper_parameters.loss", "reader.n"


def trial(number, value, rate, loss="margin", state="complete", metric="micro_f1", **more):
    settings = {RATE: rate, LOSS: loss, SIZE: 3}
    facts = {"number": number, "state": state, "settings": settings, "value": value}
    return {"metric": metric, **facts, "values": [0.1], "seconds": 2.4, "note": "", **more}


TRIALS = [
    trial(0, 0.5, "auto"),
    trial(1, 0.75, 0.01, "softmax"),
    trial(2, None, 0.02, state="pruned"),
    trial(3, 0.75, 0.0001),
    trial(4, None, 0.03, state="failed", note="step 3: the loss is <nan>"),
]


@pytest.fixture
def study(tmp_path):
    """The folder of a study, with the run of its best trial."""
    make_run(tmp_path / "trial_1", random_rows(20)[2], {"micro_f1": 0.5})
    (tmp_path / "trials.jsonl").write_text(lines(*TRIALS), encoding="utf-8")
    return tmp_path


def test_the_report_of_a_study_is_that_of_its_best_trial_and_of_all_trials(study):
    text = page_of(study)
    page = Page(text)
    assert page.headings[:2] == ["Metrics", "Search"]
    assert "5 trials: 3 complete, 1 pruned, 1 failed." in text
    assert "trial 1: micro_f1 0.7500" in text and "(trial 0) 0.5000" in text
    header, *rows = page.tables["All trials"]
    assert header[:4] == ["trial", "micro_f1", "state", "seconds"]
    assert header[4:] == ["optimizer.learning_rate", "loss", SIZE]
    assert rows[0] == ["0", "0.5000", "complete", "2", "auto", "margin", "3"]
    assert rows[4][1:3] == ["", "failed: step 3: the loss is <nan>"]


def test_the_score_is_drawn_by_trial_and_by_each_key_that_differs(study):
    shown = re.findall(r'aria-label="(micro_f1 by [^"]*)"', page_of(study))
    assert shown == ["micro_f1 by trial", f"micro_f1 by {RATE}", f"micro_f1 by {LOSS}"]


def test_of_an_error_the_lowest_is_best_and_of_equals_the_first():
    errors = [
        trial(i, value, 0.1, metric="hamming_loss") for i, value in enumerate((0.3, 0.1, 0.1))
    ]
    assert best_trial(errors) == errors[1]
    assert best_trial(TRIALS) == TRIALS[1]
    assert best_trial(TRIALS[2:3]) is None


def test_a_damaged_line_is_named_and_left_out(study, caplog):
    with (study / "trials.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"number": 5, "value": NaN}\n{"cut')
    assert "5 trials" in page_of(study)
    assert "trials.jsonl:6: metric: Field required; this and 1 more lines are" in caplog.text


def test_a_run_alone_has_no_such_section(study):
    assert "Search" not in Page(page_of(study / "trial_1")).headings
