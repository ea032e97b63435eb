"""Checkpoints with code in place of an array, their checksums repaired: no command runs it."""

import importlib
import os
import pickle
import shutil

import paddle
import pytest
from harness.saved import repair


class Planted:
    """Makes a folder where it is unpickled."""

    def __init__(self, proof):
        self._proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self._proof),)


def plant(file, proof):
    """Put the code in the place of the first array of a file."""
    arrays = paddle.load(str(file), return_numpy=True)
    arrays[next(iter(arrays))] = Planted(proof)
    file.write_bytes(pickle.dumps(arrays, protocol=4))


@pytest.fixture
def proof(tmp_path):
    """What is there if the code ran."""
    yield tmp_path / "it ran"
    assert not (tmp_path / "it ran").exists()


def test_what_is_planted_would_run(tmp_path):
    file, proof = tmp_path / "rec.pdparams", tmp_path / "it would run"
    paddle.save({"weight": paddle.ones([2])}, str(file))
    plant(file, proof)
    assert not proof.exists()
    paddle.load(str(file))
    assert proof.exists()


# The model, the file, the command and its arguments. {run} has the planted checkpoint, {here} is
# a new folder.
ROUTES = {
    "infer": ("tagspace", "rec.pdparams", "infer", []),
    "static_infer": ("tagspace", "rec.pdparams", "infer.static", []),
    "infer of pairs": ("batchneg", "rec.pdparams", "infer", []),
    "an ensemble": ("tagspace", "rec.pdparams", "infer", ["runner.infer_ensemble=[{run}/0]"]),
    "export": ("tagspace", "rec.pdparams", "export", ["--output", "{here}/exported"]),
    "predict": ("tagspace", "rec.pdparams", "predict", ["--texts", "{here}/texts.txt"]),
    "predict of pairs": ("batchneg", "rec.pdparams", "predict", ["--texts", "{here}/texts.txt"]),
    "recall": ("batchneg", "rec.pdparams", "recall", []),
    "mine_negatives": ("batchneg", "rec.pdparams", "mine_negatives", []),
    "going on": ("tagspace", "rec.pdparams", "train", []),
    "going on from a path": ("tagspace", "rec.pdparams", "train", ["runner.resume={run}/0"]),
    "going on, the optimizer": ("tagspace", "rec.pdopt", "train", []),
    "static, the optimizer": ("tagspace", "rec.pdopt", "train.static", []),
    "weights to start from": (
        *("tagspace", "rec.pdparams", "train"),
        ["runner.model_init_path={run}/0", "runner.model_save_path={here}/new"],
    ),
    "static, weights to start from": (
        *("tagspace", "rec.pdparams", "train.static"),
        ["runner.model_init_path={run}/0", "runner.model_save_path={here}/new"],
    ),
}


@pytest.mark.parametrize("route", ROUTES)
def test_no_command_runs_what_is_planted(exported, tmp_path, proof, capsys, route):
    model, file, command, more = ROUTES[route]
    source = exported(model)
    run = shutil.copytree(source.run, tmp_path / "run")
    for name in ("0", "best"):
        plant(run / name / file, proof)
        repair(run / name)
    (tmp_path / "texts.txt").write_text("a text\n", encoding="utf-8")
    more = [text.format(run=run, here=tmp_path) for text in more]
    overrides = [text for text in more if "=" in text]
    arguments = [text for text in more if "=" not in text]
    own = [f"runner.model_save_path={run}", "runner.epochs=2"]
    arguments += ["-m", str(source.config), "-o", *source.settings, *own, *overrides]
    module, _, graph = command.partition(".")
    main = f"{graph}_main" if graph else "main"
    assert getattr(importlib.import_module(f"textzoo.commands.{module}"), main)(arguments) == 2
    said = "".join(capsys.readouterr())
    assert f"{file}: asks to call '{os.mkdir.__module__}.mkdir', expected arrays by name" in said
    assert "use another checkpoint" in said
