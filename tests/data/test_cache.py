import os
import re
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from textzoo.data import cache as cache_module
from textzoo.data import encoding
from textzoo.data.cache import Cache, encoded_rows, fitted_vocabulary, reader_identity
from textzoo.data.encoding import Refusals, good_lines
from textzoo.errors import BadLine, UserError
from textzoo.text.reader import Reader

READER = """
from textzoo.errors import BadLine
from textzoo.text import reader

class Reader(reader.Reader):
    columns = ("letters", "length")
    calls = 0

    def encode(self, line, training):
        type(self).calls += 1
        if line.startswith("bad"):
            raise BadLine("received a bad line, expected a good one")
        letters = [] if line == "-" else [ord(c) for c in line]
        return {"letters": letters, "length": [len(line)] * training}

    parse = staticmethod(str.split)

    def fit(self, rows, declared):
        self.words = sorted({word for row in rows for word in row}) + [str(declared)]

    def save(self, folder):
        type(self).calls += 1
        (folder / "words.txt").write_text("\\n".join(self.words), encoding="utf-8")
"""


@pytest.fixture
def settings(tmp_path):
    return Cache(tmp_path / "cache", "error")


@pytest.fixture
def load_reader(tmp_path, monkeypatch):
    """Load code as the reader of a model folder."""

    def load(code):
        path = tmp_path / "reader.py"
        path.write_text(code, encoding="utf-8")
        module = ModuleType("reader_of_test_cache")
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(code, module.__dict__)
        return module.Reader

    return load


@pytest.fixture
def reader_class(load_reader):
    return load_reader(READER)


def write(tmp_path, *contents):
    paths = [tmp_path / f"data-{i}.txt" for i in range(len(contents))]
    for path, content in zip(paths, contents):
        path.write_bytes(content.encode("utf-8"))
    return paths


def encode(files, reader_class, settings, training=True, reader_settings=None, vocabulary=None):
    identity = reader_identity(reader_class, reader_settings or {}, vocabulary)
    return encoded_rows(files, reader_class(), training, identity, settings)


# ------------------------------------------------------------------ encoding


def test_encoded_rows_equal_what_the_reader_gives(tmp_path, reader_class, settings):
    files = write(tmp_path, "abc\n-\n\nxy\n", "標籤\n")
    rows = encode(files, reader_class, settings)
    assert len(rows) == 4
    letters, _ = rows.columns["letters"].padded(np.arange(4), fill=0)
    expected = [list(map(ord, "abc")), [0, 0, 0], [*map(ord, "xy"), 0], [*map(ord, "標籤"), 0]]
    assert letters.tolist() == expected
    assert rows.columns["length"].padded(np.arange(4))[0].ravel().tolist() == [3, 1, 2, 2]


def test_rows_stay_the_same_when_they_are_written_in_several_pieces(
    tmp_path, reader_class, settings, monkeypatch
):
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 3)
    texts = ["x" * (i % 5) or "-" for i in range(20)]
    (file,) = write(tmp_path, "\n".join(texts))
    rows = encode([file], reader_class, settings)
    assert [rows.line(i).text for i in range(20)] == texts
    expected = [0 if text == "-" else len(text) for text in texts]
    assert rows.columns["letters"].lengths(np.arange(20)).tolist() == expected


def test_line_gives_back_each_line_across_files(tmp_path, reader_class, settings):
    files = write(tmp_path, "\ufeffone\r\n\ntwo\u2028half\n", "drei 標籤\n\n\nvier", "fünf\n")
    rows = encode(files, reader_class, settings)
    lines = [rows.line(row) for row in range(len(rows))]
    assert [line.text for line in lines] == ["one", "two\u2028half", "drei 標籤", "vier", "fünf"]
    assert [line.place for line in lines] == [
        *(f"{files[0]}:{n}" for n in (1, 3)),
        *(f"{files[1]}:{n}" for n in (1, 4)),
        f"{files[2]}:1",
    ]


def test_releasing_pages_leaves_the_values_readable(tmp_path, reader_class, settings):
    rows = encode(write(tmp_path, "abc\n"), reader_class, settings)
    before = rows.columns["letters"].padded(np.arange(1))[0].tolist()
    rows.release()
    assert rows.columns["letters"].padded(np.arange(1))[0].tolist() == before


