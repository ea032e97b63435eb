import json
from collections import namedtuple

import numpy as np
import pytest

from textzoo.data.given_rows import named_columns, write_rows
from textzoo.errors import UserError
from textzoo.readers import pairs, tagspace

TAGS = tagspace.Reader().fields
PAIRS = pairs.Reader().fields


class Column(list):
    """What is used of a pandas Series."""

    def isna(self):
        return np.array([cell is None or cell != cell for cell in self])

    def tolist(self):
        return list(self)


class Frame:
    """What is used of a pandas DataFrame; its rows are looked at in `test_of_pandas`."""

    def __init__(self, columns):
        self.columns = list(columns)
        self.iloc = self
        self._cells = list(columns.values())

    def __getitem__(self, at):
        return Column(self._cells[at[1]])

    def to_dict(self):
        raise AssertionError("is not called: it would hold all rows at once")


def written(rows, fields, tmp_path):
    place = tmp_path / "rows.jsonl"
    write_rows(rows, fields, place, "train")
    return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]


def test_tuples_get_the_names_that_readers_know(tmp_path):
    rows = [("一 text\nin lines", ["a", "b"]), ["another", "a,b"], ("third", 3)]
    expected = [
        {"text": "一 text\nin lines", "label": ["a", "b"]},
        {"text": "another", "label": "a,b"},
        {"text": "third", "label": 3},
    ]
    assert written(rows, TAGS, tmp_path) == expected
    assert written((row for row in rows), TAGS, tmp_path) == expected


def test_labels_may_be_numpy_s_or_a_set(tmp_path):
    rows = [("a", np.array(["x", "y"])), ("b", np.int64(3)), ("c", {"z", "y"}), ("d", ("x",))]
    found = [row["label"] for row in written(rows, TAGS, tmp_path)]
    assert found == [["x", "y"], 3, ["y", "z"], ["x"]]


def test_pairs_may_have_negatives(tmp_path):
    rows = [("q", "t"), ("q", "t", "n"), ("q", "t", ["n", "m"])]
    found = written(rows, PAIRS, tmp_path)
    assert [row["negative"] for row in found] == [[], ["n"], ["n", "m"]]
    assert {(row["query"], row["title"]) for row in found} == {("q", "t")}
    unlabelled = pairs.Reader(unlabelled=True).fields
    assert written(["one", "two"], unlabelled, tmp_path)[1] == {"query": "two"}


def test_dicts_are_written_as_they_are(tmp_path):
    rows = [{"body": "a", "topic": ["x"]}]
    assert written(rows, tagspace.Reader(text_column="body").fields, tmp_path) == rows


def test_a_table_gives_its_columns(tmp_path):
    frame = Frame({"text": ["a", "b"], "label": ["x", float("nan")], 7: [1, 2]})
    assert written(frame, TAGS, tmp_path) == [
        {"text": "a", "label": "x", "7": 1},
        {"text": "b", "label": None, "7": 2},
    ]


def test_of_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a", "b"], "label": ["x", None], "n": [1, 2]}, index=[5, 3])
    assert written(frame, TAGS, tmp_path) == [
        {"text": "a", "label": "x", "n": 1},
        {"text": "b", "label": None, "n": 2},
    ]


def test_columns_of_the_config_that_tuples_do_not_have_are_named_anew():
    by_number = tagspace.Reader(text_column=2, label_column="topic").fields
    assert named_columns(by_number) == {"text_column": "text"}
    assert named_columns(TAGS) == {}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "received no rows"),
        (7, "received int, expected a path, a DataFrame, or a list"),
        ({"text": ["a"]}, "received dict"),
        ([("a", "x"), "b"], r"train\[1\]: received 'b', expected \(text, label\), or a dict"),
        ([("a",)], r"train\[0\]: received \('a',\)"),
        ([("a", "x", "y")], r"train\[0\]"),
        ([("\ud800", "x")], r"train\[0\]: holds half a character"),
        ([("a", object())], r"train\[0\]: .* object is no text, number or list"),
        ([("a", [namedtuple])], "function is no text"),
    ],
)
def test_what_is_no_row_is_refused_by_its_place(tmp_path, rows, says):
    with pytest.raises(UserError, match=says):
        written(rows, TAGS, tmp_path)


def test_a_reader_without_columns_takes_files(tmp_path):
    with pytest.raises(UserError, match="takes files alone"):
        written([("1", "2")], tagspace.Reader(format="ids").fields, tmp_path)
