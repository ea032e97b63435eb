import pytest

from textzoo.errors import UserError
from textzoo.text import lines as reading
from textzoo.text.lines import data_files, decode_line, read_lines


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


def test_a_missing_path_names_the_config_key(tmp_path):
    with pytest.raises(UserError, match=r"^runner\.x: no such file or folder: .*nowhere$"):
        data_files(tmp_path / "nowhere", "runner.x")


def test_a_folder_without_files_names_the_config_key(write, tmp_path):
    write("x", ".hidden")
    with pytest.raises(UserError, match=r"^runner\.x: no files in "):
        data_files(tmp_path, "runner.x")


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


def test_a_line_above_the_limit_is_refused_and_one_at_the_limit_read(write, monkeypatch):
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 8)
    assert texts(write("a\n1234567\nb\n")) == ["a", "1234567", "b"]
    assert texts(write("12345678")) == ["12345678"]
    path = write("a\n12345678\nb\n")
    with pytest.raises(UserError, match=r"data\.txt:2: the line is longer than"):
        texts(path)


def test_a_file_that_goes_away_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match=r"gone\.txt: cannot be read: No such file"):
        texts(tmp_path / "gone.txt")
