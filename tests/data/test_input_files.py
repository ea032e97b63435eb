import gzip
import io

import pytest

from textzoo.data.cache import Cache
from textzoo.data.input_files import input_files
from textzoo.errors import UserError
from textzoo.text.lines import read_lines
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
