"""The folder of a run; what a whole training run saves: test_training_checkpoints.py."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from harness.looping import OPTIMIZER

from textzoo.config.checking import Config
from textzoo.config.schema import IndexSettings, Runner
from textzoo.errors import UserError
from textzoo.training.checkpoint import load_checkpoint
from textzoo.training.facts import Progress
from textzoo.training.saving import Saving, output_folder


class Run:
    model = SimpleNamespace(kind="levels")

    def __init__(self):
        self.shards = {}
        self.steps = 0

    def parameters(self):
        return {"w": np.full(2, self.steps, "float32")}

    def optimizer_state(self):
        return {"moment/w": np.full(2, 10 * self.steps, "float32")}


@pytest.fixture
def saving(tmp_path):
    runner = Runner(model_save_path=tmp_path / "run", keep_checkpoints=2)
    config = Config(tmp_path / "config.yaml", runner, {}, {}, OPTIMIZER, IndexSettings())
    reader = SimpleNamespace(save=lambda folder: (folder / "words.txt").write_bytes(b"a\n"))
    (tmp_path / "run").mkdir()
    return Saving("mymodel", config, Run(), reader, {"train": ["digest"]}, Progress())


def test_a_checkpoint_holds_the_run_as_it_is_when_it_is_saved(saving):
    for step in (1, 2):
        saving.run.steps = saving.progress.step = step
        saving(f"step_{step}")
    saved = [
        load_checkpoint(saving.config.runner.model_save_path / f"step_{step}") for step in (1, 2)
    ]
    assert [each.parameters["w"].tolist() for each in saved] == [[1, 1], [2, 2]]
    assert [each.optimizer_state()["moment/w"].tolist() for each in saved] == [[10, 10], [20, 20]]
    assert [each.facts["progress"]["step"] for each in saved] == [1, 2]
    facts = saved[0].facts
    assert (facts["model"], facts["kind"], facts["data"]) == (
        "mymodel",
        "levels",
        {"train": ["digest"]},
    )
    assert facts["config"]["runner"]["keep_checkpoints"] == 2
    assert (saved[0].vocabulary / "words.txt").read_bytes() == b"a\n"


def test_the_best_one_is_kept_beside_the_newest(saving):
    for step, name in enumerate(("step_1", "best", "step_3", "step_4"), start=1):
        saving.progress.step = step
        saving(name)
    left = {path.name for path in saving.config.runner.model_save_path.iterdir()}
    assert left == {"best", "step_3", "step_4"}


def test_the_folder_of_a_run_is_made_and_logged_to(tmp_path, capsys):
    folder = tmp_path / "not" / "yet"
    with output_folder(folder):
        logging.getLogger("textzoo").info("a line of 零")
    assert (folder / "train.log").read_text(encoding="utf-8").endswith(" a line of 零\n")
    assert capsys.readouterr().out == "a line of 零\n"


def test_a_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").touch()
    says = r"runner\.model_save_path: cannot write .*file.*choose"
    with pytest.raises(UserError, match=says), output_folder(tmp_path / "file" / "run"):
        pass


def test_of_several_processes_the_first_alone_makes_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PADDLE_TRAINER_ID", "1")
    with output_folder(tmp_path / "run"):
        assert not (tmp_path / "run").exists()
