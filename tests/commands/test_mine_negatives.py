"""The file that mine_negatives.py writes: the reader's keys find the columns of what they read."""

import pytest

from textzoo.commands.mine_negatives import _check_columns, _in_columns
from textzoo.errors import UserError
from textzoo.readers.pairs import Reader
from textzoo.text.records import layout_of, read_rows

ROWS = [("q", "a title"), ("q two", "b", "n"), ("r", "c", "n1", "n2", "n3")]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"query_column": "question"},
        {"title_column": ["headline", "body"]},
        {"query_column": "Title", "title_column": "reply", "negative_column": ["x", "y", "z"]},
        {"query_column": "q", "negative_column": ["n1", "n2", "n3", "n4"]},
        {"query_column": 4, "title_column": 1},
        {"query_column": [2, 3], "title_column": "reply", "negative_column": [7, 6, 5]},
    ],
)
def test_the_same_keys_read_mined_rows(tmp_path, keys):
    reader = Reader(max_negatives=3, **keys)
    file = tmp_path / "mined_train.tsv"
    lines = ["\t".join(cells) + "\n" for cells in _in_columns(ROWS, reader.fields, 3)]
    file.write_text("".join(lines), encoding="utf-8")
    read = read_rows(layout_of(file, reader), file)
    assert [tuple(reader.parse(line.text).texts) for line in read] == ROWS
    assert len(lines) == len(ROWS) + bool(keys)


def test_too_few_columns_for_negatives_are_refused():
    fields = Reader(negative_column="n").fields
    _check_columns(fields, 1)
    with pytest.raises(UserError, match=r"negative_column: received 1 column\(s\), expected 3"):
        _check_columns(fields, 3)
    _check_columns(Reader(query_column="q").fields, 3)