def test_a_column_without_any_ids_can_be_read_and_released(tmp_path, reader_class, settings):
    rows = encode(write(tmp_path, "-\n-\n"), reader_class, settings)
    assert rows.columns["letters"].lengths(np.arange(2)).tolist() == [0, 0]
    rows.release()


def test_files_without_rows_are_refused(tmp_path, reader_class, settings):
    files = write(tmp_path, "\n \n")
    with pytest.raises(UserError, match=r"data-0\.txt: received no rows"):
        encode(files, reader_class, settings)


# ------------------------------------------------------------------ what is encoded anew


def test_a_second_call_does_not_call_the_reader(tmp_path, reader_class, settings):
    files = write(tmp_path, "a\nb\n")
    first = encode(files, reader_class, settings)
    assert reader_class.calls == 2
    second = encode(files, reader_class, settings)
    assert reader_class.calls == 2
    assert [second.line(i).text for i in range(2)] == ["a", "b"]
    assert first.contents == second.contents


def test_a_moved_file_is_not_encoded_again(tmp_path, reader_class, settings):
    (file,) = write(tmp_path, "a\nb\n")
    encode([file], reader_class, settings)
    moved = file.rename(tmp_path / "moved.txt")
    rows = encode([moved], reader_class, settings)
    assert reader_class.calls == 2
    assert rows.line(1).place == f"{moved}:2"


def test_an_edited_file_is_encoded_again(tmp_path, reader_class, settings):
    (file,) = write(tmp_path, "a\nb\n")
    status = file.stat()
    encode([file], reader_class, settings)
    file.write_text("a\nc\n", encoding="utf-8")  # the same size
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    rows = encode([file], reader_class, settings)
    assert reader_class.calls == 4
    assert rows.columns["letters"].padded(np.arange(2))[0].ravel().tolist() == [ord("a"), ord("c")]


def test_the_order_of_the_files_counts(tmp_path, reader_class, settings):
    files = write(tmp_path, "a\n", "b\n")
    encode(files, reader_class, settings)
    turned = encode(files[::-1], reader_class, settings)
    assert [turned.line(i).text for i in range(2)] == ["b", "a"]
    assert turned.columns["letters"].padded(np.arange(2))[0].ravel().tolist() == [98, 97]


@pytest.mark.parametrize("what", ["training", "reader settings", "bad_lines"])
def test_another_setting_is_encoded_again(tmp_path, reader_class, settings, what):
    files = write(tmp_path, "a\n")
    encode(files, reader_class, settings)
    if what == "training":
        rows = encode(files, reader_class, settings, training=False)
        assert rows.columns["length"].lengths(np.arange(1)).tolist() == [0]
    elif what == "reader settings":
        encode(files, reader_class, settings, reader_settings={"lower_case": False})
    else:
        encode(files, reader_class, settings._replace(bad_lines="skip"))
    assert reader_class.calls == 2


def test_another_vocabulary_is_encoded_again(tmp_path, reader_class, settings):
    files = write(tmp_path, "a\n")
    vocabulary = tmp_path / "vocabulary"
    vocabulary.mkdir()
    (vocabulary / "words.txt").write_text("a\n", encoding="utf-8")
    encode(files, reader_class, settings, vocabulary=vocabulary)
    encode(files, reader_class, settings, vocabulary=vocabulary)
    assert reader_class.calls == 1
    (vocabulary / "words.txt").write_text("a\nb\n", encoding="utf-8")
    encode(files, reader_class, settings, vocabulary=vocabulary)
    assert reader_class.calls == 2


def derived(base):
    return type("Reader", (base,), {"__module__": __name__})


@pytest.mark.parametrize("derive", [lambda reader: reader, derived], ids=["itself", "its base"])
def test_an_edited_reader_encodes_again(tmp_path, reader_class, load_reader, settings, derive):
    files = write(tmp_path, "a\n")
    encode(files, derive(reader_class), settings)
    edited = derive(load_reader(READER.replace("ord(c)", "ord(c) + 1")))
    rows = encode(files, edited, settings)
    assert rows.columns["letters"].padded(np.arange(1))[0].tolist() == [[98]]


