"""What the commands do whatever the model: shown with TagSpace, the quickest to train."""

import contextlib
import fcntl
import importlib.util
import os
import pty
import resource
import shutil
import signal
import struct
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from harness import (
    ENVIRONMENT,
    MODELS,
    Saved,
    Workspace,
    assert_same_arrays,
    assert_same_checkpoint,
    checkpoints,
    command_line,
    digests,
    infer_metrics,
    metric_lines,
    predictions,
    run,
)

MODEL = MODELS["tagspace"]
COMMANDS = ("trainer", "static_trainer", "infer", "static_infer")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("commands"), MODEL)


@pytest.fixture(scope="module")
def trained(workspace) -> Path:
    """The output of a run of two epochs. Tests that change it make a copy."""
    workspace.run("trainer", "trained")
    return workspace.output("trained")


# --- arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(command):
    result = run(command_line(command, "--help"))
    assert f"python tools/{command}.py -m models/tagspace/config.yaml" in result.stdout
    assert "-o runner.epochs=3 hyper_parameters.win_size=5" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_config_the_usage_is_shown(command):
    result = run(command_line(command), expect=2)
    assert result.stderr.startswith(f"usage: {command}.py")
    assert "-m/--config" in result.stderr


def test_version_is_printed():
    assert run(command_line("trainer", "--version")).stdout.startswith("textzoo ")


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
    truncate(output / "1" / "rec.pdopt")
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
    assert {name: evaluation[name] for name in inferred} == pytest.approx(inferred)
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
    assert result.metrics == written["checkpoints"]["1"] != written["checkpoints"]["0"]
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


