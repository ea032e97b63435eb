from pathlib import Path

import pytest
from conftest import ROOT
from harness.workspace import model_folders

from textzoo.config import bundled
from textzoo.config.bundled import bundled_config, bundled_models, hint_to_copy, models_folder
from textzoo.config.layers import read_layers
from textzoo.errors import UserError


def test_those_of_a_checkout_are_found():
    assert models_folder() == ROOT / "models"
    assert bundled_models() == model_folders()


def test_those_of_the_package_are_taken_where_they_are(tmp_path, monkeypatch):
    config = tmp_path / "site" / "textzoo" / "models" / "mine" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.touch()
    monkeypatch.setattr(bundled, "__file__", str(tmp_path / "site/textzoo/config/bundled.py"))
    assert models_folder() == config.parents[1]
    assert bundled_models() == ["mine"]


@pytest.mark.parametrize("path", ["tagspace", "models/tagspace/config.yaml", "tagspace/x.yaml"])
def test_a_config_that_is_named_like_a_bundled_one_is_said_how_to_get(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    copied = "textzoo new NAME --from tagspace makes a folder with one"
    with pytest.raises(UserError, match=f"^{path}: no such config file; {copied}$"):
        read_layers(Path(path), [])
    assert hint_to_copy(Path("mine/config.yaml")) == ""


def test_a_bundled_config_is_found_by_its_name():
    assert bundled_config("tagspace") == ROOT / "models/tagspace/config.yaml"
    assert bundled_config("tagspace/config_fast.yaml") == ROOT / "models/tagspace/config_fast.yaml"
    for name in ("tagspce", "tagspace/none.yaml", "../models/tagspace", ""):
        assert bundled_config(name) is None


def test_a_base_may_be_a_bundled_model_unless_there_is_such_a_file(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("base: tagspace\nrunner: {epochs: 9}\n", encoding="utf-8")
    layers = read_layers(config, [])
    assert layers.model_folder == ROOT / "models" / "tagspace"
    assert layers.blocks["runner"]["epochs"] == 9 and layers.blocks["hyper_parameters"]
    (tmp_path / "tagspace").write_text("runner: {seed: 4}\n", encoding="utf-8")
    assert read_layers(config, []).blocks == {"runner": {"seed": 4, "epochs": 9}}
