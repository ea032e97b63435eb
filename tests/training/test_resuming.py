"""What a run starts from: a checkpoint of its own, the weights of another, or nothing."""

import dataclasses
import logging
from types import SimpleNamespace

import numpy as np
import pytest
from harness.looping import OPTIMIZER
from harness.saved import made_up_facts, names, write_vocabulary

from textzoo.config.checking import Config
from textzoo.config.schema import IndexSettings, Optimizer, Runner
from textzoo.errors import UserError
from textzoo.training.checkpoint import save_checkpoint
from textzoo.training.facts import Progress
from textzoo.training.resuming import Start, starting_point

DATA = {"train": ["a digest"], "valid": []}


class Run:
    """Two numbers and an accumulator of each."""

    def __init__(self):
        self.shards = {}
        self.model = SimpleNamespace(
            kind="embeddings",
            word_embedding=None,
            initialise=self.draw,
            initialise_labels=lambda weights, reader: None,
        )
        self.weights = {"w": np.zeros(2, "float32")}
        self.state = {"moment/w": np.zeros(2, "float32")}

    def draw(self, weights, reader):
        weights["w"] = np.array([0.5, 0.5], "float32")

    def parameters(self):
        return dict(self.weights)

    def set_parameters(self, values):
        self.weights = dict(values)

    def optimizer_state(self):
        return dict(self.state)

    def set_optimizer_state(self, values):
        self.state = dict(values)


@pytest.fixture
def config_of(runs, tmp_path):
    def make(hyper_parameters=(), reader=(), **runner):
        runner = Runner(model_save_path=runs, **runner)
        parts = (dict(reader), dict(hyper_parameters), OPTIMIZER, IndexSettings())
        return Config(tmp_path / "config.yaml", runner, *parts)

    return make


@pytest.fixture
def save_at(runs):
    """A function that saves a checkpoint of a step, with numbers that tell of it."""

    def save(name, config, step, folder=runs):
        progress = dataclasses.asdict(Progress(step=step, epoch=1))
        facts = made_up_facts(model="m", progress=progress, data=DATA, config=config.resolved())
        weights = {"w": np.full(2, step, "float32")}
        state = {"moment/w": np.full(2, -step, "float32")}
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(folder / name, weights, state, write_vocabulary, facts)
        return folder / name

    return save


FOLDER = SimpleNamespace(path=SimpleNamespace(name="m"))


def test_a_new_run_starts_with_the_weights_that_it_draws(config_of):
    config, run = config_of(), Run()
    start = starting_point(config)
    assert start == Start(None, resumed=False) and start.vocabulary is None
    start.check_data({"train": ["anything"]})
    assert start.give(run, config, FOLDER, None) == Progress()
    assert run.weights["w"].tolist() == [0.5, 0.5]


def test_a_run_goes_on_from_its_newest_checkpoint_with_the_optimizer(config_of, save_at, caplog):
    config, run = config_of(), Run()
    save_at("0", config, 4)
    newest = save_at("step_7", config, 7)
    start = starting_point(config)
    assert start.resumed and start.vocabulary == newest / "vocabulary"
    start.check_data(DATA)
    with caplog.at_level(logging.INFO, logger="textzoo"):
        progress = start.give(run, config, FOLDER, None)
    assert (progress.step, progress.epoch) == (7, 1)
    assert run.weights["w"].tolist() == [7, 7]
    assert run.state["moment/w"].tolist() == [-7, -7]
    assert f"going on from {newest} (step 7)" in caplog.text


def test_a_path_chooses_the_checkpoint_to_go_on_from(config_of, save_at, tmp_path):
    first = save_at("0", config_of(), 4, tmp_path / "other")
    save_at("1", config_of(), 8, tmp_path / "other")
    start = starting_point(config_of(resume=first))
    assert start.resumed and start.checkpoint.facts["progress"]["step"] == 4


def test_starting_over_removes_the_checkpoints_of_the_run_before(config_of, save_at, runs):
    save_at("0", config_of(), 4)
    (runs / "notes.txt").write_text("mine", encoding="utf-8")
    config, run = config_of(resume="none"), Run()
    start = starting_point(config)
    assert start.checkpoint is None and names(runs) == ["0", "notes.txt"]  # nothing is lost yet
    assert start.give(run, config, FOLDER, None) == Progress()
    assert names(runs) == ["notes.txt"]


