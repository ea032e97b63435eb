"""Mistakes of a user, and what the commands are to say to each of them."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.workspace import MODELS

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
    Mistake(
        "validation rows without labels",
        "trainer",
        (
            "runner.valid_data_dir={here}/own.tsv",
            "runner.valid_fraction=0",
            "runner.model_save_path={here}/new",
        ),
        ("runner.valid_data_dir: none of the validation rows has a label",),
        file=b"\tthe new song\n",
    ),
    Mistake(
        "validation rows with the labels of others",
        "trainer",
        (
            "runner.valid_data_dir={here}/own.tsv",
            "runner.valid_fraction=0",
            "runner.model_save_path={here}/new",
        ),
        ("runner.valid_data_dir: none of the labels of the validation rows is one of the train",),
        file=b"nobody\tthe new song\nnothing\tan old one\n",
    ),
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
        ("hyper_parameters.vocab_text_size: received 10, but the training data has 12",),
        "runner.model_save_path={here}/ids",
        "hyper_parameters.vocab_text_size=10",
    ),
    train_on(
        "an id that no table is made for",
        IDS + "1,5 99999999 8\n",
        ("{here}/own.tsv:2: ", "the word id '99999999', expected one below 1,000,000; or set rea"),
        "runner.model_save_path={here}/ids",
    ),
    train_on(
        "one tag in all",
        "music\tone text\nmusic\tanother text\n",
        ("vocab_tag_size: received 1, expected 2 or more tags among the training rows",),
        "runner.model_save_path={here}/one",
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
            "reader.max_len: received 'five' (str), expected int, > 0 or null",
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
        ("hyper_parameters.win_size: received 0 (int), expected int, > 0",),
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
        ("runner.model_init_path: ", "does not fit", "received [64", "expected [65"),
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
        ("runner.infer_output_dir: cannot write {here}/own.tsv", "choose another place"),
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
