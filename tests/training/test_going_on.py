"""A run that goes on: in its folder or another one, with its best checkpoint or without."""

import json
import shutil

import pytest
from harness.saved import repair
from harness.workspace import assert_same_checkpoint, checkpoints, digests, metric_lines

from textzoo.commands.train import train
from textzoo.errors import UserError
from textzoo.training.facts import read_facts


@pytest.fixture
def earlier(exported, tmp_path):
    """The folder of a run of one epoch, to be changed at will."""
    return shutil.copytree(exported("tagspace").run, tmp_path / "earlier")


@pytest.fixture
def go_on(exported, earlier, tmp_path):
    """A function that trains a second epoch, by default in a new folder."""

    def run(*more, folder=tmp_path / "new"):
        source = exported("tagspace")
        own = (f"runner.model_save_path={folder}", "runner.epochs=2")
        train(source.config, [*source.settings, *own, *more], "dygraph")
        return folder

    return run


def set_best(*folders, **progress):
    for folder in folders:
        repair(folder, lambda facts: facts["progress"].update(progress))


def step_of(folder):
    return read_facts(folder)["progress"]["step"]


# ------------------------------------------------------------------ in another folder


def test_the_best_checkpoint_comes_along_to_a_new_folder(earlier, go_on, capsys):
    set_best(earlier / "0", earlier / "best", best_value=2.0)  # nothing will be better
    new = go_on(f"runner.resume={earlier / '0'}")
    assert_same_checkpoint(new / "best", earlier / "best")
    said = f"best accuracy 2.0000 at step {step_of(earlier / 'best')}: {new / 'best'}"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("state", ["gone", "damaged", "of a later step"])
def test_a_best_checkpoint_that_is_not_there_is_forgotten(earlier, go_on, capsys, state):
    set_best(earlier / "0", earlier / "best", best_value=2.0)
    if state == "gone":
        shutil.rmtree(earlier / "best")
    elif state == "damaged":
        (earlier / "best" / "rec.pdparams").write_bytes(b"")
    else:
        set_best(earlier / "best", step=1000)
    new = go_on(f"runner.resume={earlier / '0'}")
    said = capsys.readouterr().out
    assert f"{earlier} has no best checkpoint of step {step_of(earlier / '0')}" in said
    told = metric_lines(new, "evaluation")[-1]
    assert f"best accuracy {told['accuracy']:.4f} at step {told['step']}: {new / 'best'}" in said
    assert step_of(new / "best") == told["step"] == step_of(new / "1")


def test_the_log_of_the_run_comes_along_and_replaces_that_of_another(earlier, go_on, tmp_path):
    (tmp_path / "new").mkdir()
    foreign = [{"kind": "train", "step": step, "loss": 9.0} for step in (1, 10_000)]
    text = "".join(json.dumps(line) + "\n" for line in foreign)
    (tmp_path / "new" / "metrics.jsonl").write_text(text, encoding="utf-8")
    new = go_on(f"runner.resume={earlier / '0'}")
    here = go_on(folder=earlier)  # what the same run tells where it began
    assert metric_lines(new) == metric_lines(here)
    assert [line["step"] for line in metric_lines(new, "session")] == [0, step_of(earlier / "0")]


def test_a_checkpoint_without_a_log_beside_it_gives_none(earlier, go_on):
    (earlier / "metrics.jsonl").unlink()
    new = go_on(f"runner.resume={earlier / '0'}")
    assert metric_lines(new)[0]["step"] > step_of(earlier / "0")


@pytest.mark.parametrize("there", ["0", "best"])
def test_the_checkpoints_of_another_run_are_not_mixed_with(earlier, go_on, tmp_path, there):
    other = tmp_path / "new"
    shutil.copytree(earlier / there, other / there)
    before = digests(other)
    with pytest.raises(UserError) as refusal:
        go_on(f"runner.resume={earlier / '0'}")
    assert f"runner.resume: {other} holds other checkpoints" in str(refusal.value)
    assert f"{there}; go on from the newest with -o runner.resume=auto" in str(refusal.value)
    assert {name: digests(other)[name] for name in before} == before


# ------------------------------------------------------------------ in its own folder


def test_going_back_in_a_folder_with_later_checkpoints_is_refused(earlier, go_on):
    go_on(folder=earlier)
    before = digests(earlier)
    with pytest.raises(UserError, match=r"those before .*0: 1; go on from the newest"):
        go_on(f"runner.resume={earlier / '0'}", "runner.epochs=3", folder=earlier)
    after = digests(earlier)
    del before["train.log"], before[".lock"]
    assert {name: after[name] for name in before} == before


def test_going_back_to_the_best_one_is_refused_where_there_are_later_ones(earlier, go_on):
    go_on(folder=earlier)
    shutil.rmtree(earlier / "best")
    (earlier / "0").rename(earlier / "best")
    with pytest.raises(UserError, match=r"those before .*best: 1; go on from the newest"):
        go_on(f"runner.resume={earlier / 'best'}", folder=earlier)


def test_the_newest_checkpoint_may_be_named_by_its_path(earlier, go_on):
    go_on(f"runner.resume={earlier / '0'}", folder=earlier)
    assert checkpoints(earlier) == {"0", "1", "best"}


def test_a_best_checkpoint_alone_is_gone_on_from(earlier, go_on, tmp_path):
    """Someone has kept nothing else: it is not removed."""
    whole = shutil.copytree(earlier, tmp_path / "whole")
    shutil.rmtree(earlier / "0")
    go_on(folder=earlier)
    go_on(folder=whole)
    assert_same_checkpoint(earlier / "1", whole / "1")
    assert metric_lines(earlier) == metric_lines(whole)


# ------------------------------------------------------------------ what is best


def test_another_metric_than_the_one_that_chose_best_is_refused(earlier, go_on):
    before = digests(earlier / "best")
    with pytest.raises(UserError) as refusal:
        go_on("runner.best_metric=recall@5", folder=earlier)
    assert str(refusal.value).startswith("runner.best_metric: received recall@5, but accuracy has")
    assert "-o runner.best_metric=accuracy" in str(refusal.value)
    assert digests(earlier / "best") == before


def test_the_same_metric_may_be_named(earlier, go_on):
    go_on("runner.best_metric=accuracy", folder=earlier)
    assert read_facts(earlier / "1")["progress"]["best_metric"] == "accuracy"


@pytest.mark.parametrize("setting", ["threshold=0.25", "propensity_a=0.5", "propensity_b=2.6"])
def test_what_a_metric_depends_on_stays_as_it_was(earlier, go_on, setting):
    with pytest.raises(UserError, match=rf"other settings:\n  runner\.{setting.split('=')[0]}: "):
        go_on(f"runner.{setting}", folder=earlier)


def test_an_optimizer_of_other_arrays_is_refused(earlier, go_on):
    import paddle

    file = earlier / "0" / "rec.pdopt"
    state = paddle.load(str(file), return_numpy=True)
    name = next(name for name, array in state.items() if array.size > 1)
    paddle.save({**state, name: state[name][:-1], "more/w": state[name]}, str(file))
    repair(earlier / "0")
    with pytest.raises(UserError) as refusal:
        go_on(folder=earlier)
    assert f"runner.resume: {file} does not fit this optimizer:" in str(refusal.value)
    assert "\n  unexpected: more/w" in str(refusal.value)
    assert f"\n  {name}: received {list(state[name][:-1].shape)}, expected" in str(refusal.value)
