"""Of what a run predicted, how often it is right by its probability."""

from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from harness.reported import lines, row

from textzoo.report.predictions import Predictions
from textzoo.report.recorded import Run
from textzoo.report.reliability import reliability_section

RUNS = [Run(Path(name), name, checkpoint={"model": "m", "kind": "tags"}) for name in "xy"]


def predictions(folder, probabilities):
    rows = [row(["a"], {"a": 0.9, "b": 0.2}), row(["b"], {"a": 0.8, "b": 0.1})]
    for one, own in zip(rows, probabilities):
        for best, probability in zip(one["top"], own):
            best["probability"] = probability
    (folder / "predictions.jsonl").write_text(lines(*rows), encoding="utf-8")
    return Predictions.read(folder / "predictions.jsonl", "tags", len(rows))


def test_bins_and_their_error_by_hand(tmp_path):
    """Of 0.91 and 0.93, in one bin, one is right; of 0.01 none, of 0.21 all."""
    found = predictions(tmp_path, [(0.91, 0.01), (0.93, 0.21)])
    section = reliability_section(RUNS[:1], [found])
    cells = [[cell.text for cell in tr.iter("td")] for tr in section.iter("tr")][1:]
    assert cells == [
        ["0.00 to 0.07", "1", "0.0100", "0.0000"],
        ["0.20 to 0.27", "1", "0.2100", "1.0000"],
        ["0.87 to 0.93", "2", "0.9200", "0.5000"],
    ]
    error = (0.01 + 0.79 + 2 * 0.42) / 4
    assert f"(expected calibration error): {error:.4f}." in "".join(section.itertext())


def test_several_runs_share_a_figure(tmp_path):
    found = predictions(tmp_path, [(0.91, 0.01), (0.93, 0.21)])
    section = reliability_section(RUNS, [found, found])
    assert len(list(section.iter("svg"))) == 1
    assert "x 0.4100, y 0.4100" in "".join(section.itertext())


def test_predictions_without_probabilities_have_none(tmp_path):
    assert reliability_section(RUNS[:1], [predictions(tmp_path, [])]) is None
    assert reliability_section(RUNS[:1], [None]) is None
