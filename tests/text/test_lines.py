import os

import pytest

from textzoo.errors import UserError
from textzoo.text import lines as reading
from textzoo.text.lines import data_files, decode_line, read_lines

needs_links = pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")


@pytest.fixture
def write(tmp_path):
    def write(content, name="data.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


def texts(path):
    return [line.text for line in read_lines(path)]


# ------------------------------------------------------------------ which files


def test_files_of_a_folder_are_sorted_and_found_at_any_depth(write, tmp_path):
    for name in ["b.txt", "a.txt", "part-10", "part-2", "sub/a.txt", "Z.txt"]:
        write("x", name)
    found = [path.relative_to(tmp_path).as_posix() for path in data_files(tmp_path, "key")]
    assert found == ["Z.txt", "a.txt", "b.txt", "part-10", "part-2", "sub/a.txt"]


def test_hidden_files_and_folders_are_left_out(write, tmp_path):
    for name in [".DS_Store", ".cache/rows", "sub/.hidden", "sub/seen.txt"]:
        write("x", name)
    assert data_files(tmp_path, "key") == [tmp_path / "sub" / "seen.txt"]


def test_a_folder_below_a_hidden_one_can_be_named(write, tmp_path):
    path = write("x", ".data/train/a.txt")
    assert data_files(tmp_path / ".data", "key") == [path]


def test_a_file_is_itself_the_list_even_when_hidden(write):
    path = write("x", ".one")
    assert data_files(path, "key") == [path]


def test_a_pattern_stands_for_the_files_that_match_it(write, tmp_path):
    for name in ["b.csv", "a.csv", "a.txt", "sub/c.csv", "sub/.d.csv", "[1].txt", "1.txt"]:
        write("x", name)

    def found(pattern):
        files = data_files(tmp_path / pattern, "key")
        return [path.relative_to(tmp_path).as_posix() for path in files]

    assert found("*.csv") == ["a.csv", "b.csv"]
    assert found("**/*.csv") == ["a.csv", "b.csv", "sub/c.csv"]
    assert found("*") == ["1.txt", "[1].txt", "a.csv", "a.txt", "b.csv"]
    assert found("[1].txt") == ["[1].txt"]  # a file of this name comes first
    with pytest.raises(UserError, match=r"^runner\.x: no such file or folder, and no file matches"):
        data_files(tmp_path / "*.tsv", "runner.x")


def test_a_missing_path_names_the_config_key(tmp_path):
    with pytest.raises(UserError, match=r"^runner\.x: no such file or folder: .*nowhere$"):
        data_files(tmp_path / "nowhere", "runner.x")


def test_a_folder_without_files_names_the_config_key(write, tmp_path):
    write("x", ".hidden")
    with pytest.raises(UserError, match=r"^runner\.x: no files in "):
        data_files(tmp_path, "runner.x")


@needs_links
def test_links_to_files_and_folders_are_followed(write, tmp_path):
    write("x", "elsewhere/part/a.txt")
    write("x", "elsewhere/b.txt")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "linked").symlink_to(tmp_path / "elsewhere" / "part")
    (folder / "b.txt").symlink_to(tmp_path / "elsewhere" / "b.txt")
    assert data_files(folder, "key") == [folder / "b.txt", folder / "linked" / "a.txt"]


@needs_links
def test_a_link_to_a_folder_that_it_is_in_is_named(write, tmp_path):
    write("x", "data/part/a.txt")
    (tmp_path / "data" / "part" / "again").symlink_to(tmp_path / "data")
    with pytest.raises(UserError, match=r"^key: .*/data/part/again is a link to .*/data, which"):
        data_files(tmp_path / "data", "key")


@needs_links
def test_a_link_to_nothing_or_to_itself_is_named(tmp_path):
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"^key: no such file: .*/gone$"):
        data_files(tmp_path, "key")
    (tmp_path / "gone").unlink()
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    with pytest.raises(UserError, match=r"^key: .*/itself cannot be read: "):
        data_files(tmp_path, "key")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_pipe_is_named_and_not_waited_for(write, tmp_path):
    write("x", "data/a.txt")
    pipe = tmp_path / "data" / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, pipe.parent):
        with pytest.raises(UserError, match=r"^key: .*/pipe is a pipe or a device, expected a "):
            data_files(path, "key")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_path_that_no_file_can_have_is_named(tmp_path, name):
    with pytest.raises(UserError, match=r"^key: "):
        data_files(tmp_path / name, "key")


