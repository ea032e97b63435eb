"""A run whose config has variables of the environment: what it keeps, and how it goes on."""

import json

import pytest
from harness.own_model import write_own_model
from harness.workspace import digests

from textzoo.commands.train import main as train
from textzoo.config.loading import load_config

VALUES = {"RATE": "0.05", "DATA": "rows", "RUNS": "output", "SECRET": "s3cret"}


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config in which data, learning rate and output are variables."""
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    path = write_own_model(tmp_path)
    path.write_text(
        f"base: {path.rename(path.with_name('base.yaml')).name}\n"
        "runner: {train_data_dir: '${DATA}/train.tsv', model_save_path: '${RUNS}'}\n"
        "hyper_parameters:\n  optimizer:\n    learning_rate: ${RATE}\n"
        "index: {token: '${SECRET}'}\n",
        encoding="utf-8",
    )
    rows = path.with_name("rows")
    rows.mkdir()
    lines = [f"{'ab'[n % 2]}\t{'ab'[n % 2]} word {n}\n" for n in range(20)]
    (rows / "train.tsv").write_text("".join(lines), encoding="utf-8")
    return path


def run(config, n_epochs, *overrides):
    fixed = ("runner.valid_fraction=0.0", f"runner.epochs={n_epochs}")
    return train(["-m", str(config), "-o", *fixed, *overrides])


def checkpoints(output):
    """The digests of their files."""
    return {name: digest for name, digest in digests(output).items() if "/" in name}


def test_checkpoints_keep_values_and_a_run_goes_on_with_the_same(config, monkeypatch, capsys):
    output = config.with_name("output")
    assert run(config, 1) == 0
    kept = json.loads((output / "0" / "checkpoint.json").read_text(encoding="utf-8"))["config"]
    assert kept["hyper_parameters"]["optimizer"]["learning_rate"] == 0.05
    assert kept["runner"]["train_data_dir"] == str(config.with_name("rows") / "train.tsv")
    assert not [path for path in output.rglob("*.json*") if b"s3cret" in path.read_bytes()]
    before = checkpoints(output)

    monkeypatch.setenv("RATE", "0.5")
    assert run(config, 2) == 2
    assert "optimizer.learning_rate: 0.05 there, 0.5 here" in capsys.readouterr().err
    monkeypatch.delenv("RATE")
    assert run(config, 2) == 2
    said = capsys.readouterr().err
    place = f"{config}:5: hyper_parameters.optimizer.learning_rate: "
    assert f"{place}the environment variable RATE is not set" in said
    assert checkpoints(output) == before

    assert run(config, 2, "hyper_parameters.optimizer.learning_rate=0.05") == 0
    assert (output / "1").is_dir()
    assert "s3cret" not in "".join(capsys.readouterr())


def test_a_resolved_value_is_that_of_the_variable(config):
    loaded, _ = load_config(config, [])
    assert loaded.index.token.get_secret_value() == "s3cret"
    assert "s3cret" not in json.dumps(loaded.resolved())
