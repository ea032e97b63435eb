"""What completes `textzoo`, in the shells themselves."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from harness.workspace import model_folders

from textzoo.commands.completion import completion, main
from textzoo.commands.entry import SUBCOMMANDS

# The candidates of a command line, one a line. zsh shows what it would offer on a terminal alone:
# there `compadd` and `_describe` are replaced by what prints their words.
ASKED = {
    "bash": 'source script; COMP_WORDS=({words}); COMP_CWORD={last}; _textzoo; printf "%s\\n" '
    '"${{COMPREPLY[@]}}"',
    "zsh": "compdef() {{ :; }}; compadd() {{ [[ $1 == -- ]] && shift; print -l -- $@; }}; "
    "_files() {{ print FILES; }}; _describe() {{ print -l -- ${{${{(P)2}}%%:*}}; }}; "
    "source script; words=({words}); CURRENT=$(({last} + 1)); PREFIX=$words[CURRENT]; _textzoo",
    "fish": "source script; complete -C '{line}'",
}


@pytest.fixture(params=ASKED)
def candidates(request, tmp_path):
    """A function that gives what a shell offers for the last word of a command line."""
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    (tmp_path / "script").write_text(completion(shell), encoding="utf-8")
    program = tmp_path / "textzoo"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m textzoo "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "tools")}

    def offered(line):
        *words, word = line.split(" ")
        quoted = " ".join([*words, f"'{word}'"])
        code = ASKED[shell].format(words=quoted, last=len(words), line=line)
        options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
        said = subprocess.run(
            [shell, *options, "-c", code],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert said.stderr == ""
        lines = [line.partition("\t")[0] for line in said.stdout.splitlines()]
        return {found for found in lines if found.startswith(word)}

    return offered


def test_subcommands_models_and_options_are_offered(candidates):
    assert candidates("textzoo ") >= SUBCOMMANDS.keys()
    assert candidates("textzoo st") - {"static-train"} <= {"static-infer"}
    assert candidates("textzoo new mine --from ") >= {*model_folders()}
    options = candidates("textzoo export --")
    assert options >= {"--config", "--output", "--verify", "--trust-code", "--help"}
    assert all(re.fullmatch("--[a-z][a-z-]*", option) for option in options)
    assert candidates("textzoo serve --max-b") == {"--max-body", "--max-batch"}


def test_the_script_is_printed(capsys):
    assert main(["bash"]) == 0
    assert capsys.readouterr().out == completion("bash")
    with pytest.raises(SystemExit, match="2"):
        main(["tcsh"])
