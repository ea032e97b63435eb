"""Finding settings, as a user does it; most trials are made up, for what a study makes of them."""

import json
import os
import signal
import sys
import time

import pytest
import yaml
from harness.running import TIMEOUT, command_line, run, run_command
from harness.workspace import MODELS, Started, Workspace

pytest.importorskip("optuna")

import textzoo.tuning.apart as apart
from textzoo.commands.tune import main
from textzoo.config.loading import load_config
from textzoo.errors import NotFinite, UserError
from textzoo.tuning.apart import Ended

RATE = "hyper_parameters.optimizer.learning_rate"
SEARCH = {RATE: {"low": 1e-3, "high": 1e-1, "log": True}, "hyper_parameters.win_size": [3, 5]}


@pytest.fixture
def config(write_config, workspace, tmp_path):
    """A config of the sample of tagspace, of which the test rows are not there."""
    settings = [part.partition("=") for part in workspace.settings("any")]
    base = write_config(
        {"base": str(workspace.model.config), "search": SEARCH}, "settings/config.yaml"
    )
    runner = {
        key.removeprefix("runner."): yaml.safe_load(value)
        for key, _, value in settings
        if key.startswith("runner.")
    }
    runner |= {"model_save_path": str(tmp_path / "run"), "test_data_dir": str(tmp_path / "none")}
    content = yaml.safe_load(base.read_text(encoding="utf-8"))
    base.write_text(yaml.safe_dump({**content, "runner": runner}), encoding="utf-8")
    return base


class Killed(BaseException):
    """The process is no more."""


@pytest.fixture
def trials(monkeypatch):
    """What is trained: trials are made up, whose score is best at a rate of 0.01.

    A function in it, by the number of the trial, does something else.
    """
    made = []
    disturbed = {}

    def run_apart(work, arguments, judge, seconds=None):
        path, overrides = arguments
        made.append(load_config(path, overrides)[0])
        folder = made[-1].runner.model_save_path
        folder.mkdir(parents=True)
        (folder / "metrics.jsonl").write_bytes(b"")
        number = int(folder.name.removeprefix("trial_"))
        if number in disturbed:
            return disturbed[number]()
        rate = made[-1].optimizer.learning_rate
        for share in (0.5, 0.9, 1.0):
            if not judge(share * (1 - abs(rate - 0.01))):
                return Ended("stopped")
        return Ended("done")

    monkeypatch.setattr(apart, "run_apart", run_apart)
    made_of = type("Made", (), {"configs": made, "disturbed": disturbed})
    return made_of()


def tune(config, *arguments, expect=0):
    return run_command("tune", "-m", config, *arguments, expect=expect, cwd=config.parent)


