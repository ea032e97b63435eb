"""Which engine runs an exported folder; what they compute: export/test_writing.py."""

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
