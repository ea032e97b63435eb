import ast
import importlib
import re
import subprocess
import sys

import pytest
from conftest import ROOT

import textzoo
from textzoo.called import subcommand
from textzoo.commands.entry import SUBCOMMANDS, main

HEAVY = {"paddle", "hnswlib", "scipy", "tokenizers", "fastapi"}


def scripts():
    """For each script of `tools/` the module and the function that it starts."""
    for file in sorted((ROOT / "tools").glob("*.py")):
        call = re.search(r"start\((.*)\)\)", file.read_text(encoding="utf-8"))
        if call:
            module, function = [*ast.literal_eval(f"({call[1]},)"), "main"][:2]
            yield file.stem, (module, function)


def test_each_script_is_a_subcommand_that_starts_the_same():
    started = {subcommand(script): call for script, call in scripts()}
    assert {name: (of.module, of.function) for name, of in SUBCOMMANDS.items()} == {
        **started,
        "completion": ("completion", "main"),
    }
    assert len(started) == 20


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_a_subcommand_gets_its_arguments_and_tells_its_name(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert not ended.value.code
    assert capsys.readouterr().out.startswith(f"usage: textzoo {name} ")


def test_what_a_subcommand_returns_is_the_status(monkeypatch):
    train = importlib.import_module("textzoo.commands.train")
    monkeypatch.setattr(train, "static_main", lambda arguments: len(arguments))
    assert main(["static-train", "-m", "a", "-o"]) == 3


def test_help_lists_every_subcommand(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for name, of in SUBCOMMANDS.items():
        assert re.search(rf"^  {name}  +{re.escape(of.summary)}$", said, re.MULTILINE)
    assert main([]) == 2
    assert capsys.readouterr().err == said


def test_an_unknown_subcommand_is_refused_with_the_nearest(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["trian", "-m", "config.yaml"])
    assert "textzoo: error: no command trian; did you mean train?" in capsys.readouterr().err


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"textzoo {textzoo.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"]])
def test_help_imports_nothing_that_takes_long(arguments):
    code = (
        "import sys; sys.path.insert(0, 'tools'); from textzoo.commands.entry import main\n"
        f"try: main({arguments})\nexcept SystemExit: print(*sys.modules)"
    )
    said = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    loaded = set(said.splitlines()[-1].split())
    assert "argparse" in loaded
    assert not loaded & (HEAVY | {"numpy", "pydantic", "yaml"})


def test_as_a_module_it_names_itself_so():
    code = ["-m", "textzoo", "train", "-m", "tagspace"]
    done = subprocess.run(
        [sys.executable, *code], cwd=ROOT / "tools", capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == (
        "python -m textzoo train: tagspace: no such config file; "
        "python -m textzoo new NAME --from tagspace makes a folder with one\n"
    )