def told(study):
    lines = (study / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def raising(failure):
    def fail():
        raise failure

    return fail


def test_no_file_keeps_the_token_of_an_index(config, trials, tmp_path):
    tune(config, "--trials", 5, "-o", "index.token=sEcReT", "index.recall_num=7")
    study = tmp_path / "run_tune"
    assert load_config(study / "best_config.yaml", [])[0].index.recall_num == 7
    files = [path for path in study.rglob("*") if path.is_file()]
    assert len(files) > 3 and not [path for path in files if b"sEcReT" in path.read_bytes()]


def test_the_best_settings_are_told_and_written(config, trials, tmp_path):
    said = tune(config, "--trials", 9, "-o", "runner.epochs=7").stdout
    study = tmp_path / "run_tune"
    lines = told(study)
    assert len(lines) == len(trials.configs) == 9
    assert all(made.runner.epochs == 7 for made in trials.configs)
    best = max((line for line in lines if line["value"]), key=lambda line: line["value"])
    assert best["value"] > lines[0]["value"] and lines[0]["settings"][RATE] == 0.003
    assert f"best: trial {best['number']}, accuracy {best['value']:.4f} on the validation" in said
    assert f"  {RATE}: {best['settings'][RATE]}, was 0.003" in said
    assert len([line for line in said.splitlines() if line.startswith("trial ")]) == 9
    assert f"infer.py -m {study / 'best_config.yaml'}" in said
    found, _ = load_config(study / "best_config.yaml", [])
    assert found.runner.model_save_path == study / f"trial_{best['number']}"
    assert (found.optimizer.learning_rate, found.runner.epochs) == (best["settings"][RATE], 7)
    assert [path.name for path in study.glob("trial_*")] == [f"trial_{best['number']}"]
    assert (study / "tune.log").read_text(encoding="utf-8").count("trial ") >= 9


def test_rows_left_out_judge_a_linear_part_alone(config, trials, tmp_path):
    alone = ("runner.epochs=0", "hyper_parameters.linear.features=words")
    for given, rows in (("0", "rows left out"), ("0.1", "validation rows")):
        study = tmp_path / given
        more = (*alone, f"runner.valid_fraction={given}")
        said = tune(config, "--trials", 1, "--output", study, "-o", *more).stdout
        written = (study / "best_config.yaml").read_text(encoding="utf-8")
        assert [text.count(rows) for text in (said, written)] == [2, 1]
        assert "validation rows" not in said or given == "0.1"


def test_the_same_command_goes_on_and_more_trials_are_added(config, trials, tmp_path):
    first = tune(config, "--trials", 4).stdout
    assert "best: trial" in first
    again = tune(config, "--trials", 4).stdout
    assert len(trials.configs) == 4 and "going on after 4 trials" in again
    assert again.splitlines()[1:] == first.splitlines()[5:]
    tune(config, "--trials", 6)
    assert len(trials.configs) == 6 and len(told(tmp_path / "run_tune")) == 6


def test_one_that_was_killed_is_dropped_and_made_again(config, trials, tmp_path):
    trials.disturbed[2] = raising(Killed())
    with pytest.raises(Killed):
        tune(config, "--trials", 5)
    assert len(told(tmp_path / "run_tune")) == 2
    trials.disturbed.clear()
    tune(config, "--trials", 5)
    lines = told(tmp_path / "run_tune")
    assert [line["number"] for line in lines] == [0, 1, 2, 3, 4]
    rates = [made.optimizer.learning_rate for made in trials.configs]
    assert rates[2] == rates[3]  # the same settings
    alone = tune(config, "--trials", 5, "--output", tmp_path / "alone")
    assert alone.status == 0
    killed, whole = (told(tmp_path / name) for name in ("run_tune", "alone"))
    assert [line["settings"] for line in killed] == [line["settings"] for line in whole]


def test_an_interrupted_command_says_that_it_goes_on(config, trials, tmp_path):
    trials.disturbed[1] = raising(KeyboardInterrupt())
    said = tune(config, "--trials", 3, expect=130)
    assert "trial 1 was interrupted and is dropped: the same command goes on" in said.stdout
    assert [path.name for path in (tmp_path / "run_tune").glob("trial_*")] == ["trial_0"]


def test_a_trial_that_fails_is_not_the_end(config, trials, tmp_path):
    trials.disturbed |= {
        1: lambda: Ended("failed", "step 3: the loss is nan"),
        2: lambda: Ended("mistaken", "reader.max_words: no"),
    }
    said = tune(config, "--trials", 5).stdout
    assert "failed  0 s" in said and ": step 3: the loss is nan" in said
    assert [line["state"] for line in told(tmp_path / "run_tune")][:3] == [
        *("complete", "failed", "failed"),
    ]


def test_a_mistake_in_the_config_itself_is_the_end_and_is_tried_again(config, trials, tmp_path):
    trials.disturbed[0] = lambda: Ended("mistaken", "embedding.file: no such file: x")
    said = tune(config, "--trials", 5, expect=2)
    assert "tune.py: embedding.file: no such file: x\n" in said.stderr
    assert told(tmp_path / "run_tune") == []
    trials.disturbed.clear()
    tune(config, "--trials", 1)
    assert told(tmp_path / "run_tune")[0]["state"] == "complete"


def test_after_three_failures_and_no_success_it_ends(config, trials):
    for number in range(9):
        trials.disturbed[number] = lambda: Ended("failed", "the loss is nan")
    said = tune(config, "--trials", 9, expect=2)
    assert "the first 3 trials failed: the loss is nan" in said.stderr
    assert len(trials.configs) == 3


def test_it_ends_when_time_is_up_and_goes_on_with_more(config, trials, tmp_path):
    trials.disturbed[2] = lambda: Ended("out of time")
    said = tune(config, "--timeout", "1h30m").stdout
    assert "time is up: the last trial is dropped" in said and "best: trial" in said
    assert len(told(tmp_path / "run_tune")) == 2
    trials.disturbed[0] = trials.disturbed[2]
    ended = tune(config, "--timeout", "45s", "--output", tmp_path / "b", expect=2)
    assert "no trial was completed: raise --timeout or --trials" in ended.stderr


def test_a_long_trial_is_told_of(config, trials):
    def slow():
        time.sleep(1.0)
        return Ended("done")

    trials.disturbed[0] = slow
    ended = tune(config, "--trials", 1, "-o", "runner.print_seconds=0.2", expect=2)
    assert "trial 0: at work for 00:00" in ended.stdout


def test_it_says_that_no_other_settings_were_better(config, trials):
    best = ["-o", f"{RATE}=0.01", f"search={{{RATE}: [0.01, 0.09]}}"]
    said = tune(config, "--trials", 3, *best).stdout
    assert "best: trial 0, accuracy " in said
    assert "validation rows, the config as it is: no other settings were better" in said


@pytest.mark.parametrize("text", ["", "30", "x", "m", "0m", "1h-3m"])
def test_a_time_is_refused_that_is_none(config, text, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["-m", str(config), f"--timeout={text}"])
    assert f"received {text}, expected such as 45s, 30m, 1h30m" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("runner.valid_fraction=0", "runner.valid_fraction: received 0 without runner.valid_data_"),
        ("runner.processes=2", "runner.processes: received 2, expected 1: each trial is trained"),
        ("runner.train_data_dir=nowhere", "runner.train_data_dir: no such file or folder"),
    ],
)
def test_what_gives_no_trials_is_refused_before_any(config, trials, tmp_path, override, said):
    assert said in tune(config, "-o", override, expect=2).stderr
    assert not (tmp_path / "run_tune").exists() and not trials.configs


