"""What `import textzoo` takes: nothing of what its classes need."""

import subprocess
import sys

import pytest
from conftest import ROOT

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


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(subprocess.CalledProcessError) as failure:
        imported_after("import textzoo; textzoo.Taggre")
    assert "AttributeError" in failure.value.stderr
