"""Paths in a config, and the config itself, where no command can read: refused with their key."""

import os
import socket

import pytest
from harness.configs import MINIMAL, load, problems
from harness.ordinary_user import as_ordinary_user

from textzoo.config.layers import read_layers
from textzoo.config.schema import IndexSettings, Runner
from textzoo.errors import UserError

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs files of POSIX")

# What reads data refuses these itself: each command needs some of them.
DATA = {
    *("train_data_dir", "valid_data_dir", "valid_pair_file", "test_data_dir", "test_pair_file"),
    "corpus_file",
}
KEYS = [
    f"{block}.{name}"
    for block, model in (("runner", Runner), ("index", IndexSettings))
    for name, field in model.model_fields.items()
    if "Path" in str(field.annotation) + str(field.metadata) and name not in DATA
]


def value(key, path):
    return f"[{path}]" if key == "runner.infer_ensemble" else path


def test_all_keys_of_paths_are_tested():
    assert {"runner.model_save_path", "runner.infer_ensemble", "index.path"} <= set(KEYS)
    assert len(KEYS) > 8


@pytest.mark.parametrize("key", KEYS)
def test_what_is_no_file_and_no_folder_is_named(write_config, tmp_path, key):
    os.mkfifo(tmp_path / "pipe")
    for path, kind in (("pipe", "a pipe"), (os.devnull, "a device")):
        found = problems(write_config(MINIMAL), [f"{key}={value(key, tmp_path / path)}"])
        assert found == [f"{key}: {tmp_path / path} is {kind}, expected a file or a folder"]


def test_a_socket_is_named(write_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        (found,) = problems(write_config(MINIMAL), ["runner.resume=socket"])
    assert found == f"runner.resume: {tmp_path / 'socket'} is a socket, expected a file or a folder"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("locked", ["file", "folder", "folder/inside"])
def test_what_this_user_may_not_read_is_named(write_config, tmp_path, key, locked):
    path = write_config(MINIMAL)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for name in ("file", "folder"):
        (tmp_path / name).chmod(0)
    try:
        with as_ordinary_user(tmp_path):
            found = problems(path, [f"{key}={value(key, tmp_path / locked)}"])
    finally:
        (tmp_path / "folder").chmod(0o755)
    assert found == [f"{key}: {tmp_path / locked} cannot be read: Permission denied"]


@pytest.mark.parametrize(
    ("path", "says"), [("a" * 256, "File name too long"), ("loop", "Too many levels of symbolic")]
)
def test_a_path_that_no_system_opens_is_named(write_config, tmp_path, path, says):
    (tmp_path / "loop").symlink_to("loop")
    (found,) = problems(write_config(MINIMAL), [f"runner.model_save_path={tmp_path / path}"])
    assert found.startswith("runner.model_save_path: ")
    assert f" cannot be read: {says}" in found


def test_a_path_needs_a_name_and_an_unknown_home_is_a_name(write_config, tmp_path, monkeypatch):
    found = problems(write_config(MINIMAL), ["runner.model_save_path=''"])
    assert found == ["runner.model_save_path: received '', expected a path"]
    monkeypatch.chdir(tmp_path)
    runner = load(write_config(MINIMAL), ["runner.model_save_path=~no-such-user/x"]).runner
    assert runner.model_save_path == tmp_path / "~no-such-user" / "x"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkfifo, "config.yaml is a pipe, expected a file or a folder"),
        (lambda path: path.symlink_to(os.devnull), "config.yaml is a device, expected a file"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
        (lambda path: path.mkdir(), "config.yaml: is a folder; expected a YAML file"),
        (lambda path: path.touch(0), "config.yaml cannot be read: Permission denied"),
    ],
    ids=["pipe", "device", "loop", "folder", "locked"],
)
def test_a_config_that_is_no_readable_file_is_named(tmp_path, make, says):
    path = tmp_path / "config.yaml"
    make(path)
    with as_ordinary_user(tmp_path), pytest.raises(UserError) as failure:
        read_layers(path, [])
    assert says in str(failure.value)


def test_a_base_that_is_no_readable_file_is_named(write_config):
    path = write_config({"base": os.devnull})
    with pytest.raises(UserError, match=f"{os.devnull} is a device, expected a file"):
        read_layers(path, [])
    with pytest.raises(UserError, match="File name too long"):
        read_layers(write_config({"base": "b" * 300}), [])


def test_a_name_of_data_is_left_to_what_reads_data(write_config, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in DATA:
        runner = load(write_config(MINIMAL), [f"runner.{name}={tmp_path / 'pipe'}"]).runner
        assert getattr(runner, name) == tmp_path / "pipe"
