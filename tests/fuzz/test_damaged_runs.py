"""Folders of runs with damaged files: a page of what there is, or a refusal in words."""

import os
import shutil
import warnings

import numpy as np
import pytest
from harness.damage import damage

pytest.importorskip("matplotlib")

from harness.reported import lines, make_run, page_of, random_rows, row

from textzoo.errors import UserError

N = int(os.environ.get("TEXTZOO_FUZZ", "60"))


def run_of(kind, folder):
    """The folder of a run whose model gives `tags`, `levels` or `embeddings`."""
    if kind == "levels":
        rows = [row([f"a:{i % 3}"], {"a:2": 0.5}, predicted={"a": i % 2, "b": 0}) for i in range(9)]
    else:
        rows = random_rows(n_rows=30, several=kind == "tags")[2]
    evaluations = [{"step": step, "accuracy": step / 20, "threshold": 0.5} for step in (5, 10)]
    make_run(folder, rows, {"accuracy": 0.5, "threshold": 0.6}, kind=kind, evaluations=evaluations)
    if kind == "tags":
        figures = {"f1": 0.5, "support": 3}
        report = {"labels": {"a": figures, "b": figures}, "averages": {"micro avg": figures}}
        (folder / "infer" / "label_report.json").write_text(lines(report), encoding="utf-8")
    if kind == "embeddings":
        found = "a text\ta\t0.9\na text\tb\t0.8\n"
        (folder / "infer" / "recall_result.txt").write_text(found, encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tags", "levels", "embeddings"])
def test_a_damaged_run_is_shown_without_what_is_damaged(kind, tmp_path):
    whole = run_of(kind, tmp_path / "whole")
    for case in range(N // 3):
        random = np.random.default_rng([ord(kind[0]), case])
        folder = tmp_path / "run"
        shutil.copytree(whole, folder)
        done = damage(folder, random)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                page = page_of(folder)
        except UserError:
            pass
        except Exception as fault:
            raise AssertionError(f"{kind}, case {case}: {done}") from fault
        else:
            assert "</html>" in page and ">nan<" not in page
        shutil.rmtree(folder)
