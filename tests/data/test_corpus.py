import gzip
import json

import pytest

from textzoo.data.corpus import Entry, read_entries
from textzoo.errors import UserError


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
        ('["text"]', 'expected a JSON object with a text in "text"'),
        ({"txt": "a"}, 'expected a JSON object with a text in "text"'),
        ({"text": " "}, 'expected a JSON object with a text in "text"'),
        ({"text": "a", "id": True}, "id: received True, expected a text or an integer"),
        ({"text": "a", "id": ""}, "id: received '', expected a text or an integer"),
        ({"text": "a", "_key": 1}, "received the name '_key', expected a letter first"),
        ({"text": "other", "id": "1"}, "id '1' came before, with another text"),
        ({"text": "x" * 50}, "received a text of 50 bytes, expected at most 40"),
        ({"text": "码" * 20}, "received a text of 60 bytes, expected at most 40"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, row, complaint):
    path = write(tmp_path / "corpus.jsonl", {"id": "1", "text": "first"}, row)
    with pytest.raises(UserError) as failure:
        read_entries(path, "key", max_bytes=40)
    assert str(failure.value).startswith(f"{path}:2: ")
    assert complaint in str(failure.value)


def test_a_missing_or_empty_file_is_named(tmp_path):
    with pytest.raises(UserError, match="key: no such file"):
        read_entries(tmp_path / "nothing", "key")
    with pytest.raises(UserError, match="received no text"):
        read_entries(write(tmp_path / "corpus.jsonl"), "key")
