"""What every model of the zoo is tested with: run the commands, look at what they leave behind.

A new model is one more entry in `MODELS`; `test_models.py` then runs everything over it.
"""

import hashlib
import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Optional

import numpy as np
import yaml

from harness.running import ENVIRONMENT, ROOT, TIMEOUT, Result, command_line, run_command


@dataclass(frozen=True)
class Model:
    """What the harness cannot see from a model's folder.

    Attributes:
        name: the folder in `models/`.
        overrides: make the net so small that a run takes a second or two.
        malformed: a training line that the model's reader refuses.
        complaint: what it says about that line: what it received, what it expected.
        first_is_gold: the metric that is the share of rows whose first prediction is a tag of
            theirs.
        train_rows: how much of the sample to train on: enough to learn something in two epochs.
        test_rows: how much of the sample to evaluate; no multiple of the batch sizes used.
    """

    name: str
    overrides: tuple[str, ...]
    malformed: str
    complaint: tuple[str, ...]
    first_is_gold: str = "accuracy"
    train_rows: int = 600
    test_rows: int = 101

    @property
    def folder(self) -> Path:
        """The model's folder."""
        return ROOT / "models" / self.name

    @property
    def config(self) -> Path:
        """The model's config of the sample data."""
        return self.folder / "config.yaml"


