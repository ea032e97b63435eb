"""What is checked in tests/run.sh, before a commit and in the public CI."""

import os
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import ROOT

CHECKS = [
    "-m ruff check",
    "-m ruff format",
    "-m pyright",
    "lint-imports",
    "shellcheck",
    "-m pytest",
]

# In place of tools/setup_environment.sh: an environment whose programs write down what they were
# asked to do, and fail where FAILING is a part of it.
ENVIRONMENT = """
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv_python=$root/bin/python
set_up_environment() { :; }
"""
PROGRAM = """#!/usr/bin/env bash
echo "${0##*/} $*" >>asked
case "${0##*/} $*" in *"$FAILING"*) exit 7 ;; esac
"""


def shell_scripts():
    """The paths of all shell scripts of the repository."""
    folders = [ROOT / name for name in ("datasets", "doc", "models", "tests", "tools")]
    found = [path for folder in folders for path in folder.rglob("*.sh")]
    return sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / ".ci" / "run", *found])


@pytest.fixture
def checkout(tmp_path):
    """The shell scripts of the repository, in an environment in which nothing is done."""
    for script in shell_scripts():
        (tmp_path / script).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / script, tmp_path / script)
    (tmp_path / "tools" / "setup_environment.sh").write_bytes(ENVIRONMENT.encode())
    (tmp_path / "bin").mkdir()
    run = (ROOT / "tests" / "run.sh").read_text(encoding="utf-8")
    for name in {"python", *re.findall(r"\$\{venv_python%/\*\}/([\w-]+)", run)}:
        program = tmp_path / "bin" / name
        program.write_bytes(PROGRAM.encode())
        program.chmod(0o755)
    return tmp_path


def run_checks(checkout, failing, *arguments):
    """The exit status of tests/run.sh, and what the programs were asked to do."""
    done = subprocess.run(
        ["bash", str(checkout / "tests" / "run.sh"), *arguments],
        env={**os.environ, "FAILING": failing},
        timeout=60,
    )
    return done.returncode, (checkout / "asked").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("failing", CHECKS)
def test_a_check_that_fails_fails_the_run_and_lets_the_others_run(checkout, failing):
    status, asked = run_checks(checkout, failing)
    assert status != 0
    assert [check for check in CHECKS if any(check in line for line in asked)] == CHECKS


def test_a_run_in_which_nothing_fails_succeeds_and_hands_its_arguments_to_pytest(checkout):
    status, asked = run_checks(checkout, "nothing", "-k", "a b", "-x")
    assert status == 0
    assert "python -m pytest -k a b -x" in asked


def test_without_a_compiler_the_set_up_says_so_and_goes_on(tmp_path):
    """With a Python that lacks hnswlib and would fail if pip were called."""
    python = tmp_path / "python"
    python.write_bytes(b'#!/bin/sh\ncase "$*" in *hnswlib*) exit 1 ;; *) exit 7 ;; esac\n')
    python.chmod(0o755)
    script = 'source "$1"; venv_python=$2; install_hnswlib; echo "status $?"'
    given = [ROOT / "tools" / "setup_environment.sh", python]
    done = subprocess.run(
        ["bash", "-euc", script, "bash", *given],
        env={**os.environ, "CXX": "no-compiler"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "status 0\n"
    first, *more = done.stderr.splitlines()
    assert first.startswith("note: hnswlib is not installed: CXX is 'no-compiler', which does not")
    assert "exact search takes the place of backend: hnsw" in more[-1]


def test_every_shell_script_is_checked(checkout):
    _, asked = run_checks(checkout, "nothing")
    (checked,) = [line.split()[1:] for line in asked if line.startswith("shellcheck ")]
    assert sorted(checked) == shell_scripts()


def test_before_a_commit_the_linters_are_those_of_the_tests():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {hook["entry"].split(" --")[0] for hook in hooks} >= {
        *("ruff check", "ruff format", "shellcheck")
    }
    extras = (ROOT / "setup.py").read_text(encoding="utf-8")
    for hook in hooks:
        for requirement in hook["additional_dependencies"]:
            assert f'"{requirement}"' in extras, hook["id"]


def test_the_public_ci_runs_the_command_of_the_readme_with_the_oldest_and_the_newest_python():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    supported = re.findall(r"Python :: (\d+\.\d+)", setup)
    assert job["strategy"]["matrix"]["python"] == [supported[0], supported[-1]]
    command = job["steps"][-1]["run"]
    assert f"\n{command} " in (ROOT / "README.md").read_text(encoding="utf-8")
