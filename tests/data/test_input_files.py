import gzip
import io

import pytest

from textzoo.data.cache import Cache
from textzoo.data.input_files import input_files, pair_lines, read_texts, tell_layouts, texts_of
from textzoo.errors import UserError
from textzoo.readers import multilabel, pairs
from textzoo.text.lines import read_lines, stop
from textzoo.text.streams import STANDARD_INPUT


@pytest.fixture
def settings(tmp_path):
    return Cache(tmp_path / "cache", "error")


def write(folder, **contents):
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / f"{name}.txt").write_bytes(content.encode())


def test_texts_and_labels_become_one_file(tmp_path, settings):
    data = tmp_path / "data"
    write(data, train_texts="the\tcat\n\ndog\r\n", train_labels="a b\nc\n d \n", other="x\ty\n")
    (joined,) = input_files(data / "train_texts.txt", "key", settings)
    assert joined.read_text(encoding="utf-8") == "a b\tthe cat\nc\t\nd\tdog\n"
    assert [file.name for file in input_files(data, "key", settings)] == [
        "other.txt",
        "train_texts.tsv",
    ]


def test_texts_and_labels_may_be_compressed(tmp_path, settings):
    write(tmp_path / "data", train_labels="a b\nc\n")
    path = tmp_path / "data" / "train_texts.txt"
    path.write_bytes(gzip.compress(b"cat\ndog\n"))
    assert input_files(path, "key", settings)[0].read_text() == "a b\tcat\nc\tdog\n"


@pytest.mark.parametrize("content", [b"cat\n\xff\n", b"cat\nd\0g\n"])
def test_what_is_no_text_is_named_by_the_user_s_file(tmp_path, settings, content):
    write(tmp_path / "data", train_labels="a b\nc\n")
    path = tmp_path / "data" / "train_texts.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"data/train_texts\.txt:2: byte [12] is "):
        input_files(path, "key", settings)


def test_raw_texts_find_the_same_labels_and_changed_files_are_joined_anew(tmp_path, settings):
    write(tmp_path / "data", test_raw_texts="cat\n", test_labels="a\n")
    path = tmp_path / "data" / "test_raw_texts.txt"
    assert input_files(path, "key", settings)[0].read_text() == "a\tcat\n"
    path.write_text("longer cat\n")
    assert input_files(path, "key", settings)[0].read_text() == "a\tlonger cat\n"


def test_texts_without_labels_are_a_file_like_any_other(tmp_path, settings):
    write(tmp_path / "data", my_texts="a\tcat\n")
    path = tmp_path / "data" / "my_texts.txt"
    assert input_files(path, "key", settings) == [path]


@pytest.mark.parametrize(
    ("texts", "labels", "longer"),
    [("a\nb\n", "x\n", "train_texts.txt:2: "), ("a\n", "x\ny\n", "train_labels.txt:2: ")],
)
def test_files_of_different_length_are_refused(tmp_path, settings, texts, labels, longer):
    write(tmp_path / "data", train_texts=texts, train_labels=labels)
    with pytest.raises(UserError, match=f"{longer}has no counterpart"):
        input_files(tmp_path / "data", "key", settings)
    assert not list(settings.folder.glob("joined-*"))


def test_the_copy_of_standard_input_is_named_as_such(settings, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\n\xff\nthree\n")))
    (copy,) = input_files(STANDARD_INPUT, "key", settings)
    problems = []
    lines = list(read_lines(copy, refused=lambda problem: problems.append(str(problem))))
    assert [line.place for line in lines] == ["standard input:1", "standard input:3"]
    assert problems[0].startswith("standard input:2: byte 1 is not UTF-8")


def test_how_files_are_read_is_said_once(tmp_path, caplog):
    files = [tmp_path / name for name in ("a.csv", "b.csv", "c.txt", "d.jsonl")]
    for file, content in zip(files, ["text,tag\n", "text,tag\n", "a\tb\n", '{"text":"","tag":1}']):
        file.write_text(content, encoding="utf-8")
    caplog.set_level("INFO", "textzoo")
    said = set()
    for _ in range(2):
        tell_layouts(files, multilabel.Reader(label_separators="|"), said)
    assert caplog.messages == [
        "reader.label_separators: is label_separator now, a text or a list",
        "reads CSV: text from `text`, labels from `tag`",
        "reads JSON Lines: text from `text`, labels from `tag`",
    ]


def test_texts_and_pairs_of_options_come_from_columns_too(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("id,query,title,score\n1,a,b,0\n2,c,,1\n", encoding="utf-8")
    reader = pairs.Reader(title_column="title")
    assert [line.text for line in texts_of(path, "--texts", reader, "title")] == ["b", ""]
    assert read_texts(path, "--queries", pairs.Reader(query_column="query")) == ["a", "c"]
    lines = pair_lines([path], "--pairs", pairs.Reader(), stop)
    assert [(line.number, line.text) for line in lines] == [(2, "a\tb"), (3, "c\t")]
    plain = tmp_path / "new.txt"
    plain.write_text("a\tb\tkept\n\nc\td\n", encoding="utf-8")
    lines = pair_lines([plain], "--pairs", pairs.Reader(), stop)
    assert [line.text for line in lines] == ["a\tb\tkept", "", "c\td"]
    with pytest.raises(UserError, match="--texts: no such file"):
        texts_of(tmp_path / "none.csv", "--texts", reader)
