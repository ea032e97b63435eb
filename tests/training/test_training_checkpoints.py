from types import SimpleNamespace

import numpy as np
import pytest
from harness.looping import LENGTHS, OPTIMIZER, FakeRun

from textzoo.commands.train import assemble
from textzoo.config.checking import Config
from textzoo.config.schema import IndexSettings, Runner
from textzoo.data.dataset import TrainingData
from textzoo.errors import UserError
from textzoo.training.checkpoint import load_checkpoint
from textzoo.training.facts import Progress


class SavedRun(FakeRun):
    """A run with weights and scores, for `assemble`."""

    model = SimpleNamespace(
        text_column="words",
        kind="tags",
        metrics=("accuracy",),
        train_feeds=lambda columns, rows, random: {"rows": rows},
        distinct_keys=lambda columns, rows: None,
    )

    @property
    def shards(self):
        return {}  # its weights are whole

    def parameters(self):
        return {"w": np.full(3, len(self.steps), "float32")}

    def optimizer_state(self):
        return {"moment/w": np.full(3, -len(self.steps), "float32")}


class FakeReader:
    def save(self, folder):
        (folder / "words.txt").write_text("a\n", encoding="utf-8")


def assembled(tmp_path, **runner):
    rows = SimpleNamespace(
        columns={"words": SimpleNamespace(lengths=lambda rows: LENGTHS[rows])},
        contents=["digest"],
        release=lambda: None,
    )
    settings = {"train_batch_size": 4, "model_save_path": tmp_path / "out", **runner}
    config = Config(
        tmp_path / "config.yaml", Runner(**settings), {}, {}, OPTIMIZER, IndexSettings()
    )
    (tmp_path / "out").mkdir()
    train = np.arange(1, 23, 2)  # 11 rows of the file
    data = TrainingData(FakeReader(), rows, train, rows, *np.zeros((2, 0), int))
    folder = SimpleNamespace(path=tmp_path / "mymodel")
    return assemble(config, folder, data, SavedRun(), Progress())


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        ({"keep_checkpoints": 0}, ["0", "1", "2", "step_2", "step_4", "step_8"]),
        ({"keep_checkpoints": 1}, ["2"]),
        ({}, ["2", "step_8"]),
    ],
)
def test_so_many_checkpoints_are_kept(tmp_path, keep, left):
    training = assembled(tmp_path, epochs=3, save_steps=2, **keep)
    training.fit()  # 3 steps an epoch
    found = [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()]
    assert sorted(found) == left


def test_a_checkpoint_holds_weights_progress_and_config_of_its_moment(tmp_path):
    training = assembled(tmp_path, epochs=2)
    training.fit()
    checkpoint = load_checkpoint(tmp_path / "out" / "0")
    assert checkpoint.parameters["w"].tolist() == [3, 3, 3]
    assert checkpoint.optimizer_state()["moment/w"].tolist() == [-3, -3, -3]
    assert (checkpoint.vocabulary / "words.txt").read_text(encoding="utf-8") == "a\n"
    facts = checkpoint.facts
    assert facts["model"] == "mymodel"
    progress = Progress(**facts["progress"])
    assert (progress.step, progress.epoch, progress.batch, progress.rows) == (3, 1, 0, 0)
    assert facts["config"]["runner"]["epochs"] == 2
    assert facts["data"] == {"train": ["digest"], "valid": ["digest"]}


def test_only_the_training_rows_are_trained_on(tmp_path):
    training = assembled(tmp_path)
    training.fit()
    rows = np.concatenate([micro[0]["rows"] for micro, _ in training.run.steps])
    assert sorted(rows) == list(range(1, 23, 2))


def test_an_unknown_metric_stops_before_training(tmp_path):
    with pytest.raises(UserError, match=r"runner\.metrics: received 'acc'"):
        assembled(tmp_path, metrics=["acc"])


@pytest.mark.parametrize("key", ["patience", "eval_steps"])
def test_what_needs_validation_rows_is_refused_without(tmp_path, key):
    with pytest.raises(UserError, match=rf"runner\.{key}: received 3, but there are no validation"):
        assembled(tmp_path, **{key: 3})
