"""What the commands do whatever the model: shown with TagSpace, the quickest to train."""

import contextlib
import fcntl
import importlib.util
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from harness.running import run, run_command
from harness.workspace import (
    ENVIRONMENT,
    MODELS,
    ROOT,
    Saved,
    assert_same_arrays,
    assert_same_checkpoint,
    checkpoints,
    digests,
    infer_metrics,
    metric_lines,
    predictions,
    to_four_digits,
)

from textzoo.commands.arguments import EXAMPLES

MODEL = MODELS["tagspace"]
COMMANDS = ("trainer", "static_trainer", "infer", "static_infer")


# --- arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_shows_examples_of_what_there_is(command):
    options, _, examples = run_command(command, "--help").stdout.partition("examples:\n")
    lines = [line.split() for line in examples.splitlines() if line.startswith("  python ")]
    assert len(lines) == len(EXAMPLES[command])
    for _, script, *given in lines:
        assert Path(script) == ROOT / "tools" / f"{command}.py"
        assert all(word in options for word in given if word.startswith("-"))
        assert all((ROOT / word).is_file() for word in given if word.startswith("models/"))


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_config_the_usage_is_shown(command):
    result = run_command(command, expect=2)
    assert result.stderr.startswith(f"usage: {command}.py")
    assert "-m/--config" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["trainer", "-m", "models/tagspace/config.yaml"],
        ["evaluate", "--pairs", "none.tsv", "--result", "none.tsv"],
        ["new_model", "none", "--from", "tagspace"],
        ["prune_vocabulary", "none", "output", "--texts", "none"],
        ["report", "none"],
        ["export", "--verify", "none"],
        ["serve", "none"],
    ],
    ids=lambda command: command[0],
)
def test_a_python_without_what_is_needed_is_named(command):
    script = ROOT / "tools" / f"{command[0]}.py"
    # -S: as if nothing were installed.
    result = run([sys.executable, "-S", "-E", script, *command[1:]], expect=2)
    assert f"is not installed for {sys.executable}: activate" in result.stderr
    assert "Traceback" not in result.stderr


def test_version_is_printed():
    assert run_command("trainer", "--version").stdout.startswith("textzoo ")


# --- checkpoints and resuming ------------------------------------------------------------------


def test_only_the_newest_checkpoints_are_kept(workspace):
    workspace.run("trainer", "kept", "runner.save_steps=20", "runner.keep_checkpoints=3")
    # two epochs of 68 steps
    assert checkpoints(workspace.output("kept")) == {"step_100", "step_120", "1", "best"}


def test_a_resumed_run_may_remove_the_checkpoint_it_started_from(workspace, trained):
    output = workspace.copy_output("trained", "resumed_and_kept")
    shutil.rmtree(output / "1")
    workspace.run("trainer", output.name, "runner.save_steps=20", "runner.keep_checkpoints=1")
    assert checkpoints(output) == {"1", "best"}
    assert_same_checkpoint(output / "1", trained / "1")


def test_resume_none_starts_over_and_removes_the_earlier_run(workspace, trained):
    output = workspace.copy_output("trained", "restarted")
    (output / "1").rename(output / "step_9")
    result = workspace.run("trainer", output.name, "runner.resume=none", "runner.epochs=1")
    assert "starting over: removed 3 checkpoint(s)" in result.stdout
    assert checkpoints(output) == {"0", "best"}
    assert_same_checkpoint(output / "0", trained / "0")
    assert metric_lines(output)[0]["step"] == 1
    assert len(metric_lines(output)) == len(metric_lines(trained)) / 2


def test_resume_goes_on_from_the_checkpoint_of_a_path(workspace, trained):
    workspace.run("trainer", "from_path", f"runner.resume={trained / '0'}")
    assert checkpoints(workspace.output("from_path")) >= {"1"}
    assert_same_checkpoint(workspace.output("from_path") / "1", trained / "1")