# --- mistakes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """A run that must be refused.

    Attributes:
        name: of the test case.
        command: the command to run.
        overrides: after `-o`; `{here}` is a folder of this test's own.
        says: what the message has: the place, what was received, what was expected.
        file: the content of `{here}/own.tsv`; text is written as UTF-8.
        prepare: makes what else the case needs in `{here}`; gets that folder and a trained run.
    """

    name: str
    command: str
    overrides: tuple[str, ...]
    says: tuple[str, ...]
    file: bytes = b""
    prepare: Callable[[Path, Path], object] = lambda here, trained: None


def train_on(name: str, file: str, says: tuple[str, ...], *overrides: str) -> Mistake:
    """A mistake in the training data."""
    data = "runner.train_data_dir={here}/own.tsv"
    return Mistake(
        name, "trainer", (data, *overrides), says, file.encode("utf-8", "surrogateescape")
    )


def truncate(path: Path) -> None:
    """Cut a file in half."""
    os.truncate(path, path.stat().st_size // 2)


def truncated_checkpoint(here: Path, trained: Path) -> None:
    """Copy a checkpoint with half of its weights."""
    shutil.copytree(trained / "1", here / "checkpoint")
    truncate(here / "checkpoint" / "rec.pdparams")


IDS = "1,5 6 7\n"
TEXT = "music\tthe new song\ncooking\ta sharp knife\n"
MISTAKES = (
    # the data
    Mistake(
        "missing file",
        "trainer",
        ("runner.train_data_dir={here}/nowhere.tsv",),
        ("runner.train_data_dir: no such file or folder: {here}/nowhere.tsv",),
    ),
    Mistake(
        "missing validation folder",
        "trainer",
        ("runner.valid_data_dir={here}/nowhere",),
        ("runner.valid_data_dir: no such file or folder: {here}/nowhere",),
    ),
    Mistake(
        "missing test data",
        "infer",
        ("runner.test_data_dir={here}/nowhere.tsv",),
        ("runner.test_data_dir: no such file or folder: {here}/nowhere.tsv",),
    ),
    Mistake(
        "no test data named",
        "infer",
        ("runner.test_data_dir=null",),
        ("runner.test_data_dir: missing; expected a path",),
    ),
    Mistake(
        "empty folder",
        "trainer",
        ("runner.train_data_dir={here}/empty",),
        ("runner.train_data_dir: no files in {here}/empty",),
        prepare=lambda here, trained: (here / "empty").mkdir(),
    ),
    train_on("empty file", "", ("{here}/own.tsv: received no rows",)),
    train_on("blank lines only", "\n  \n\n", ("{here}/own.tsv: received no rows",)),
    train_on(
        "too many columns",
        TEXT + "music\tone\ttwo\n",
        ("{here}/own.tsv:3: ", "received 3 column(s)", "expected 2: tag<TAB>text"),
    ),
    train_on(
        "no column",
        TEXT + "just some text\n",
        ("{here}/own.tsv:3: ", "received 1 column(s)", "expected 2: tag<TAB>text"),
    ),
    train_on(
        "no tag",
        TEXT + "\tjust some text\n",
        ("{here}/own.tsv:3: ", "received no tag", "expected at least one"),
    ),
    train_on(
        "an id that is no number",
        IDS + "1,5 x7 8\n",
        ("{here}/own.tsv:2: ", "received 'x7'", "expected an integer id from 0"),
        "runner.model_save_path={here}/ids",
    ),
    train_on(
        "an id beyond the vocabulary",
        IDS + "1,5 11 8\n",
        ("{here}/own.tsv:2: ", "the word '11' is not among the model's 10 words"),
        "runner.model_save_path={here}/ids",
        "hyper_parameters.vocab_text_size=10",
    ),
    train_on(
        "not UTF-8",
        TEXT + "music\tcaf\udce9\n",
        ("{here}/own.tsv:3: ", "byte 10 is not UTF-8", "save the file as UTF-8"),
    ),
    Mistake(
        "UTF-16",
        "trainer",
        ("runner.train_data_dir={here}/own.tsv",),
        ("{here}/own.tsv:1: ", "seems to be UTF-16", "save the file as UTF-8"),
        file=TEXT.encode("utf-16"),
    ),
    train_on(
        "a line of 10 MB",
        TEXT + "music\t" + "word " * 2_000_000 + "\n",
        ("{here}/own.tsv:3: ", "longer than 4 MiB", "expected one row per line"),
    ),
    Mistake(
        "a tag that training did not have",
        "infer",
        ("runner.test_data_dir={here}/own.tsv",),
        ("{here}/own.tsv:3: ", "the tag 'astrology' is not among the model's 10 tags"),
        file=f"{TEXT}astrology\tthe new moon\n".encode(),
    ),
    # the config
    Mistake(
        "several keys at once",
        "trainer",
        (
            "runner.epoch=3",
            "runner.seed=soon",
            "runner.train_batch_size=0",
            "hyper_parameters.win_sise=5",
            "hyper_parameters.score=euclidean",
            "hyper_parameters.optimizer.beta3=0.5",
            "readers.max_len=5",
            "reader.max_len=five",
        ),
        (
            "8 problem(s):",
            "runner.epoch: unknown key; did you mean runner.epochs?",
            "runner.seed: received 'soon' (str), expected int, >= 0",
            "runner.train_batch_size: received 0 (int), expected int, > 0",
            "hyper_parameters.win_sise: unknown key; did you mean hyper_parameters.win_size?",
            "hyper_parameters.score: received 'euclidean' (str), expected one of inner | cosine",
            "hyper_parameters.optimizer.beta3: unknown key; did you mean",
            "readers: unknown key; did you mean reader?",
            "reader.max_len: received 'five' (str), expected int or null",
        ),
    ),
    Mistake(
        "no equals sign",
        "trainer",
        ("runner.epochs",),
        ("-o runner.epochs: expected key=value",),
    ),
    Mistake(
        "a value that is no YAML",
        "trainer",
        ("runner.metrics=[accuracy",),
        ("-o runner.metrics=[accuracy: the value is not valid YAML",),
    ),
    Mistake(
        "a size too small for the data",
        "trainer",
        ("hyper_parameters.vocab_tag_size=3", "runner.model_save_path={here}/new"),
        ("hyper_parameters.vocab_tag_size: received 3", "training data has 10"),
    ),
    Mistake(
        "a size that no net has",
        "trainer",
        ("hyper_parameters.win_size=0",),
        ("hyper_parameters: win_size: received 0, expected at least 1",),
    ),
    Mistake(
        "unknown metric",
        "trainer",
        ("runner.metrics=[accuracy, f1]",),
        ("runner.metrics: received 'f1', expected accuracy, ",),
    ),
    Mistake(
        "unknown metric of infer",
        "infer",
        ("runner.metrics=[recall@0]",),
        ("runner.metrics: received 'recall@0', expected accuracy, ",),
    ),
    Mistake(
        "unknown best metric",
        "trainer",
        ("runner.best_metric=acuracy",),
        ("received 'acuracy', expected accuracy, ",),
    ),
    Mistake(
        "unknown optimizer",
        "static_trainer",
        ("hyper_parameters.optimizer.class=Adan",),
        ("hyper_parameters.optimizer.class: received 'Adan', expected one of", "Adam, AdamW"),
    ),
    Mistake(
        "sparse gradients with an optimizer that miscalculates them",
        "trainer",
        (
            *("reader.ngram_buckets=50", "hyper_parameters.ngram_dim=4"),
            "hyper_parameters.sparse=true",
        ),
        (
            "hyper_parameters.optimizer.class: received Adam, but the gradients of "
            "ngram_embedding are sparse: expected one of SGD, Adagrad",
        ),
    ),
    Mistake(
        "a GPU for a build without",
        "trainer",
        ("runner.use_gpu=true",),
        ("runner.use_gpu: this build of Paddle has no CUDA", "install paddlepaddle-gpu"),
    ),
    # checkpoints
    Mistake(
        "truncated checkpoint",
        "infer",
        ("runner.infer_checkpoint={here}/checkpoint",),
        ("{here}/checkpoint/rec.pdparams: is truncated", "use another checkpoint"),
        prepare=truncated_checkpoint,
    ),
    Mistake(
        "truncated checkpoint to start from",
        "static_trainer",
        ("runner.model_init_path={here}/checkpoint", "runner.model_save_path={here}/new"),
        ("{here}/checkpoint/rec.pdparams: is truncated", "use another checkpoint"),
        prepare=truncated_checkpoint,
    ),
    Mistake(
        "infer with another net",
        "static_infer",
        ("hyper_parameters.hid_dim=65",),
        ("runner.infer_load_path: ", "hyper_parameters.hid_dim: 64 there, 65 here"),
    ),
    Mistake(
        "start from another net",
        "trainer",
        (
            "hyper_parameters.hid_dim=65",
            "runner.model_init_path={trained}/1",
            "runner.model_save_path={here}/new",
        ),
        ("runner.model_init_path: ", "does not fit", "the checkpoint has [64", "the net [65"),
    ),
    Mistake(
        "no checkpoint to infer",
        "infer",
        ("runner.infer_checkpoint={here}/nowhere",),
        ("{here}/nowhere: is not a checkpoint: expected checkpoint.json", "no such folder"),
    ),
    Mistake(
        "no folder of checkpoints",
        "infer",
        ("runner.infer_load_path={here}/nowhere",),
        ("runner.infer_load_path: no checkpoint in {here}/nowhere: train first",),
    ),
    Mistake(
        "no checkpoint to start from",
        "trainer",
        ("runner.model_init_path={here}/nowhere", "runner.model_save_path={here}/new"),
        ("{here}/nowhere: is not a checkpoint: expected checkpoint.json", "no such folder"),
    ),
    Mistake(
        "no checkpoint to go on from",
        "trainer",
        ("runner.resume={here}/nowhere",),
        ("{here}/nowhere: is not a checkpoint: expected checkpoint.json", "no such folder"),
    ),
    # the disk
    Mistake(
        "an output folder that cannot be made",
        "trainer",
        ("runner.model_save_path={here}/own.tsv/output",),
        ("runner.model_save_path: cannot write {here}/own.tsv", "choose another folder"),
    ),
    Mistake(
        "a cache folder that cannot be made",
        "trainer",
        ("runner.cache_dir={here}/own.tsv/cache", "runner.model_save_path={here}/new"),
        ("runner.cache_dir: cannot write {here}/own.tsv", "choose another folder"),
    ),
    Mistake(
        "a folder of predictions that cannot be made",
        "infer",
        ("runner.infer_output_dir={here}/own.tsv/infer",),
        ("runner.infer_output_dir: cannot write {here}/own.tsv", "choose another folder"),
    ),
)
if os.geteuid() != 0:  # for root, no folder is read-only
    MISTAKES += (
        Mistake(
            "a read-only folder",
            "trainer",
            ("runner.model_save_path={here}/locked/output",),
            ("runner.model_save_path: cannot write {here}/locked", "choose another folder"),
            prepare=lambda here, trained: (here / "locked").mkdir(mode=0o555),
        ),
    )


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_mistake_is_named_and_leaves_earlier_checkpoints_as_they_were(
    workspace, trained, tmp_path, mistake
):
    before = {name: digests(trained / name) for name in checkpoints(trained)}
    (tmp_path / "own.tsv").write_bytes(mistake.file)
    mistake.prepare(tmp_path, trained)
    overrides = [text.format(here=tmp_path, trained=trained) for text in mistake.overrides]
    result = workspace.run(mistake.command, "trained", *overrides, expect=2)
    assert result.stderr.startswith(f"{mistake.command}.py: ")
    for words in mistake.says:
        assert words.format(here=tmp_path) in result.stderr
    assert {name: digests(trained / name) for name in checkpoints(trained)} == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, ("no such config file",)),
        (b"runner: {epochs: 1\nhyper_parameters: 3\n", ("is not valid YAML", "line 2, column")),
        (b"runner: {epochs: 1, epochs: 2}\n", ("is not valid YAML", "'epochs' is given twice")),
        (b"- runner\n", ("received list, expected blocks such as `runner:`",)),
        (b"runner: {}\n# caf\xe9\n", ("is not UTF-8 (byte 16)", "save it as UTF-8")),
        (b"runner: {}\n", ("is not a model folder: net.py, reader.py", "must lie in the folder")),
    ],
    ids=["missing", "broken", "a key twice", "a list", "not UTF-8", "not in a model folder"],
)
def test_a_config_file_that_cannot_be_used_is_named(tmp_path, content, says):
    config = tmp_path / "config.yaml"
    if content is not None:
        config.write_bytes(content)
    result = run(command_line("trainer", "-m", "config.yaml"), cwd=tmp_path, expect=2)
    assert "config.yaml: " in result.stderr or f"{tmp_path}: " in result.stderr
    for words in says:
        assert words in result.stderr


def test_missing_and_mistyped_blocks_are_listed_together(tmp_path):
    config = own_folder(tmp_path / "own") / "config.yaml"
    config.write_text("hyper_parameters: {optimizer: {learning_rate: fast}}\n", encoding="utf-8")
    result = run(command_line("trainer", "-m", config), expect=2)
    assert f"{config}: 3 problem(s):" in result.stderr
    assert "runner: missing; expected a block of keys" in result.stderr
    assert "hyper_parameters.optimizer.class: missing; expected text" in result.stderr
    assert "hyper_parameters.optimizer.learning_rate: received 'fast' (str)" in result.stderr


@pytest.mark.parametrize(("command", "rate"), [("trainer", "1e+10"), ("static_trainer", "1e+37")])
def test_a_loss_that_is_not_finite_stops_the_run_and_is_never_saved(workspace, command, rate):
    name = f"exploding_{command}"
    settings = (
        "hyper_parameters.optimizer.class=SGD",
        f"hyper_parameters.optimizer.learning_rate={rate}",
        "hyper_parameters.loss=softmax",
        "runner.save_steps=1",
    )
    result = workspace.run(command, name, *settings, expect=2)
    saved = sorted(workspace.output(name).glob("step_*"), key=lambda path: Saved(path).step)
    last = saved[-1] if saved else "none yet"
    step = Saved(last).step if saved else 0
    assert f"of step {step} " in result.stderr
    assert f"at learning rate {rate}; last good checkpoint: {last}. " in result.stderr
    assert "hyper_parameters.optimizer.learning_rate or set runner.max_grad_norm" in result.stderr
    for path in saved:
        arrays = {**Saved(path).weights, **Saved(path).optimizer}
        assert all(np.isfinite(array).all() for array in arrays.values()), path


def test_a_full_disk_leaves_the_earlier_checkpoints_whole(workspace, trained):
    """Files can grow to half of what the weights need, as if the disk were full then."""
    output = workspace.copy_output("trained", "full")
    before = {name: digests(output / name) for name in checkpoints(output)}
    room = (output / "1" / "rec.pdparams").stat().st_size // 2

    more = ("runner.epochs=3", "runner.print_interval=1000")
    result = workspace.run("trainer", "full", *more, expect=2, before=full_after(room))
    assert f"cannot save the checkpoint {output / ''}" in result.stderr
    assert "File too large" in result.stderr
    assert "Earlier checkpoints are intact" in result.stderr
    assert {name: digests(output / name) for name in checkpoints(output)} == before

    workspace.run("trainer", "full", *more)  # room was made
    assert Saved(output / "2").step == 3 * Saved(output / "0").step


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("runner.save_steps=0", "cannot write {output}/metrics.jsonl: File too large. The"),
        ("runner.cache_dir={output}/new_cache", "runner.cache_dir: cannot write {output}"),
    ],
    ids=["metrics.jsonl", "the cache"],
)
def test_a_full_disk_is_named_wherever_it_shows(workspace, trained, tmp_path, override, says):
    output = workspace.copy_output("trained", tmp_path.name)
    before = {name: digests(output / name) for name in checkpoints(output)}
    room = (output / "metrics.jsonl").stat().st_size + 1000
    more = (override.format(output=output), "runner.epochs=3")
    result = workspace.run("trainer", output.name, *more, expect=2, before=full_after(room))
    assert says.format(output=output) in result.stderr
    assert {name: digests(output / name) for name in before} == before


def full_after(n_bytes: int) -> Callable[[], None]:
    """What makes a process run as if the disk were full as soon as a file has so many bytes."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))

    return limit


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
    run(command_line("trainer", "-m", own / "config.yaml"), cwd=tmp_path)
    result = run(command_line("infer", "-m", Path(own.name) / "config.yaml"), cwd=tmp_path)
    assert result.metrics["accuracy"] == 1
    first = predictions(own / "saved" / "infer")[0]
    assert first["text"] == "今天 下雨"
    assert first["tags"] == ["天气"] == [first["top"][0]["tag"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["我的模型"]


def test_folders_of_the_same_name_do_not_clash_and_the_path_stays_as_it_is(tmp_path):
    from textzoo.model_folder import load_model_folder

    path_before = sys.path[:]
    loaded = []
    for place in ("one", "two"):
        folder = own_folder(tmp_path / place / "tagspace")
        with (folder / "net.py").open("a", encoding="utf-8") as file:
            file.write(f"\nPLACE = {place!r}\n")
        loaded.append(load_model_folder(folder))
    places = [sys.modules[folder.net.__module__].PLACE for folder in loaded]
    assert places == ["one", "two"]
    assert loaded[0].reader is not loaded[1].reader
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
    result = workspace.run("trainer", "plain", "runner.epochs=1", "runner.print_interval=20")
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
