"""What `import textzoo` takes: nothing of what its classes need."""

import subprocess
import sys

import pytest
from conftest import ROOT

from textzoo.commands.entry import SUBCOMMANDS

HEAVY = {"paddle", "hnswlib", "numpy", "pydantic", "yaml", "fastapi"}


def imported_after(statement):
    code = f"import sys; sys.path.insert(0, 'tools'); {statement}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_importing_textzoo_imports_no_package_behind_it():
    assert not imported_after("import textzoo") & HEAVY


@pytest.mark.parametrize("name", ["Tagger", "Encoder"])
def test_serving_a_model_needs_no_index(name):
    assert "hnswlib" not in imported_after(f"from textzoo import {name}")


@pytest.mark.parametrize(
    "command",
    [
        *(
            f"check_data; check_data.main(['-m', 'models/{model}/config.yaml'])"
            for model in ("tagspace", "multilabel", "batchneg")
        ),
        "evaluate; evaluate.main(['--qrels', 'QRELS', '--run', 'RUN'])",
    ],
)
def test_what_computes_no_net_imports_no_paddle(command, tmp_path):
    (tmp_path / "qrels").write_text("1 0 a 1\n", encoding="utf-8")
    (tmp_path / "run").write_text("1 Q0 a 1 0.5 x\n", encoding="utf-8")
    for name in ("qrels", "run"):
        command = command.replace(name.upper(), (tmp_path / name).as_posix())
    imported = imported_after(f"from textzoo.commands import {command}")
    assert "textzoo.text.streams" in imported  # it has read something
    assert "paddle" not in imported


@pytest.mark.parametrize("command", sorted({one.module for one in SUBCOMMANDS.values()}))
def test_the_help_of_a_command_needs_neither_paddle_nor_the_schema(command):
    assert not imported_after(f"import textzoo.commands.{command}") & {"paddle", "pydantic"}


def test_inference_of_labels_imports_no_solver():
    imported = imported_after("from textzoo.inference import restoring")
    assert "paddle" in imported
    assert not {"scipy.sparse", "scipy.linalg", "hnswlib"} & imported


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(subprocess.CalledProcessError) as failure:
        imported_after("import textzoo; textzoo.Taggre")
    assert "AttributeError" in failure.value.stderr
