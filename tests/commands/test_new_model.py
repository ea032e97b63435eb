import shutil

import pytest
from conftest import ROOT
from harness.workspace import digests, model_folders

from textzoo.commands.new_model import main as new_model
from textzoo.commands.train import train
from textzoo.config.layers import read_layers


@pytest.mark.parametrize("name", model_folders())
def test_a_copy_stands_alone_and_trains(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert new_model(["mine/own", "--from", name]) == 0
    folder = tmp_path / "mine" / "own"
    assert "python tools/trainer.py -m mine/own/config.yaml" in capsys.readouterr().out
    source = digests(ROOT / "models" / name)
    copied = digests(folder)
    assert {k: v for k, v in copied.items() if k.endswith(".py")} == {
        k: v for k, v in source.items() if k.endswith(".py") and not k.startswith("data/")
    }
    runner = read_layers(folder / "config.yaml", []).blocks["runner"]
    for key in ("train_data_dir", "test_data_dir", "corpus_file"):
        assert runner.get(key, "data").startswith("data")
        assert (folder / runner.get(key, "data")).exists()
    assert "models/" not in (folder / "config.yaml").read_text(encoding="utf-8")
    if name == "hardestneg":  # whose data come from another model's folder
        train(folder / "config.yaml", ["runner.epochs=1"], "dygraph")
        assert (folder / "output_model" / "0").is_dir()


def test_what_is_there_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis").mkdir()
    assert new_model([str(tmp_path / "thesis"), "--from", "tagspace"]) == 2
    assert "exists; choose another folder" in capsys.readouterr().err
    assert not list((tmp_path / "thesis").iterdir())


def test_the_source_may_be_any_model_folder_and_has_to_be_one(tmp_path, capsys):
    own = shutil.copytree(ROOT / "models" / "tagspace", tmp_path / "own")
    assert new_model([str(tmp_path / "copy"), "--from", str(own)]) == 0
    assert (tmp_path / "copy" / "net.py").is_file()
    assert new_model([str(tmp_path / "x"), "--from", "tagspase"]) == 2
    assert "--from: no model tagspase; did you mean tagspace?" in capsys.readouterr().err
    (own / "net.py").write_text("class Net: pass\nraise ValueError('broken')", encoding="utf-8")
    with pytest.raises(ValueError, match="broken"):
        new_model([str(tmp_path / "x"), "--from", str(own)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "own"]
