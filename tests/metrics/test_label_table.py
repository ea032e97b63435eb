import csv
import json

from textzoo.metrics.label_table import LabelTable

TABLE = LabelTable(
    labels={"停车": {"precision": 0.5, "support": 3}, "a, b": {"precision": 1.0, "support": 12}},
    averages={"micro": {"precision": 0.75}},
)


def test_text_is_aligned_where_chinese_characters_are_two_columns_wide():
    assert TABLE.as_text().split("\n") == [
        "        precision     support",
        " 停车      0.5000           3",
        " a, b      1.0000          12",
        "",
        "micro      0.7500            ",
        "",
    ]


def test_json_and_csv_hold_every_figure(tmp_path):
    TABLE.save(tmp_path)
    assert json.loads((tmp_path / "label_report.json").read_text(encoding="utf-8")) == {
        "labels": TABLE.labels,
        "averages": TABLE.averages,
    }
    with (tmp_path / "label_report.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["label", "precision", "support"],
            ["停车", "0.5", "3"],
            ["a, b", "1.0", "12"],
            ["micro", "0.75", ""],
        ]
    assert (tmp_path / "label_report.txt").read_text(encoding="utf-8") == TABLE.as_text()
    assert len(list(tmp_path.iterdir())) == 3