def test_other_settings_in_the_same_folder_are_refused(config, trials):
    tune(config, "--trials", 1)
    said = tune(config, "--trials", 2, "-o", "hyper_parameters.hid_dim=9", expect=2).stderr
    assert "study.db: holds trials of other settings:\n  hyper_parameters.hid_dim: " in said
    said = tune(config, "--trials", 2, "-o", f"search={{{RATE}: [0.1]}}", expect=2).stderr
    assert f"  search.{RATE}.high: 0.1 there, None here\n" in said


def test_without_optuna_the_extra_is_named(config, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "textzoo.tuning.study", raising=False)
    monkeypatch.delitem(sys.modules, "textzoo.tuning.folder", raising=False)
    said = tune(config, expect=2).stderr
    assert "tuning needs Optuna: pip install 'textzoo[tune]'" in said


# ------------------------------------------------------------------------ trials that are trained


@pytest.fixture
def trained_here(monkeypatch):
    """Trials are trained in this process, which saves the start of Python and of Paddle."""

    class Stopped(BaseException):
        pass

    def run_apart(work, arguments, judge, seconds=None):
        def tell(value):
            if not judge(value):
                raise Stopped

        try:
            work(tell, *arguments)
        except Stopped:
            return Ended("stopped")
        except NotFinite as failure:
            return Ended("failed", str(failure))
        except UserError as mistake:
            return Ended("mistaken", str(mistake))
        return Ended("done")

    monkeypatch.setattr(apart, "run_apart", run_apart)


@pytest.mark.parametrize("name", MODELS)
def test_each_model_is_tuned_and_its_best_config_trains_and_infers(name, tmp_path, trained_here):
    work = Workspace(tmp_path, MODELS[name])
    settings = [*work.settings("run"), "runner.epochs=1"]
    said = run_command("tune", "-m", work.model.config, "--trials", 2, "-o", *settings).stdout
    study = work.output("run_tune")
    assert [line["state"] for line in told(study)] == ["complete"] * 2, said
    best = study / "best_config.yaml"
    (kept,) = study.glob("trial_*")
    assert (kept / "best" / "checkpoint.json").is_file()
    assert f"best: trial {kept.name[-1]}" in said
    assert run_command("infer", "-m", best).metrics
    again = run_command("trainer", "-m", best, "-o", "runner.resume=none").stdout
    (value,) = {line["value"] for line in told(study) if f"trial_{line['number']}" == kept.name}
    metric = told(study)[0]["metric"]
    assert f"best {metric} {value:.4f} at step" in again


def test_caches_and_linear_parts_of_the_same_settings_are_shared(tmp_path, trained_here):
    work = Workspace(tmp_path, MODELS["tagspace"])
    search = {RATE: [0.003, 0.004, 0.005], "hyper_parameters.linear.idf_power": [1.0, 0.5]}
    settings = [*work.settings("run"), "runner.epochs=1", "hyper_parameters.linear.features=words"]
    settings.append(f"search={json.dumps(search)}")
    run_command("tune", "-m", work.model.config, "--trials", 5, "-o", *settings)
    powers = {
        line["settings"]["hyper_parameters.linear.idf_power"]
        for line in told(work.output("run_tune"))
    }
    assert len(list((work.folder / "cache").glob("linear-*"))) == len(powers) == 2
    assert len(list((work.folder / "cache").glob("rows-*"))) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_killed_command_leaves_no_process_and_goes_on(config, tmp_path):
    arguments = command_line("tune", "-m", config, "--trials", "1", "-o", "runner.epochs=1")
    study = tmp_path / "run_tune"
    with Started(arguments, study) as started:
        lock = study / "trial_0" / ".lock"
        started.wait_until(lambda: lock.is_file() and b"process" in lock.read_bytes())
        trial = int(lock.read_text(encoding="utf-8").split()[1])
        started.stop(signal.SIGKILL)
    deadline = time.monotonic() + TIMEOUT
    while _is_alive(trial):
        assert time.monotonic() < deadline, "the trial outlives the command"
        time.sleep(0.05)
    assert not (study / "best_config.yaml").exists()
    run(arguments)
    assert [(line["number"], line["state"]) for line in told(study)] == [(0, "complete")]
    assert load_config(study / "best_config.yaml", [])[0].runner.model_save_path == lock.parent


def _is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