def _of_pairs(name: str) -> Model:
    """A model of pairs with a small transformer; the texts of the pairs are the corpus.

    The net is no smaller, and learns no faster, than it takes to tell the texts apart. With the
    hardest negative of a batch, a smaller or a faster one embeds all texts alike (Schroff et al.
    2015, section 3.2): cosines then differ in their last bits, and with them the engines' ranks.
    """
    sizes = {"num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 64}
    return Model(
        name,
        overrides=(
            "runner.corpus_file=null",
            "hyper_parameters.encoder.config=tiny",
            *(f"hyper_parameters.encoder.{key}={size}" for key, size in sizes.items()),
            "hyper_parameters.output_emb_size=64",
            "hyper_parameters.optimizer.learning_rate=0.001",
        ),
        malformed="the only text",
        complaint=("received 1 column(s)", "expected 2 or 3"),
        first_is_gold="recall@1",
    )


# The linear part has tests of its own, and would hide what a net has learned.
_NET_ALONE = "hyper_parameters.linear.features=none"

MODELS = {
    model.name: model
    for model in (
        Model(
            "tagspace",
            overrides=(
                _NET_ALONE,
                "hyper_parameters.emb_dim=16",
                "hyper_parameters.hid_dim=64",
                "hyper_parameters.optimizer.learning_rate=0.01",
            ),
            malformed="music\tone column\ttoo many",
            complaint=("received 3 column(s)", "expected 2"),
        ),
        Model(
            "multilabel",
            overrides=(
                _NET_ALONE,
                "hyper_parameters.encoder.hidden_size=16",
                "hyper_parameters.encoder.intermediate_size=16",
                "hyper_parameters.n_filters=16",
                "hyper_parameters.optimizer.learning_rate=0.01",
            ),
            malformed="停车\t三列\t太多",
            complaint=("received 3 column(s)", "expected 2"),
            first_is_gold="precision@1",
        ),
        Model(
            "xmlcnn",
            overrides=(
                _NET_ALONE,
                "hyper_parameters.emb_dim=16",
                "hyper_parameters.n_filters=32",
                "hyper_parameters.hidden_dim=0",
                "hyper_parameters.hidden_dropout=0.1",
                "hyper_parameters.optimizer.learning_rate=0.02",
            ),
            malformed="roads\tone column\ttoo many",
            complaint=("received 3 column(s)", "expected 2"),
            first_is_gold="precision@1",
        ),
        _of_pairs("batchneg"),
        _of_pairs("hardestneg"),
    )
}

# Random numbers that a net draws itself differ between processes, as their rows do.
NO_DROPOUT: dict[str, tuple[str, ...]] = {
    "tagspace": (),
    "xmlcnn": ("hyper_parameters.hidden_dropout=0.0",),
    "multilabel": (
        "hyper_parameters.dropout=0.0",
        "hyper_parameters.word_dropout=0.0",
        "hyper_parameters.r_drop=0.0",
        "hyper_parameters.encoder.hidden_dropout_prob=0.0",
        "hyper_parameters.encoder.attention_probs_dropout_prob=0.0",
    ),
    "batchneg": (
        "hyper_parameters.encoder.hidden_dropout_prob=0.0",
        "hyper_parameters.encoder.attention_probs_dropout_prob=0.0",
    ),
}
NO_DROPOUT["hardestneg"] = NO_DROPOUT["batchneg"]


def model_folders() -> list[str]:
    """The names of all model folders of the repository."""
    return sorted(config.parent.name for config in (ROOT / "models").glob("*/config.yaml"))


class Workspace:
    """A folder for runs of one model: a small part of its sample data, a cache, the outputs."""

    def __init__(self, folder: Path, model: Model):
        self.folder = folder
        self.model = model
        runner = yaml.safe_load(model.config.read_text(encoding="utf-8"))["runner"]
        self.train_data, self.test_data = folder / "data" / "train", folder / "data" / "test"
        copy_rows(model.folder / runner["train_data_dir"], self.train_data, model.train_rows)
        copy_rows(model.folder / runner["test_data_dir"], self.test_data, model.test_rows)

    def output(self, name: str) -> Path:
        """The `model_save_path` of the run of this name."""
        return self.folder / "output" / name

    def arguments(
        self, command: str, output: str, *overrides: str, config: Optional[Path] = None
    ) -> list[str]:
        """The arguments of a process that runs a command on this data.

        Args:
            command: `trainer`, `static_trainer`, `infer` or `static_infer`.
            output: the name of the run.
            overrides: `key=value`, as after `-o`.
            config: the config file as it is given after `-m`.
        """
        settings = self.settings(output)
        return command_line(command, "-m", config or self.model.config, "-o", *settings, *overrides)

    def settings(self, output: str) -> list[str]:
        """The overrides that make a small run of this name on this data."""
        return [
            f"runner.train_data_dir={self.train_data}",
            f"runner.test_data_dir={self.test_data}",
            f"runner.cache_dir={self.folder / 'cache'}",
            f"runner.model_save_path={self.output(output)}",
            "runner.valid_fraction=0.1",
            "runner.train_batch_size=8",
            "runner.infer_batch_size=50",
            "runner.epochs=2",
            "runner.print_interval=1",
            *self.model.overrides,
        ]

    def run(
        self,
        command: str,
        output: str,
        *overrides: str,
        config: Optional[Path] = None,
        expect: int = 0,
        cwd: Path = ROOT,
    ) -> Result:
        """Run a command in this process; see `arguments` and the function `run_command`."""
        given = self.arguments(command, output, *overrides, config=config)[2:]
        return run_command(command, *given, expect=expect, cwd=cwd)

    def start(self, command: str, output: str, *overrides: str) -> "Started":
        """Start a command, to be disturbed while it runs."""
        return Started(self.arguments(command, output, *overrides), self.output(output))

    def copy_output(self, output: str, name: str) -> Path:
        """Copy the output of a run, so that a test may change it."""
        return Path(shutil.copytree(self.output(output), self.output(name)))

    def train_lines(self) -> list[str]:
        """The lines of the training data."""
        return _lines(self.train_data)

    def test_lines(self) -> list[str]:
        """The lines of the test data."""
        return _lines(self.test_data)


def _lines(folder: Path) -> list[str]:
    texts = [file.read_text(encoding="utf-8") for file in sorted(folder.iterdir())]
    return [line for text in texts for line in text.split("\n") if line]


def copy_rows(source: Path, target: Path, n_rows: int) -> None:
    """Copy the first rows of a data file, or of each file in a folder, to a new folder."""
    target.mkdir(parents=True)
    files = [source] if source.is_file() else [path for path in source.iterdir() if path.is_file()]
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            text = "".join(islice(lines, n_rows))
        (target / file.name).write_bytes(text.encode())


class Started:
    """A training run that is still at work. Use it as a context manager: it leaves no process."""

    def __init__(self, arguments: list[str], output: Path):
        self._arguments = arguments
        self._output = output
        self._log = output / "metrics.jsonl"
        self._log_before = _identity(self._log)
        self.process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    @property
    def half_written(self) -> list[Path]:
        """Checkpoints that are being written right now."""
        return list(self._output.glob(".tmp-*"))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to happen while the process runs."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert self.process.poll() is None, f"ended before it was disturbed: {self.end()}"
            assert time.monotonic() < deadline, "the run hangs"
            time.sleep(0.0005)

    def wait_for_step(self, step: int) -> None:
        """Wait until this process, not one before it, has reported this step or a later one."""
        self.wait_until(
            lambda: (
                _identity(self._log) not in (None, self._log_before)
                and last_step(self._log) >= step
            )
        )

    def wait_for_seconds(self, seconds: float) -> None:
        """Let the process run for so long."""
        end = time.monotonic() + seconds
        self.wait_until(lambda: time.monotonic() >= end)

    def end(self) -> Result:
        """Wait for the end."""
        stdout, stderr = self.process.communicate(timeout=TIMEOUT)
        return Result(self._arguments, self.process.returncode, stdout, stderr)

    def stop(self, number: signal.Signals) -> Result:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.end()


def last_step(log: Path) -> int:
    """The step of the last whole line of a metrics.jsonl that is being written; -1 for none."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        steps = re.findall(rb'"step": (\d+).*\n', file.read())
    return int(steps[-1]) if steps else -1


def _identity(path: Path) -> Optional[int]:
    """What tells a file from one that replaces it: a run writes metrics.jsonl anew as it starts."""
    return path.stat().st_ino if path.is_file() else None


def metric_lines(output: Path, kind: Optional[str] = None) -> list[dict[str, Any]]:
    """The lines of a run's metrics.jsonl without what the clock decides.

    Args:
        output: the run's `model_save_path`.
        kind: only the lines of this kind; default: of `train` and `evaluation`.
    """
    lines = [json.loads(line) for line in (output / "metrics.jsonl").open(encoding="utf-8")]
    for line in lines:
        for clock in ("rows_per_second", "seconds", "started"):
            line.pop(clock, None)
    kinds = (kind,) if kind else ("train", "evaluation")
    return [line for line in lines if line["kind"] in kinds]


def predictions(folder: Path) -> list[dict[str, Any]]:
    """The rows of a predictions.jsonl."""
    lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def to_four_digits(metrics: dict[str, Any]) -> dict[str, Any]:
    """Metrics as they are printed, where those of files are exact."""
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in metrics.items()}


def infer_metrics(folder: Path) -> dict[str, Any]:
    """The content of an infer_metrics.json."""
    return json.loads((folder / "infer_metrics.json").read_text(encoding="utf-8"))


def first_is_gold(rows: list[dict[str, Any]]) -> float:
    """The share of predictions whose first tag is one of the row's own."""
    return sum(row["top"][0]["tag"] in row["tags"] for row in rows) / len(rows)


def checkpoints(output: Path) -> set[str]:
    """The names of all folders in an output that hold a checkpoint, or began to."""
    return {path.name for path in output.iterdir() if path.is_dir() and path.name != "infer"}


@dataclass(frozen=True)
class Saved:
    """The content of a checkpoint."""

    path: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What checkpoint.json says."""
        return json.loads((self.path / "checkpoint.json").read_text(encoding="utf-8"))

    @property
    def step(self) -> int:
        """How many updates were made."""
        return self.facts["progress"]["step"]

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """The net's weights by name."""
        return self._arrays("rec.pdparams")

    @cached_property
    def optimizer(self) -> dict[str, np.ndarray]:
        """The optimizer's accumulators by name."""
        return self._arrays("rec.pdopt")

    def _arrays(self, file: str) -> dict[str, np.ndarray]:
        import paddle

        return paddle.load(str(self.path / file), return_numpy=True)


def assert_same_arrays(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    """Check that two sets of arrays are equal to the last bit."""
    assert ours.keys() == theirs.keys()
    different = [
        name
        for name in ours
        if ours[name].dtype != theirs[name].dtype
        or ours[name].shape != theirs[name].shape
        or ours[name].tobytes() != theirs[name].tobytes()
    ]
    assert not different


def assert_same_checkpoint(ours: Path, theirs: Path) -> None:
    """Check that weights, optimizer and progress of two checkpoints are equal to the last bit."""
    assert_same_arrays(Saved(ours).weights, Saved(theirs).weights)
    assert_same_arrays(Saved(ours).optimizer, Saved(theirs).optimizer)
    assert Saved(ours).facts["progress"] == Saved(theirs).facts["progress"]


def digests(folder: Path) -> dict[str, str]:
    """The checksum of every file below a folder, by its relative name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files_below(folder)
    }


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, sorted."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
