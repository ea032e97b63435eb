import runpy
import shutil
import sys

import pytest
from conftest import ROOT

SCRIPTS = sorted((ROOT / "models").glob("*/data/make_sample.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.parts[-3])
def test_the_sample_of_a_model_is_what_its_script_writes(script, tmp_path, monkeypatch):
    for file in script.parent.glob("*.py"):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(sys, "argv", ["make_sample.py"])
    monkeypatch.syspath_prepend(tmp_path)
    runpy.run_path(str(tmp_path / "make_sample.py"), run_name="__main__")
    written = [path for path in tmp_path.rglob("*") if path.suffix in (".tsv", ".txt")]
    for path in written:
        assert path.read_bytes() == (script.parent / path.relative_to(tmp_path)).read_bytes()
    assert len(written) >= 2
