"""Which engine runs an exported folder; what they compute: export/test_writing.py."""

import json

import pytest

from textzoo.errors import UserError
from textzoo.running import engines
from textzoo.running.engines import FORMATS, is_installed, open_engine


@pytest.fixture
def installed(monkeypatch):
    """A function that says which engines' libraries are there; an engine is then its own name."""

    def say(*names):
        known = {name: (lambda folder, name=name: name, f"library of {name}") for name in FORMATS}
        monkeypatch.setattr(engines, "_ENGINES", known)
        monkeypatch.setattr(engines, "is_installed", lambda name: name in names)

    return say


@pytest.mark.parametrize(
    ("there", "formats", "asked", "chosen"),
    [
        (("paddle", "onnx"), ["paddle", "onnx"], None, "paddle"),
        (("onnx",), ["paddle", "onnx"], None, "onnx"),
        (("paddle", "onnx"), ["onnx"], None, "onnx"),
        (("paddle", "onnx"), ["paddle", "onnx"], "onnx", "onnx"),
    ],
)
def test_the_first_engine_that_can_run_is_taken_unless_one_is_asked_for(
    installed, tmp_path, there, formats, asked, chosen
):
    installed(*there)
    (tmp_path / "net.json").write_text('{"program": {}}', encoding="utf-8")
    assert open_engine(tmp_path, formats, asked) == chosen


def test_a_format_that_the_folder_lacks_is_named(installed, tmp_path):
    installed("paddle", "onnx")
    with pytest.raises(UserError, match="holds no onnx; it was exported to paddle"):
        open_engine(tmp_path, ["paddle"], "onnx")


def test_a_library_that_is_missing_is_named_with_the_way_out(installed, tmp_path):
    installed()
    with pytest.raises(UserError, match=r"onnx needs the package .*pip install 'textzoo\[onnx\]'"):
        open_engine(tmp_path, ["onnx"])


def test_whether_a_library_is_there_is_known_without_importing_it():
    assert is_installed("paddle")
    assert set(FORMATS) == {"paddle", "onnx"}


def program(name):
    """What Paddle writes of a net, with one operation inside another."""
    nested = {"#": "1.if", "regions": [{"blocks": [{"ops": [{"#": name, "A": []}]}]}]}
    return json.dumps({"program": {"regions": [{"blocks": [{"ops": [nested]}]}]}})


@pytest.mark.parametrize("name", ["save_combine", "load", "read_file", "print", "py_func"])
def test_a_program_that_does_more_than_compute_is_not_loaded(installed, tmp_path, name):
    installed("paddle")
    (tmp_path / "net.json").write_text(program("1.matmul"), encoding="utf-8")
    assert open_engine(tmp_path, ["paddle"]) == "paddle"
    (tmp_path / "net.json").write_text(program(f"1.{name}"), encoding="utf-8")
    with pytest.raises(UserError, match=f"net.json: holds the operation {name}; expected a net"):
        open_engine(tmp_path, ["paddle"])


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b"[" * 100_000])
def test_what_is_no_program_is_named(installed, tmp_path, content):
    installed("paddle")
    (tmp_path / "net.json").write_bytes(content)
    with pytest.raises(UserError, match="is damaged: no program of Paddle"):
        open_engine(tmp_path, ["paddle"])


@pytest.mark.parametrize("name", ["paddle", "onnx"])
def test_what_a_library_cannot_load_is_named(tmp_path, name):
    if not is_installed(name):
        pytest.skip(f"needs {name}")
    (tmp_path / "net.json").write_text(program("1.nothing"), encoding="utf-8")
    (tmp_path / "net.onnx").write_bytes(b"not a program")
    with pytest.raises(UserError, match=rf"{name} cannot load net\.(json|onnx): "):
        open_engine(tmp_path, [name])
