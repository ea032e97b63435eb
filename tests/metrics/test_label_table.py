import csv
import io
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
            ["label", "precision", "support", "kind"],
            ["停车", "0.5", "3", "label"],
            ["a, b", "1.0", "12", "label"],
            ["micro", "0.75", "", "average"],
        ]
    assert (tmp_path / "label_report.txt").read_text(encoding="utf-8") == TABLE.as_text()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_label_with_the_name_of_an_average_is_told_from_it():
    table = LabelTable({"macro avg": {"f1": 0.5}}, {"macro avg": {"f1": 0.375}})
    rows = csv.DictReader(io.StringIO(table.as_csv()))
    assert [(row["f1"], row["kind"]) for row in rows] == [("0.5", "label"), ("0.375", "average")]
