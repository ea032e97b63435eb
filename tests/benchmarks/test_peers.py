"""The models that networks are compared with."""

import re
import runpy
import sys

import pytest
from conftest import ROOT

ROWS = [("fruit", "apple"), ("fruit,red", "cherry"), ("red", "brick"), ("blue", "sky")]


@pytest.mark.parametrize("analyzer", ["char", "word"])
def test_linear_models_do_without_omikuji(tmp_path, monkeypatch, capsys, analyzer):
    file = tmp_path / "rows.tsv"
    lines = [f"{labels}\t{word} number {n}\n" for n in range(9) for labels, word in ROWS]
    file.write_text("".join(lines), encoding="utf-8")
    monkeypatch.setitem(sys.modules, "omikuji", None)
    monkeypatch.setattr(sys, "argv", ["linear.py", str(file), str(file), "--analyzer", analyzer])
    runpy.run_path(str(ROOT / "tools/benchmarks/peers/linear.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"SVM +P@1 100\.00 .* micro F1 1\.0000", lines[0])
    others = [line.split()[0] for line in lines[1:]]
    assert others == ([] if analyzer == "char" else ["omikuji", "10-NN", "means"])
    assert analyzer == "char" or "pip install omikuji" in lines[1]


def test_threshold_of_the_svm_is_that_of_rows_it_was_not_trained_on(tmp_path, monkeypatch, capsys):
    # Half of the apples of training are no fruit: no row lies beyond the plane, at 0.
    rows = {
        "train": ["fruit\tapple", "red\tapple", "red\tapple", "blue\tsky", "blue\tsky"] * 9,
        "valid": ["fruit,red\tapple", "blue\tsky"] * 3,
    }
    for name, lines in rows.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = [str(tmp_path / "train"), str(tmp_path / "valid")]
    monkeypatch.setattr(sys, "argv", ["linear.py", *files, "--valid", files[1], "--analyzer=char"])
    runpy.run_path(str(ROOT / "tools/benchmarks/peers/linear.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "micro F1 1.0000" in printed and "macro F1 1.0000" in printed
    assert float(re.search(r"threshold (\S+?) ", printed + " ")[1].rstrip(",")) < 0
