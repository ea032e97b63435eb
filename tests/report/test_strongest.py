"""The strongest n-grams of each label in the report of a run with a linear part."""

import shutil

import numpy as np
import pytest
from harness.exports import LINEAR
from harness.reported import Page

from textzoo.linear.part import LinearPart
from textzoo.report import strongest
from textzoo.report.markup import document
from textzoo.report.recorded import read_runs
from textzoo.report.strongest import strongest_section

TITLE = "Strongest n-grams"


def section_of(folder):
    (run,) = read_runs([folder])
    return strongest_section(run)


def test_each_label_has_the_ngrams_of_its_largest_weights(exported, monkeypatch):
    monkeypatch.setattr(strongest, "_MOST_LABELS", 3)
    folder = exported(LINEAR).run
    header, *rows = Page(document([], [section_of(folder)])).tables[TITLE]
    names = (folder / "best/vocabulary/labels.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert header == ["label", "n-grams"] and [row[0] for row in rows] == names[:3]
    part = LinearPart.load(folder / "best" / "linear", len(names))
    for label, (_, cell) in enumerate(rows):
        ngrams, weights = part.weights.of_label(label)
        largest = np.sort(weights)[::-1][:12]
        told = [entry.split("\N{NO-BREAK SPACE}") for entry in cell.split("\N{NO-BREAK SPACE}· ")]
        assert [float(entry[-1]) for entry in told] == pytest.approx(largest, abs=0.006)
        best = part.features.name(int(ngrams[np.argmax(weights)]))
        assert " ".join(told[0][:-1]).replace("␣", " ") == best


def test_without_a_linear_part_the_section_is_left_out(exported):
    assert section_of(exported("xmlcnn").run) is None


def test_a_damaged_linear_part_is_named_and_left_out(exported, tmp_path, caplog):
    shutil.copytree(exported(LINEAR).run, tmp_path / "run")
    file = tmp_path / "run" / "best" / "linear" / "weights_values.npz"
    file.write_bytes(file.read_bytes()[:-2])
    assert section_of(tmp_path / "run") is None
    assert "linear/weights_values.npz was changed" in caplog.text


def test_spaces_at_the_ends_of_an_ngram_can_be_seen():
    ngrams = ("a b", " a", "a b ", " ")
    assert list(map(strongest.visible, ngrams)) == ["a b", "␣a", "a b␣", "␣"]