def test_more_epochs_go_on_where_the_run_ended(workspace, trained):
    workspace.run("trainer", "longer", "runner.epochs=1")
    workspace.run("trainer", "longer", "runner.epochs=2")
    assert metric_lines(workspace.output("longer")) == metric_lines(trained)
    for name in checkpoints(trained):
        assert_same_checkpoint(workspace.output("longer") / name, trained / name)


def test_a_finished_run_says_so_and_changes_nothing(workspace, trained):
    before = {name: digests(trained / name) for name in checkpoints(trained)}
    lines = metric_lines(trained)
    result = workspace.run("trainer", "trained")
    assert "already trained to the end: raise runner.epochs" in result.stdout
    assert {name: digests(trained / name) for name in checkpoints(trained)} == before
    assert metric_lines(trained) == lines


def test_a_damaged_checkpoint_is_named_and_passed_over(workspace, trained):
    output = workspace.copy_output("trained", "damaged")
    os.truncate(output / "1" / "rec.pdopt", 10)
    result = workspace.run("trainer", output.name)
    assert f"passed over: {output / '1' / 'rec.pdopt'}: is truncated" in result.stdout
    assert f"going on from {output / '0'}" in result.stdout
    assert_same_checkpoint(output / "1", trained / "1")


def test_a_resumed_run_with_other_settings_is_refused_by_their_names(workspace, trained):
    changed = (
        "runner.seed=1",
        "hyper_parameters.win_size=3",
        "hyper_parameters.optimizer.class=Adagrad",
        "reader.lower_case=false",
    )
    result = workspace.run("trainer", "trained", *changed, "runner.epochs=3", expect=2)
    for text in changed:
        assert text.partition("=")[0] in result.stderr
    assert "hyper_parameters.win_size: 5 there, 3 here" in result.stderr
    assert "runner.resume=none" in result.stderr
    assert "runner.epochs" not in result.stderr


def test_a_resumed_run_with_other_data_is_refused(workspace, trained, tmp_path):
    file = tmp_path / "fewer.tsv"
    write_lines(file, workspace.train_lines()[:-1])
    data = f"runner.train_data_dir={file}"
    result = workspace.run("trainer", "trained", data, "runner.epochs=3", expect=2)
    assert "the data have changed" in result.stderr
    assert "runner.resume=none" in result.stderr


