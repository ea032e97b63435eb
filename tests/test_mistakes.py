"""Mistakes of a user: the message, the exit status, and nothing lost. Shown with TagSpace."""

import os
import resource
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from harness import (
    MODELS,
    Saved,
    checkpoints,
    command_line,
    digests,
    run,
)

MODEL = MODELS["tagspace"]
COMMANDS = ("trainer", "static_trainer", "infer", "static_infer")


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
        "more tags than have names",
        "trainer",
        ("hyper_parameters.vocab_tag_size=11", "runner.model_save_path={here}/new"),
        ("hyper_parameters.vocab_tag_size: received 11", "training data has 10"),
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
        "a checkpoint in place of its folder",
        "infer",
        ("runner.infer_load_path={trained}/1",),
        ("it is one itself: -o runner.infer_checkpoint={trained}/1",),
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
        assert words.format(here=tmp_path, trained=trained) in result.stderr
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
