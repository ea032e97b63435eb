import gzip
import json

import pytest

from textzoo.data.corpus import Entry, read_entries
from textzoo.errors import UserError
from textzoo.readers.pairs import Reader


def write(path, *rows):
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_text_is_its_own_id_where_there_is_no_other(tmp_path):
    plain = write(tmp_path / "corpus.txt", " one text ", "", '{"text": "two"}', "one text")
    assert read_entries(plain, "key") == [
        Entry("one text", "one text"),
        Entry('{"text": "two"}', '{"text": "two"}'),
    ]


@pytest.mark.parametrize("compressed", [False, True])
def test_objects_give_ids_and_metadata(tmp_path, compressed):
    path = write(
        tmp_path / "corpus.jsonl",
        {"id": "a", "text": "一个 text", "language": "zh", "year": 2020},
        {"id": 7, "text": "two\n\tlines "},
        {"text": "no id", "tags": ["x", "y"]},
        {"text": "no id", "tags": ["x", "y"]},
    )
    if compressed:
        path = tmp_path / "corpus.jsonl.gz"
        path.write_bytes(gzip.compress((tmp_path / "corpus.jsonl").read_bytes()))
    assert read_entries(path, "key") == [
        Entry("a", "一个 text", {"language": "zh", "year": 2020}),
        Entry("7", "two lines"),
        Entry("no id", "no id", {"tags": ["x", "y"]}),
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{'text': 'a'}", "is not JSON"),
        ('["text"]', "expected a JSON object such as"),
        ({"txt": "a"}, 'expected a JSON object with a text in "text"'),
        ({"text": " "}, 'expected a JSON object with a text in "text"'),
        ({"text": "a", "id": True}, "id: received True, expected a text or an integer"),
        ({"text": "a", "id": ""}, "id: received '', expected a text or an integer"),
        ({"text": "a", "_key": 1}, "received the name '_key', expected a letter first"),
        ({"text": "other", "id": "1"}, "id '1' came before, with another text"),
        ({"text": "x" * 50}, "received a text of 50 bytes, expected at most 40"),
        ({"text": "码" * 20}, "received a text of 60 bytes, expected at most 40"),
        ('{"text": "half \\ud83d"}', "received \\ud83d, which stands for no character by itself"),
        ('{"text": "a", "id": "\\udc00"}', "received \\udc00, which stands for no character"),
        ('{"text": "a", "tags": ["\\uD800"]}', "received \\ud800, which stands for no character"),
        ('{"text": "a\\u0000b"}', "received \\u0000, which stands for no character"),
        ("[" * 100_000, "is not JSON (maximum recursion depth exceeded"),
        ('{"text": "a", "n": ' + "9" * 5000 + "}", "is not JSON (Exceeds the limit"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, row, complaint):
    path = write(tmp_path / "corpus.jsonl", {"id": "1", "text": "first"}, row)
    with pytest.raises(UserError) as failure:
        read_entries(path, "key", max_bytes=40)
    assert str(failure.value).startswith(f"{path}:2: ")
    assert complaint in str(failure.value)
    refused = []
    assert read_entries(path, "key", 40, refused.append) == [Entry("1", "first")]
    assert list(map(str, refused)) == [str(failure.value)]


def test_a_character_of_two_escapes_and_an_escaped_backslash_are_text(tmp_path):
    path = write(tmp_path / "corpus.jsonl", r'{"text": "\ud83d\ude00 \\\\u0000"}')
    assert [entry.text for entry in read_entries(path, "key")] == ["\U0001f600 \\\\u0000"]


def test_tabs_of_a_text_count_as_spaces(tmp_path):
    path = write(tmp_path / "corpus.txt", "one\t text", "one text", "\ta\rb ")
    assert [entry.text for entry in read_entries(path, "key")] == ["one  text", "one text", "a b"]


def test_a_missing_or_empty_file_is_named(tmp_path):
    with pytest.raises(UserError, match="key: no such file"):
        read_entries(tmp_path / "nothing", "key")
    with pytest.raises(UserError, match="received no text"):
        read_entries(write(tmp_path / "corpus.jsonl"), "key")


@pytest.mark.parametrize("name", ["corpus.csv", "corpus.parquet", "corpus.jsonl"])
def test_columns_are_what_the_keys_of_objects_are(tmp_path, name):
    rows = [{"id": "a", "title": "T", "text": "one, 1\nx", "lang": "en"}, {"id": "b", "text": "二"}]
    path = write(tmp_path / name, *rows)
    if name.endswith("csv"):
        path.write_text(
            'id,title,text,lang,\na,T,"one, 1\nx",en,3\nb,,二,,\n', encoding="utf-8-sig"
        )
    elif name.endswith("parquet"):
        pyarrow = pytest.importorskip("pyarrow.parquet")
        import pyarrow as arrow

        pyarrow.write_table(arrow.Table.from_pylist(rows), path)
        rows[1] = {**dict.fromkeys(("title", "lang")), **rows[1]}
    expected = [
        Entry(row["id"], " ".join(row["text"].split()), {
            key: value for key, value in row.items() if key not in ("id", "text")
        } or None)
        for row in rows
    ]  # fmt: skip
    assert read_entries(path, "key") == expected


def test_the_column_of_a_text_may_have_the_name_that_titles_have(tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text("answer,lang\none,en\n,de\n", encoding="utf-8")
    refused = []
    assert read_entries(path, "key", refused=refused.append) == [
        Entry("one", "one", {"lang": "en"})
    ]
    assert str(refused[0]).startswith(f"{path}:3: expected a JSON object with a text")
    path.write_text("a,b\nx,y\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"set reader\.title_column"):
        read_entries(path, "key")
    reader = Reader(title_column="b")
    assert read_entries(path, "key", reader=reader) == [Entry("y", "y", {"a": "x"})]
    numbered = Reader(title_column=2)  # of pairs without a header
    assert read_entries(path, "key", reader=numbered) == [Entry("b", "b"), Entry("y", "y")]


@pytest.mark.parametrize("content", ['{"title": "a", "body": " "}', "title,body\na, \n"])
def test_joined_columns_are_joined_as_in_pairs_where_one_is_empty(tmp_path, content):
    path = tmp_path / ("corpus.jsonl" if content[0] == "{" else "corpus.csv")
    path.write_text(f"{content}\n", encoding="utf-8")
    reader = Reader(title_column=["title", "body"])
    assert read_entries(path, "key", reader=reader) == [Entry("a", "a")]


@pytest.mark.parametrize("column", ["reply", 2])
def test_the_column_text_need_not_be_called_as_that_of_titles_in_pairs(tmp_path, column):
    path = tmp_path / "corpus.csv"
    path.write_text("text,lang\none,en\n", encoding="utf-8")
    reader = Reader(title_column=column)
    assert read_entries(path, "key", reader=reader) == [Entry("one", "one", {"lang": "en"})]
