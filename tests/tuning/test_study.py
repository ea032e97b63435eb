"""Which settings a study tries, and what it makes of how they do."""

import contextlib
import math
import sqlite3

import pytest

pytest.importorskip("optuna")

from textzoo.config.search import Between, Choices
from textzoo.errors import UserError
from textzoo.tuning.study import Study

RATE, SIZES, LOSS, DIM = "net.rate", "net.sizes", "net.loss", "net.dim"
SPACES = {
    RATE: Between(1e-4, 1e-1, log=True),
    SIZES: Choices([[3], [2, 3, 4]]),
    LOSS: Choices(["a", None]),
    DIM: Between(8, 64, step=8, is_whole=True),
}
OWN = {RATE: 0.05, SIZES: [3], LOSS: "a", DIM: 16}


def study_of(folder, own=OWN, spaces=SPACES, metric="micro_f1", facts=None):
    return Study(folder / "study.db", spaces, own, metric, 7, facts or {"a": 1})


def score(settings):
    """Best at a rate of 0.01 with the sizes [2, 3, 4]."""
    distance = abs(math.log10(settings[RATE]) + 2)
    return 1 - distance / 4 - (settings[SIZES] == [3]) / 10


def try_next(study, evaluate=score):
    asked = study.ask()
    value = evaluate(asked.settings)
    for share in (0.5, 0.8, 1.0):
        if not asked.judge(share * value):
            return study.end(asked, "pruned", 1.0)
    return study.end(asked, "complete", 2.0)


def test_the_first_trial_is_the_config_as_it_is_and_others_are_within_the_spaces(tmp_path):
    study = study_of(tmp_path)
    trials = [try_next(study) for _ in range(12)]
    assert trials[0].settings == OWN
    assert trials[0].value == score(OWN)
    for trial in trials:
        assert 1e-4 <= trial.settings[RATE] <= 1e-1
        assert trial.settings[SIZES] in ([3], [2, 3, 4])
        assert trial.settings[DIM] in range(8, 65, 8)
        assert trial.settings[RATE] == float(f"{trial.settings[RATE]:.4g}")
    assert {str(trial.settings[LOSS]) for trial in trials} == {"a", "None"}
    assert [trial.number for trial in study.trials] == list(range(12))
    assert study.best == max(
        (trial for trial in trials if trial.state == "complete"), key=lambda trial: trial.value
    )
    assert study.best.value > trials[0].value


def test_a_value_that_is_in_no_space_is_that_of_the_first_trial_all_the_same(tmp_path):
    own = {RATE: "auto", SIZES: [9], LOSS: "a", DIM: 17}
    study = study_of(tmp_path, own)
    asked = study.ask()
    assert asked.settings == own
    asked.judge(0.5)
    study.end(asked, "complete", 1.0)
    later = [try_next(study).settings for _ in range(9)]
    assert own not in later and all(SPACES[DIM].low <= one[DIM] for one in later)


def test_it_is_pruned_what_is_worse_than_the_median_after_as_many_evaluations(tmp_path):
    study = study_of(tmp_path)
    values = iter([0.5, 0.6, 0.7, 0.8, 0.64, 0.66, 0.3])
    states = [try_next(study, lambda _: next(values)).state for _ in range(7)]
    # Of the first four the median is 0.65; of what is complete after the sixth it is 0.66.
    assert states == ["complete"] * 4 + ["pruned", "complete", "pruned"]
    assert len(study.trials[-1].values) == 2  # not by the first evaluation
    assert study.best.value == 0.8


def test_of_an_error_less_is_better(tmp_path):
    study = study_of(tmp_path, metric="hamming_loss")
    for value in (0.3, 0.1, 0.2):
        asked = study.ask()
        asked.judge(value + 0.5)
        asked.judge(value)
        study.end(asked, "complete", 1.0)
    assert (study.best.number, study.best.value) == (1, 0.1)


def test_of_equals_the_first_one_is_best_and_a_failed_one_never(tmp_path):
    study = study_of(tmp_path)
    for state in ("complete", "complete", "failed"):
        asked = study.ask()
        asked.judge(0.5 + (state == "failed"))
        study.end(asked, state, 1.0, "a note")
    assert study.best.number == 0
    assert study.trials[2].value is None and study.trials[2].note == "a note"


def test_one_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = study_of(tmp_path / "whole")
    expected = [try_next(whole) for _ in range(12)]
    for n_trials in (0, 1, 5, 12):  # after each, one is killed at work
        study = study_of(tmp_path / "parts")
        while len(study.trials) < n_trials:
            try_next(study)
        study.ask().judge(0.9)
    assert study_of(tmp_path / "parts").trials == expected


def test_settings_that_were_tried_are_known_again(tmp_path):
    spaces = {LOSS: SPACES[LOSS]}
    study = study_of(tmp_path, {LOSS: "a"}, spaces)
    seen = []
    for _ in range(4):
        asked = study.ask()
        if earlier := study.repeated(asked):
            seen.append(study.repeat(asked, earlier))
        else:
            asked.judge(0.5)
            study.end(asked, "complete", 1.0)
    assert len(seen) == 2
    assert all(trial.value == 0.5 and trial.note.startswith("as trial ") for trial in seen)


def test_trials_of_other_settings_are_refused(tmp_path):
    try_next(study_of(tmp_path, facts={"runner": {"epochs": 3}, "same": 1}))
    with pytest.raises(UserError, match=r"study.db: holds trials of other") as refused:
        study_of(tmp_path, facts={"runner": {"epochs": 4}, "same": 1})
    assert "  runner.epochs: 3 there, 4 here\n" in str(refused.value)


def test_what_is_no_study_is_refused(tmp_path):
    content = b"not a database, but long enough to be looked at" * 99
    (tmp_path / "study.db").write_bytes(content)
    with pytest.raises(UserError, match=r"study.db: cannot be used as a study .*--output"):
        study_of(tmp_path)
    assert (tmp_path / "study.db").read_bytes() == content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM trial_user_attributes WHERE key = 'seconds'", "trial 0 tells no seconds"),
        ("UPDATE trial_user_attributes SET value_json = '7'", "trial 0 tells no settings"),
        (
            "UPDATE trial_user_attributes SET value_json = '{}' WHERE key = 'settings'",
            "trial 0 is of other keys",
        ),
        ("UPDATE trial_user_attributes SET value_json = '{'", "Expecting property name"),
        ("UPDATE study_user_attributes SET value_json = '7' WHERE key = 'facts'", "its facts"),
    ],
)
def test_a_database_that_others_have_changed_is_refused(tmp_path, change, said):
    try_next(study_of(tmp_path))
    with contextlib.closing(sqlite3.connect(tmp_path / "study.db")) as database:
        database.execute(change)
        database.commit()
    with pytest.raises(UserError, match=rf"study.db: cannot be used as a study .*{said}"):
        try_next(study_of(tmp_path))


@pytest.mark.parametrize("name", ["a b", "#1?x=%20", "标签"])
def test_its_folder_may_have_any_name(tmp_path, name):
    (tmp_path / name).mkdir()
    try_next(study_of(tmp_path / name))
    assert [path.name for path in (tmp_path / name).iterdir()] == ["study.db"]
    assert len(study_of(tmp_path / name).trials) == 1