# ------------------------------------------------------------------ malformed lines


def test_a_malformed_line_stops_with_its_place_and_leaves_nothing(tmp_path, reader_class, settings):
    files = write(tmp_path, "a\n", "b\n\nbad\nbad\n")
    with pytest.raises(UserError) as failure:
        encode(files, reader_class, settings)
    assert str(failure.value).startswith(
        f"{files[1]}:3: received a bad line, expected a good one\n"
    )
    assert "runner.bad_lines=skip" in str(failure.value)
    assert list(settings.folder.iterdir()) == []


def test_skipped_lines_are_counted_and_reported_each_time(tmp_path, reader_class, caplog):
    settings = Cache(tmp_path / "cache", "skip")
    files = write(tmp_path, "a\nbad 1\nb\n", "bad 2\nc\n")
    for _ in range(2):  # the second time from the cache
        caplog.clear()
        rows = encode(files, reader_class, settings)
        assert rows.skipped == 2
        assert [rows.line(i).text for i in range(len(rows))] == ["a", "b", "c"]
        assert "2 malformed line(s) skipped" in caplog.text


def test_only_malformed_lines_leave_no_rows(tmp_path, reader_class):
    with pytest.raises(UserError, match="received no rows"):
        encode(write(tmp_path, "bad\n"), reader_class, Cache(tmp_path / "cache", "skip"))


class Even(Reader):
    def parse(self, line):
        if int(line) % 2:
            raise BadLine("odd")
        return int(line)


def test_good_lines_come_with_their_file_and_number(tmp_path):
    files = write(tmp_path, "2\n4\n", "6\n")
    found = [
        (line.path, line.number, n) for line, n in good_lines(files, Even(), Refusals("error"))
    ]
    assert found == [(files[0], 1, 2), (files[0], 2, 4), (files[1], 1, 6)]


def test_skipped_lines_are_left_out(tmp_path):
    files = write(tmp_path, "1\n2\n3\n4\n")
    refusals = Refusals("skip")
    found = [(line.number, n) for line, n in good_lines(files, Even(), refusals)]
    assert found == [(2, 2), (4, 4)]
    assert refusals.count == 2
    with pytest.raises(UserError, match=rf"{re.escape(str(files[0]))}:1: odd"):
        list(good_lines(files, Even(), Refusals("error")))


# ------------------------------------------------------------------ whole or not at all