def test_a_new_run_can_start_from_the_weights_of_another(workspace, trained):
    """With a learning rate that changes nothing, it ends with those weights."""
    still = (
        "hyper_parameters.optimizer.class=SGD",
        "hyper_parameters.optimizer.learning_rate=1e-30",
    )
    source = f"runner.model_init_path={trained / '1'}"
    workspace.run("trainer", "warm", *still, source, "runner.epochs=1")
    warm = workspace.output("warm")
    assert_same_arrays(Saved(warm / "0").weights, Saved(trained / "1").weights)
    assert metric_lines(warm)[0]["step"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_or_one_before_training_ends_the_process(workspace, number):
    with workspace.start("trainer", f"early_{number}", "runner.epochs=1000") as started:
        started.wait_until((workspace.output(f"early_{number}") / "train.log").is_file)
        result = started.stop(number)
    assert result.status in (128 + number, -number)
    assert "Traceback" not in result.stderr


# --- validation and stopping -------------------------------------------------------------------


def test_patience_stops_a_run_that_does_not_get_better(workspace):
    settings = (
        "hyper_parameters.optimizer.class=SGD",
        "hyper_parameters.optimizer.learning_rate=1e-30",
        "runner.eval_steps=5",
        "runner.patience=2",
    )
    result = workspace.run("trainer", "patient", *settings)
    assert "stopped: 2 evaluation(s) without a better accuracy" in result.stdout
    output = workspace.output("patient")
    assert [line["step"] for line in metric_lines(output, "evaluation")] == [5, 10, 15]
    assert checkpoints(output) == {"best", "step_15"}
    assert Saved(output / "best").step == 5
    again = workspace.run("trainer", "patient", *settings)
    assert "patience had ended this run" in again.stdout


def test_best_is_the_checkpoint_of_the_best_metric_asked_for(workspace):
    settings = ("runner.eval_steps=20", "runner.metrics=[accuracy, mrr]")
    workspace.run("trainer", "best", *settings, "runner.best_metric=recall@2")
    output = workspace.output("best")
    lines = metric_lines(output, "evaluation")
    assert all({"accuracy", "mrr", "recall@2"} <= line.keys() for line in lines)
    values = [line["recall@2"] for line in lines]
    best = lines[values.index(max(values))]
    assert Saved(output / "best").step == best["step"]
    assert Saved(output / "best").facts["progress"]["best_value"] == max(values)


def test_validation_data_are_all_evaluated_and_none_is_held_out(workspace):
    valid = f"runner.valid_data_dir={workspace.test_data}"
    workspace.run("trainer", "validated", valid, "runner.epochs=1")
    (evaluation,) = metric_lines(workspace.output("validated"), "evaluation")
    inferred = workspace.run("infer", "validated", "runner.infer_checkpoint=last").metrics
    inferred.pop("expected_calibration_error")  # of rows that it was fitted to there
    assert {name: evaluation[name] for name in inferred} == pytest.approx(inferred, abs=1e-4)
    assert evaluation["step"] == 75  # all 600 rows, 8 each


# --- infer -------------------------------------------------------------------------------------


def test_a_range_of_epochs_is_inferred_without_its_end(workspace, trained, tmp_path):
    result = workspace.run(
        "infer",
        "trained",
        "runner.infer_start_epoch=0",
        "runner.infer_end_epoch=2",
        f"runner.infer_output_dir={tmp_path}",
    )
    written = infer_metrics(tmp_path)
    assert list(written["checkpoints"]) == ["0", "1"]
    assert result.metrics == to_four_digits(written["checkpoints"]["1"])
    assert written["checkpoints"]["1"] != written["checkpoints"]["0"]
    for name in "01":
        assert len(predictions(tmp_path / name)) == MODEL.test_rows


def test_an_epoch_without_a_checkpoint_is_named(workspace, trained):
    epochs = ("runner.infer_start_epoch=1", "runner.infer_end_epoch=4")
    result = workspace.run("infer", "trained", *epochs, expect=2)
    assert f"runner.infer_load_path: {trained} has no checkpoint of epoch 2, 3" in result.stderr


@pytest.mark.parametrize(
    ("asked_for", "used"), [("best", "best"), ("last", "1"), ("{trained}/0", "0"), (None, "best")]
)
def test_infer_uses_the_checkpoint_asked_for(workspace, trained, tmp_path, asked_for, used):
    choice = [f"runner.infer_checkpoint={asked_for.format(trained=trained)}"] if asked_for else []
    workspace.run("infer", "trained", *choice, f"runner.infer_output_dir={tmp_path}")
    assert infer_metrics(tmp_path)["checkpoint"] == used


# --- the user's own model folders --------------------------------------------------------------


def own_folder(target: Path) -> Path:
    """Copy the code of a model to a folder of the user's, without config and data."""
    target.mkdir(parents=True)
    for file in MODEL.folder.glob("*.py"):
        shutil.copy(file, target)
    return target


def test_a_users_own_folder_trains_on_the_users_own_data(tmp_path):
    """Chinese texts and tags, paths relative to the config, started from somewhere else."""
    own = own_folder(tmp_path / "我的模型")
    rows = ["天气\t今天 下雨", "天气\t明天 晴朗", "美食\t好吃 的 面条", "美食\t晚饭 吃 饺子"]
    write_lines(own / "train.tsv", rows * 10)
    write_lines(own / "test.tsv", rows)
    (own / "config.yaml").write_text(
        "runner: {train_data_dir: train.tsv, test_data_dir: test.tsv, epochs: 20,\n"
        "  train_batch_size: 8, model_save_path: saved}\n"
        "hyper_parameters: {emb_dim: 8, hid_dim: 16,\n"
        "  optimizer: {class: Adam, learning_rate: 1e-2}}\n",
        encoding="utf-8",
    )
    run_command("trainer", "-m", own / "config.yaml", cwd=tmp_path)
    result = run_command("infer", "-m", Path(own.name) / "config.yaml", cwd=tmp_path)
    assert result.metrics["accuracy"] == 1
    first = predictions(own / "saved" / "infer")[0]
    assert first["text"] == "今天 下雨"
    assert first["tags"] == ["天气"] == [first["top"][0]["tag"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["我的模型"]


def test_folders_of_the_same_name_do_not_clash_and_the_path_stays_as_it_is(tmp_path):
    from textzoo.config.model_folder import load_model_folder

    path_before = sys.path[:]
    loaded = []
    for place in ("one", "two"):
        folder = own_folder(tmp_path / place / "tagspace")
        with (folder / "net.py").open("a", encoding="utf-8") as file:
            file.write(f"\nPLACE = {place!r}\n")
        loaded.append(load_model_folder(folder))
    places = [sys.modules[folder.net.__module__].PLACE for folder in loaded]
    assert places == ["one", "two"]
    assert loaded[0].net is not loaded[1].net
    for folder in loaded:  # a file of the folder imports its own neighbour
        model_module = sys.modules[folder.dygraph_model.__module__]
        assert model_module.Net is folder.net
    assert sys.path == path_before


# --- what a run shows --------------------------------------------------------------------------


def test_visualdl_writes_its_log_or_is_asked_for(workspace):
    installed = importlib.util.find_spec("visualdl") is not None
    visual = ("runner.use_visual=true", "runner.epochs=1")
    result = workspace.run("trainer", "visual", *visual, expect=0 if installed else 2)
    if installed:
        assert list((workspace.output("visual") / "visual").glob("vdlrecords*"))
    else:
        assert "runner.use_visual: " in result.stderr
        assert "pip install 'textzoo[visual]'" in result.stderr


def test_without_a_terminal_a_run_prints_plain_lines(workspace):
    settings = ("runner.epochs=1", "runner.print_interval=20")
    result = run(workspace.arguments("trainer", "plain", *settings))
    assert "\r" not in result.stdout
    assert result.stderr == ""
    assert "epoch 0  step 20/68  loss " in result.stdout
    log = (workspace.output("plain") / "train.log").read_text(encoding="utf-8")
    assert "epoch 0  step 20/68  loss " in log


def test_on_a_terminal_a_run_shows_a_bar_with_the_loss(workspace):
    arguments = workspace.arguments("trainer", "bar", "runner.epochs=1")
    process, terminal = pty.fork()
    if process == 0:
        rows_and_columns = struct.pack("HHHH", 24, 120, 0, 0)
        fcntl.ioctl(0, termios.TIOCSWINSZ, rows_and_columns)
        os.execve(arguments[0], arguments, ENVIRONMENT)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other side was closed
        while part := os.read(terminal, 65536):
            shown += part
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, shown.decode()
    text = shown.decode("utf-8")
    assert "100%|" in text
    assert "68/68" in text
    assert "loss=" in text
    assert "  lr " not in text  # the lines that the bar stands for


def write_lines(path: Path, lines: list[str]) -> None:
    """Write a data file."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_missing_and_mistyped_blocks_are_listed_together(tmp_path):
    config = own_folder(tmp_path / "own") / "config.yaml"
    config.write_text("hyper_parameters: {optimizer: {learning_rate: fast}}\n", encoding="utf-8")
    result = run_command("trainer", "-m", config, expect=2)
    assert f"{config}: 3 problem(s):" in result.stderr
    assert "runner: missing; expected a block of keys" in result.stderr
    assert "hyper_parameters.optimizer.class: missing; expected text" in result.stderr
    assert "hyper_parameters.optimizer.learning_rate: received 'fast' (str)" in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["-m", "none.yaml"], ["-m", "a", "-o", "b"]])
def test_what_needs_no_paddle_does_not_import_it(arguments, tmp_path):
    code = (
        "import sys\nfrom textzoo.commands.train import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    pass\n"
        "print('paddle' in sys.modules)"
    )
    path = {**ENVIRONMENT, "PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=path, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout.decode().split()[-1] == "False"