def test_the_weights_of_another_run_start_a_new_one(config_of, save_at, tmp_path):
    other = save_at("best", config_of(hyper_parameters={"win_size": 3}), 9, tmp_path / "other")
    config, run = config_of(hyper_parameters={"win_size": 5}, model_init_path=other), Run()
    start = starting_point(config)
    assert not start.resumed and start.vocabulary == other / "vocabulary"
    start.check_data({"train": ["other data"]})
    assert start.give(run, config, FOLDER, None) == Progress()
    assert run.weights["w"].tolist() == [9, 9]
    assert run.state["moment/w"].tolist() == [0, 0]


def test_settings_that_may_change_do_not_stop_a_run_and_others_are_all_named(config_of, save_at):
    save_at("0", config_of(hyper_parameters={"win_size": 5}, reader={"lower_case": True}), 4)
    same = {"hyper_parameters": {"win_size": 5}, "reader": {"lower_case": True}}
    assert starting_point(config_of(**same, epochs=9, print_interval=1, patience=3)).resumed
    other = {"hyper_parameters": {"win_size": 3}, "reader": {"lower_case": False}}
    with pytest.raises(UserError) as refused:
        starting_point(config_of(**other, seed=7, train_batch_size=3, valid_corpus_texts=9))
    for key in ("hyper_parameters.win_size", "reader.lower_case", "seed", "train_batch_size"):
        assert key in str(refused.value)
    assert "runner.valid_corpus_texts: 0 there, 9 here" in str(refused.value)
    assert "runner.resume=none" in str(refused.value)


def test_what_an_earlier_checkpoint_does_not_know_was_as_it_is_by_default(config_of, save_at):
    resolved = config_of().resolved()
    del resolved["runner"]["valid_corpus_texts"]
    save_at("0", SimpleNamespace(resolved=lambda: resolved), 4)
    assert starting_point(config_of()).resumed
    with pytest.raises(UserError, match="valid_corpus_texts: 0 there, 9 here"):
        starting_point(config_of(valid_corpus_texts=9))


def test_other_data_are_refused_with_the_way_out(config_of, save_at):
    save_at("0", config_of(), 4)
    with pytest.raises(UserError, match=r"the data have changed.*runner\.resume=none"):
        starting_point(config_of()).check_data({"train": ["another digest"], "valid": []})


def begun_with(epochs, resumed=True):
    facts = {"config": {"runner": {"epochs": epochs}}}
    return Start(SimpleNamespace(path="output/3", facts=facts), resumed)


def training(epochs, step, epoch, schedule="linear", warmup=0.0):
    keys = {"class": "Adam", "learning_rate": 0.1, "schedule": schedule, "warmup": warmup}
    return SimpleNamespace(
        optimizer=Optimizer.model_validate(keys),
        runner=SimpleNamespace(epochs=epochs),
        total_steps=10 * epochs,
        progress=Progress(step=step, epoch=epoch),
    )


@pytest.mark.parametrize(
    ("schedule", "warmup", "now", "before"),
    [("linear", 0, "0.05", "0"), ("cosine", 0, "0.05", "0"), ("constant", 0.9, "0.0568", "0.1")],
)
def test_more_epochs_move_the_rate_and_the_log_says_so(
    config_of, save_at, caplog, schedule, warmup, now, before
):
    """By hand: of 20 steps all are done, or of 40 the half."""
    save_at("1", config_of(epochs=2), 20)
    starting_point(config_of(epochs=4)).tell_rate(training(4, 20, 2, schedule, warmup))
    assert (
        f"runner.epochs: received 4, the run had 2 before: the {schedule} schedule goes on with a "
        f"learning rate of {now} in place of {before}"
    ) in caplog.text


@pytest.mark.parametrize(
    ("begun", "goes_on"),
    [
        (begun_with(4), training(4, 20, 2)),
        (begun_with(2), training(4, 20, 2, "constant")),
        (begun_with(4), training(2, 20, 2)),  # it is at its end
        (begun_with(2, resumed=False), training(4, 0, 0)),
        (Start(None, resumed=False), training(4, 0, 0)),
    ],
)
def test_where_the_rate_is_as_it_was_nothing_is_said(caplog, begun, goes_on):
    begun.tell_rate(goes_on)
    assert not caplog.records
