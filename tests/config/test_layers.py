"""Which folder each key came from, and how layers meet; the files themselves: test_config_files."""

from pathlib import Path

import pytest

from textzoo.config.layers import read_layers
from textzoo.errors import UserError


def test_layers_meet_key_by_key_and_the_later_one_wins(write_config):
    write_config("runner: {epochs: 1, seed: 1}\nreader: {max_len: 3}\n", "oldest.yaml")
    write_config("base: oldest.yaml\nrunner: {seed: 2, top_k: 2}\n", "older.yaml")
    path = write_config("base: older.yaml\nrunner: {top_k: 3}\n")
    assert read_layers(path, ["runner.epochs=4"]).blocks == {
        "runner": {"epochs": 4, "seed": 2, "top_k": 3},
        "reader": {"max_len": 3},
    }


def test_each_key_remembers_the_folder_of_the_file_that_set_it_last(write_config, tmp_path):
    write_config("runner: {train_data_dir: a, test_data_dir: b}\n", "base/base.yaml")
    path = write_config("base: base/base.yaml\nrunner: {test_data_dir: c}\n")
    origins = read_layers(path, ["runner.cache_dir=d"]).origins
    assert origins == {
        "runner.train_data_dir": tmp_path / "base",
        "runner.test_data_dir": tmp_path,
        "runner.cache_dir": Path.cwd(),
    }


def test_a_block_and_a_value_replace_each_other(write_config):
    path = write_config("a: {b: {c: 1}}\n")
    assert read_layers(path, ["a.b=2"]).blocks == {"a": {"b": 2}}
    assert read_layers(path, ["a.b=2", "a.b.c=3"]).blocks == {"a": {"b": {"c": 3}}}
    assert read_layers(path, ["a.b.d=3"]).blocks == {"a": {"b": {"c": 1, "d": 3}}}


def test_the_model_folder_is_the_nearest_of_config_and_bases(write_config, tmp_path):
    write_config("runner: {}\n", "base/base.yaml")
    path = write_config("base: base/base.yaml\n")
    assert read_layers(path, []).model_folder == tmp_path
    (tmp_path / "base" / "net.py").touch()
    assert read_layers(path, []).model_folder == tmp_path / "base"
    (tmp_path / "net.py").touch()
    assert read_layers(path, []).model_folder == tmp_path


def test_a_circle_of_bases_is_named(write_config):
    write_config("base: config.yaml\n", "other.yaml")
    path = write_config("base: other.yaml\n")
    with pytest.raises(UserError, match="inherits from itself"):
        read_layers(path, [])


def test_an_override_may_hold_signs_of_yaml(write_config):
    path = write_config("{}\n")
    given = ["a.text='x=y'", "a.list=[1, 2e-1]", "a.block={b: null}", "a.data=-"]
    expected = {"text": "x=y", "list": [1, 0.2], "block": {"b": None}, "data": "-"}
    assert read_layers(path, given).blocks == {"a": expected}
