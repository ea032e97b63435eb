"""Tables, straight lines and pictures of figures."""

import shutil
import sys

import pytest
from harness.running import ROOT, run

from benchmarks.printing import print_lines, print_table, straight_line


def test_columns_are_as_wide_as_their_longest_cell(capsys):
    print_table(["way", "rows/s"], [["conv1d + max", 1], ["x", "12,345"]])
    assert capsys.readouterr().out.splitlines() == [
        "way           rows/s",
        "conv1d + max  1",
        "x             12,345",
    ]


def test_a_line_through_three_points_by_hand(capsys):
    line = straight_line([1, 2, 3], [1, 2, 4])
    # Means 2 and 7/3: slope 3/2; residuals 1/6, -1/3, 1/6 of a spread of 14/3.
    assert line["slope"] == pytest.approx(3 / 2)
    assert line["intercept"] == pytest.approx(-2 / 3)
    assert line["r_squared"] == pytest.approx(1 - (1 / 6) / (14 / 3))
    print_lines("rows", [1, 2, 3], {"seconds": [3.0, 5.0, 7.0]})
    print_lines("rows", [1, 2], {"seconds": [3.0, 5.0]})  # two points tell nothing of a line
    assert capsys.readouterr().out == "seconds: 1 + 2 x rows, R^2 1.0000\n"


def test_pictures_of_the_document_are_drawn_by_the_script_alone(tmp_path):
    pytest.importorskip("matplotlib")
    shutil.copytree(ROOT / "tools" / "benchmarks", tmp_path / "tools" / "benchmarks")
    shutil.copytree(ROOT / "doc" / "benchmarks", tmp_path / "doc" / "benchmarks")
    (tmp_path / "doc" / "imgs").mkdir()
    folder = tmp_path / "tools" / "benchmarks"
    with (folder / "printing.py").open("a", encoding="utf-8") as file:
        file.write('print("its own")\n')
    done = run([sys.executable, str(folder / "plots.py")], cwd=tmp_path / "doc")
    assert done.stdout.startswith("its own\n")  # not that of another checkout
    drawn = {path.name for path in (tmp_path / "doc" / "imgs").iterdir()}
    assert drawn == {path.name for path in (ROOT / "doc" / "imgs").glob("benchmark_*.svg")}
