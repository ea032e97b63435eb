import builtins
import json

import pytest

from textzoo.errors import UserError
from textzoo.text.lines import read_lines
from textzoo.text.parquet import is_parquet
from textzoo.text.streams import is_compressed

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

ROWS = [{"text": f'text "{n}"\n你', "tags": [f"a{n % 3}"][: n % 2], "n": n} for n in range(5000)]


def write(path, table, **options):
    parquet.write_table(table, path, **options)
    return path


def test_rows_are_lines_of_json_with_their_numbers(tmp_path):
    path = write(tmp_path / "rows", pyarrow.Table.from_pylist(ROWS), row_group_size=700)
    lines = list(read_lines(path))
    assert [json.loads(line.text) for line in lines] == ROWS
    assert [line.number for line in lines] == list(range(1, 5001))
    assert is_parquet(path) and is_compressed(path)


def test_columns_that_hold_no_texts_are_left_out_and_dictionaries_are_looked_up(tmp_path):
    table = pyarrow.table(
        {
            "text": pyarrow.array(["a", None, "a"]).dictionary_encode(),
            "label": pyarrow.array([1, 2, 3], pyarrow.int8()),
            "embedding": [[0.5], [1.5], []],
            "bytes": [b"a", b"b", b"c"],
            "nested": [{"a": 1}] * 3,
            "__index_level_0__": [5, 0, 7],  # where pandas keeps the numbers of rows
        }
    )
    lines = read_lines(write(tmp_path / "rows.parquet", table))
    assert [json.loads(line.text) for line in lines] == [
        {"text": "a", "label": 1},
        {"text": None, "label": 2},
        {"text": "a", "label": 3},
    ]


def test_a_text_that_starts_like_it_is_text(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_bytes(b"PAR1\tis the first word\n")
    assert not is_compressed(path)
    assert [line.text for line in read_lines(path)] == ["PAR1\tis the first word"]


def test_what_cannot_be_read_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "rows.parquet", pyarrow.Table.from_pylist(ROWS))
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(200) + whole[300:])
    with pytest.raises(UserError, match=r"rows\.parquet: is damaged"):
        list(read_lines(path))
    path = write(tmp_path / "rows.parquet", pyarrow.table({"bytes": [b"a"]}))
    with pytest.raises(UserError, match="has no column of texts or numbers"):
        list(read_lines(path))
    imported = builtins.__import__

    def without(name, *arguments):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return imported(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        UserError, match=r"is Parquet, which needs: pip install 'textzoo\[parquet\]'"
    ):
        list(read_lines(path))
