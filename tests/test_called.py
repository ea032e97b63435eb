import ast
import subprocess
import sys

import pytest
from conftest import ROOT

from textzoo.called import command, is_script, package, program

LIBRARY = ROOT / "tools" / "textzoo"


@pytest.mark.parametrize(
    ("called", "spoken_of", "typed"),
    [
        ("tools/trainer.py", "static_infer.py", "python tools/static_infer.py"),
        ("./tools/new_model.py", "static_infer.py", "python tools/static_infer.py"),
        *((name, "textzoo static-infer", "textzoo static-infer") for name in ("textzoo", "pytest")),
        ("/usr/bin/textzoo-train", "textzoo static-infer", "textzoo static-infer"),
        ("my/trainer.py", "textzoo static-infer", "textzoo static-infer"),
        ("", "textzoo static-infer", "textzoo static-infer"),
        (str(LIBRARY / "__main__.py"), *["python -m textzoo static-infer"] * 2),
    ],
)
def test_others_are_spoken_of_as_this_one_was_called(monkeypatch, called, spoken_of, typed):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [called, "-m", "config.yaml"])
    assert (program("static_infer"), command("static_infer")) == (spoken_of, typed)
    assert is_script() == (spoken_of == "static_infer.py")


def test_a_script_is_found_from_where_it_was_called(monkeypatch):
    monkeypatch.chdir(ROOT / "models" / "tagspace")
    monkeypatch.setattr(sys, "argv", ["../../tools/trainer.py"])
    assert command("infer") == "python ../../tools/infer.py"
    monkeypatch.setattr(sys, "argv", [])
    assert package() == "textzoo"


def test_a_place_with_a_space_is_quoted(tmp_path):
    """Of a checkout in such a place, with a script that says what to type."""
    tools = tmp_path / "a b" / "tools"
    (tools / "textzoo").mkdir(parents=True)
    (tools / "textzoo" / "__init__.py").touch()
    (tools / "textzoo" / "called.py").write_bytes((LIBRARY / "called.py").read_bytes())
    script = tools / "trainer.py"
    script.write_text("from textzoo.called import command\nprint(command('infer'))")
    said = subprocess.check_output([sys.executable, "-E", script], text=True, cwd=tmp_path)
    assert said == f'python "{(tools / "infer.py").as_posix()}"\n'


def test_no_message_of_the_library_names_a_script_by_itself():
    """But for the keys' descriptions, which are a page of doc/, and what code says of itself."""
    scripts = {path.name for path in (ROOT / "tools").glob("*.py")}
    files = sorted({*LIBRARY.rglob("*.py")} - {LIBRARY / "config" / "schema.py"})
    found = [(file.name, text) for file in files for text in _texts(file)]
    assert [(name, text) for name, text in found if any(s in text for s in scripts)] == []


def _texts(file):
    """The strings of a module, without docstrings."""
    nodes = [*ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    constants = [node for node in nodes if isinstance(node, ast.Constant)]
    return [n.value for n in constants if isinstance(n.value, str) and id(n) not in docstrings]