@pytest.mark.parametrize("failure", [RuntimeError("fault"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_nothing(
    tmp_path, reader_class, settings, monkeypatch, failure
):
    def fails(self, line, training):
        if line == "c":
            raise failure
        return {"letters": [1], "length": [1]}

    monkeypatch.setattr(reader_class, "encode", fails)
    files = write(tmp_path, "a\nb\nc\n")
    with pytest.raises(type(failure)):
        encode(files, reader_class, settings)
    assert list(settings.folder.iterdir()) == []


def test_a_folder_that_another_run_has_just_written_is_taken(tmp_path, reader_class, settings):
    files = write(tmp_path, "a\n")

    class Slow(reader_class):
        def encode(self, line, training):
            encode(files, reader_class, settings)  # the other run is done first
            return super().encode(line, training)

    identity = reader_identity(reader_class, {}, None)
    rows = encoded_rows(files, Slow(), True, identity, settings)
    assert rows.line(0).text == "a"
    assert len(list(settings.folder.iterdir())) == 1


def test_a_cache_folder_that_cannot_be_made_is_a_user_error(tmp_path, reader_class):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    files = write(tmp_path, "a\n")
    with pytest.raises(
        UserError, match=r"runner\.cache_dir: cannot write .*runner\.cache_dir=PATH"
    ):
        encode(files, reader_class, Cache(tmp_path / "file" / "cache", "error"))


def test_a_full_disk_is_a_user_error_and_leaves_nothing(
    tmp_path, reader_class, settings, monkeypatch
):
    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module._ColumnWriter, "add", full)
    with pytest.raises(UserError, match=r"runner\.cache_dir: cannot write .*No space left"):
        encode(write(tmp_path, "a\n"), reader_class, settings)
    assert list(settings.folder.iterdir()) == []


# ------------------------------------------------------------------ the vocabulary


def test_the_vocabulary_is_fitted_once_per_content_and_declared_sizes(
    tmp_path, reader_class, settings
):
    files = write(tmp_path, "b a\n", "c a\n")
    identity = reader_identity(reader_class, {})
    first = fitted_vocabulary(files, reader_class(), {}, identity, settings)
    assert (first / "words.txt").read_text(encoding="utf-8").split("\n") == ["a", "b", "c", "{}"]
    assert fitted_vocabulary(files, reader_class(), {}, identity, settings) == first
    assert reader_class.calls == 1
    other = fitted_vocabulary(files, reader_class(), {"n_words": 9}, identity, settings)
    assert other != first
    files[1].write_text("d\n", encoding="utf-8")
    again = fitted_vocabulary(files, reader_class(), {}, identity, settings)
    assert (again / "words.txt").read_text(encoding="utf-8").split("\n") == ["a", "b", "d", "{}"]


def test_leftovers_of_killed_runs_are_removed_after_a_day(tmp_path, settings, reader_class):
    settings.folder.mkdir(parents=True)
    old, running = ".tmp-00000000-rows-1a", ".tmp-11111111-rows-1a"
    foreign = (".tmp-mine", ".tmp-00000000-mine", ".replaced-mine")
    for name, age in ((old, 25), (running, 1), *((name, 25) for name in foreign)):
        (settings.folder / name).mkdir()
        (settings.folder / name / "words.values").write_bytes(b"1234")
        then = time.time() - age * 3600
        for path in (settings.folder / name / "words.values", settings.folder / name):
            os.utime(path, (then, then))
    fitted_vocabulary(write(tmp_path, "b a\n"), reader_class(), {}, "id", settings)
    assert {path.name for path in settings.folder.glob(".*")} == {running, *foreign}


def test_the_identity_of_a_reader_does_not_depend_on_where_it_lies(tmp_path, reader_class):
    vocabularies = [tmp_path / "one", tmp_path / "two"]
    for folder in vocabularies:
        folder.mkdir()
        (folder / "words.txt").write_text("a\n", encoding="utf-8")
    one, two = (reader_identity(reader_class, {"x": 1}, folder) for folder in vocabularies)
    assert one == two


@pytest.mark.parametrize("setting", ["", "vocab.txt"], ids=["a folder", "a file"])
def test_what_a_path_among_the_settings_holds_is_part_of_the_identity(
    tmp_path, reader_class, setting
):
    settings = {"tokenizer": tmp_path / setting}
    identities = set()
    for content in ("a", "b", "b"):
        (tmp_path / "vocab.txt").write_text(content, encoding="utf-8")
        (tmp_path / "more").mkdir(exist_ok=True)
        os.utime(tmp_path / "vocab.txt", (0, ord(content)))
        identities.add(reader_identity(reader_class, settings))
    assert len(identities) == 2


def test_what_says_how_a_vocabulary_is_read_is_part_of_the_identity(tmp_path, reader_class):
    vocabulary, beside = tmp_path / "vocab.txt", tmp_path / "tokenizer_config.json"
    vocabulary.write_text("a\n", encoding="utf-8")
    identities = {reader_identity(reader_class, {"tokenizer": vocabulary})}
    for lower in ("true", "false"):
        beside.write_text(f'{{"do_lower_case": {lower}}}', encoding="utf-8")
        os.utime(beside, (0, len(lower)))
        identities.add(reader_identity(reader_class, {"tokenizer": vocabulary}))
    assert len(identities) == 3


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's list of open files")
def test_files_are_closed_before_what_failed_is_removed(tmp_path, reader_class, settings):
    files = write(tmp_path, "a\nbad\n")
    with pytest.raises(UserError):  # which holds the frames in which they were open
        encode(files, reader_class, settings)
    opened = [path.resolve() for path in Path("/proc/self/fd").iterdir()]
    assert not [path for path in opened if tmp_path in path.parents]
