"""The folder of a study: what is kept in it, and what is left alone."""

import json

import pytest

pytest.importorskip("optuna")

from textzoo.config.layers import read_layers
from textzoo.errors import UserError
from textzoo.tuning.folder import StudyFolder
from textzoo.tuning.study import Trial

OWN = {"runner.train_batch_size": 32, "net.sizes": None}


def trial(number, value=0.5, settings=OWN, state="complete"):
    return Trial(number, state, settings, value, [0.4, 0.5], 1.5, "")


def make_runs(folder, *names):
    for name in names:
        (folder / name / "best").mkdir(parents=True)
        (folder / name / "train.log").write_text("a line", encoding="utf-8")


def test_the_run_of_the_best_trial_is_kept_and_what_is_of_no_trial(tmp_path):
    make_runs(tmp_path, "trial_0", "trial_1", "trial_2", "trial_3", "trial_9", "mine", "trial_x")
    place = StudyFolder(tmp_path)
    place.keep([trial(0), trial(1, 0.6), trial(2, None, state="pruned")], 1, "mrr")
    kept = {path.name for path in tmp_path.iterdir()}  # trial_3 was killed, there was no trial_9
    assert kept == {"trial_1", "trial_9", "mine", "trial_x", "trials.jsonl"}
    assert (tmp_path / "trial_1" / "train.log").is_file()
    lines = (tmp_path / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    assert [(line["metric"], line["value"]) for line in map(json.loads, lines)] == [
        *(("mrr", 0.5), ("mrr", 0.6), ("mrr", None)),
    ]


def test_the_best_config_has_what_differs_and_the_run(tmp_path, write_config):
    base = write_config({"runner": {"epochs": 3}, "net": {"sizes": [1]}})
    place = StudyFolder(tmp_path / "a study")
    (tmp_path / "a study").mkdir()
    settings = {"runner.train_batch_size": 32, "net.sizes": [2, 3]}
    given = {"runner.cache_dir": "/a ${b}"}
    place.write_best(base, trial(4, 0.6, settings), OWN, given, ["mrr 0.6", "Trial 4."])
    text = place.best_config.read_text(encoding="utf-8")
    assert text.startswith("# Found by textzoo tune: mrr 0.6\n# Trial 4.\n\nbase: ../config.yaml\n")
    assert "  sizes: [2, 3]  # was null\n" in text
    assert read_layers(place.best_config, []).blocks == {
        "runner": {"epochs": 3, "cache_dir": "/a ${b}", "model_save_path": "trial_4"},
        "net": {"sizes": [2, 3]},
    }


def test_one_command_at_a_time_holds_it_and_logs_to_it(tmp_path):
    place = StudyFolder(tmp_path / "new" / "study")
    with place.held():
        assert (place.path / "tune.log").is_file()
    with place.held():  # it was killed before there was a database
        pass


def test_a_folder_of_something_else_is_refused(tmp_path):
    make_runs(tmp_path, "best", "0")
    with pytest.raises(
        UserError, match=r"--output: .* holds something other than a study: 0, best"
    ):
        StudyFolder(tmp_path).held().__enter__()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"--output: .*file is a file; expected a folder to make"):
        StudyFolder(tmp_path / "file").held().__enter__()