# ------------------------------------------------------------------ lines


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("", []),
        ("\n\n", []),
        ("a\n\n \t \n　\nb\n", ["a", "b"]),
        (" a \n", [" a "]),
        ("a\rb\n", ["a\rb"]),
        ("a\n\r\nb", ["a", "b"]),
    ],
)
def test_lines_end_at_line_feeds_and_blank_ones_are_left_out(write, content, expected):
    assert texts(write(content)) == expected


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_other_separators_of_unicode_do_not_split_a_line(write, separator):
    assert texts(write(f"a{separator}b\nc{separator}\n")) == [f"a{separator}b", f"c{separator}"]


def test_a_byte_order_mark_is_taken_away_from_the_first_line(write):
    assert texts(write(b"\xef\xbb\xbfa\nb\n")) == ["a", "b"]
    assert texts(write(b"\xef\xbb\xbf")) == []
    assert texts(write(b"\xef\xbb\xbf\na\n")) == ["a"]


def test_byte_order_marks_of_files_that_were_joined_are_taken_away(write):
    assert texts(write(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n")) == ["a", "b"]


def test_a_byte_order_mark_within_a_line_is_text(write):
    assert texts(write("a\ufeffb\n")) == ["a\ufeffb"]


def test_numbers_count_blank_lines_and_starts_are_bytes(write):
    path = write("\ufeff標籤\ta\r\n\nbé\n \nc".encode())
    raw = path.read_bytes()
    lines = list(read_lines(path))
    assert [(line.number, line.text) for line in lines] == [(1, "標籤\ta"), (3, "bé"), (5, "c")]
    for line in lines:
        first = raw[line.start :].split(b"\n")[0]
        assert decode_line(first, path, line.number) == line.text
        assert raw[: line.start].count(b"\n") == line.number - 1
    assert lines[1].place == f"{path}:3"


def test_invalid_utf8_is_named_by_file_line_and_byte(write):
    path = write(b"fine\nab\xff\n")
    with pytest.raises(UserError) as failure:
        texts(path)
    assert str(failure.value) == f"{path}:2: byte 3 is not UTF-8; save the file as UTF-8"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_is_recognised(write, encoding):
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    path = write(mark + "tag\ttext\n".encode(encoding))
    with pytest.raises(UserError, match=r":1: the file seems to be UTF-16; save the file as UTF-8"):
        texts(path)


@pytest.mark.parametrize("rest", [b"\xff\n", b"\0\n"])
def test_an_archive_or_a_workbook_is_recognised(write, rest):
    with pytest.raises(UserError, match=r":1: the file is a ZIP archive, or a workbook of Excel"):
        texts(write(b"PK\x03\x04" + rest))


def test_a_line_above_the_limit_is_refused_and_one_at_the_limit_read(write, monkeypatch):
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 8)
    assert texts(write("a\n1234567\nb\n")) == ["a", "1234567", "b"]
    assert texts(write("12345678")) == ["12345678"]
    path = write("a\n12345678\nb\n")
    with pytest.raises(UserError, match=r"data\.txt:2: the line is longer than"):
        texts(path)


@pytest.mark.parametrize("content", [b"tag\tt\0ext\n", "tag\ttext\n".encode("utf-16-le")])
def test_nul_is_no_text(write, content):
    path = write(b"fine\n" + content)
    byte = content.index(b"\0") + 1
    with pytest.raises(
        UserError, match=rf"data\.txt:2: byte {byte} is NUL: the file is UTF-16, or"
    ):
        texts(path)


def test_lines_that_are_no_text_are_told_and_those_after_them_read(write, monkeypatch):
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 8)
    path = write(b"\xef\xbb\xbfa\n\xef\xbb\xbf\xff\n" + b"b" * 40 + b"\nc\n\0\n" + b"d" * 30)
    refused = []
    lines = list(read_lines(path, refused=refused.append))
    assert [(line.number, line.text) for line in lines] == [(1, "a"), (4, "c")]
    assert path.read_bytes()[lines[1].start :].startswith(b"c\n")
    starts = [
        "2: byte 4 is not UTF-8",
        "3: the line is longer",
        "5: byte 1 is NUL",
        "6: the line is longer",
    ]
    for problem, start in zip(refused, starts):
        assert str(problem).startswith(f"{path}:{start}")
    assert len(refused) == len(starts)
    with_blank = list(read_lines(path, refused=lambda _: None, blank=True))
    assert [line.text for line in with_blank] == ["a", "", "", "c", "", ""]


def test_a_file_that_goes_away_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match=r"gone\.txt: cannot be read: No such file"):
        texts(tmp_path / "gone.txt")
