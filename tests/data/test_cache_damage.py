"""What happens to the cache when its files, or those that it is made of, change under it."""

import gzip
import json
import os
import re

import numpy as np
import pytest

from textzoo.data import encoding
from textzoo.data.cache import Cache, encoded_rows, fitted_vocabulary, reader_identity
from textzoo.data.input_files import input_files
from textzoo.errors import UserError
from textzoo.text.reader import Reader


class Letters(Reader):
    """A reader whose `meanwhile` is called once, when the first line is read."""

    columns = ("letters",)
    meanwhile = None

    def encode(self, line, training):
        self._meanwhile()
        return {"letters": [ord(letter) for letter in line]}

    def parse(self, line):
        self._meanwhile()
        return line.split()

    def fit(self, rows, declared):
        self.words = sorted({word for row in rows for word in row})

    def save(self, folder):
        (folder / "words.txt").write_text("\n".join(self.words), encoding="utf-8")

    def _meanwhile(self):
        meanwhile, type(self).meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()


@pytest.fixture
def settings(tmp_path):
    yield Cache(tmp_path / "cache", "error")
    Letters.meanwhile = None


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("a b\nc d\ne f\n", encoding="utf-8")
    return path


def encode(file, settings):
    identity = reader_identity(Letters, {})
    return encoded_rows([file], Letters(), True, identity, settings)


def fit(file, settings):
    return fitted_vocabulary([file], Letters(), {}, reader_identity(Letters, {}), settings)


def letters_of(rows):
    return rows.columns["letters"].padded(np.arange(len(rows)))[0].tolist()


ROWS = [list(map(ord, line)) for line in ("a b", "c d", "e f")]


# ------------------------------------------------------------------ files that change


def grow(file):
    with file.open("a", encoding="utf-8") as more:
        more.write("g h\n" * 50)


def change_a_letter(file):
    file.write_text(file.read_text(encoding="utf-8").replace("f", "x"), encoding="utf-8")


def replace_by_another(file):
    other = file.with_name("other")
    other.write_text("x y\n", encoding="utf-8")
    other.replace(file)


@pytest.mark.parametrize("change", [grow, change_a_letter, replace_by_another])
@pytest.mark.parametrize("work", [encode, fit])
def test_a_file_that_changes_while_it_is_read_poisons_nothing(
    file, settings, monkeypatch, change, work
):
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 3)
    content, status = file.read_bytes(), file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns - 10**9))
    Letters.meanwhile = staticmethod(lambda: change(file))
    with pytest.raises(UserError, match=r"data\.txt: was changed while it was read; run the same"):
        work(file, settings)
    assert list(settings.folder.iterdir()) == []
    file.write_bytes(content)  # restored
    assert letters_of(encode(file, settings)) == ROWS
    assert (fit(file, settings) / "words.txt").read_text(encoding="utf-8") == "\n".join("abcdef")


@pytest.mark.parametrize("ending", ["gz", "txt"])
def test_what_is_decompressed_or_joined_is_what_its_name_says(
    tmp_path, settings, monkeypatch, ending
):
    texts, labels = tmp_path / "a_texts.txt", tmp_path / "a_labels.txt"
    if ending == "gz":
        texts = labels = tmp_path / "a.gz"
        texts.write_bytes(gzip.compress(b"a\tb\n"))
    else:
        texts.write_bytes(b"b\n")
        labels.write_bytes(b"a\n")
    fill = Cache.fill

    def slow(self, folder, filling, sources=()):
        def filled(place):
            filling(place)
            labels.write_bytes(labels.read_bytes() * 2)

        fill(self, folder, filled, sources)

    with monkeypatch.context() as patch:
        patch.setattr(Cache, "fill", slow)
        with pytest.raises(UserError, match=r"a(_labels\.txt|\.gz): was changed while it was read"):
            input_files(texts if ending == "gz" else tmp_path, "key", settings)
    assert list(settings.folder.iterdir()) == []


def test_a_row_is_never_shown_with_the_line_of_another_content(file, settings):
    rows = encode(file, settings)
    assert rows.line(2).text == "e f"
    before = rows.contents
    os.utime(file, (1, 1))  # touched, with the same content
    assert rows.line(2).text == "e f"
    change_a_letter(file)
    with pytest.raises(UserError, match=r"data\.txt: was changed since its lines were encoded"):
        rows.line(2)
    assert rows.contents == before


# ------------------------------------------------------------------ damage


def kept(settings, kind):
    (folder,) = settings.folder.glob(f"{kind}-*")
    return folder


def truncate(path):
    path.write_bytes(path.read_bytes()[:-3])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)


def flip_at_the_same_time(path):
    status = path.stat()
    flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def write_nothing(path):
    path.write_bytes(b"")


DAMAGES = (truncate, flip, flip_at_the_same_time, write_nothing, os.unlink)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name", ["letters.values", "letters.offsets", "places", "rows.json", "cache.json"]
)
def test_damaged_rows_are_made_anew_with_a_line_in_the_log(file, settings, caplog, damage, name):
    encode(file, settings)
    folder = kept(settings, "rows")
    damage(folder / name)
    for path in folder.iterdir():  # as in a new process, which has looked at none of them
        os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))
    assert letters_of(encode(file, settings)) == ROWS
    assert caplog.messages == [f"{folder}: was damaged, and is made anew (it is only a cache)"]
    assert letters_of(encode(file, settings)) == ROWS
    assert len(caplog.messages) == 1
    assert list(settings.folder.iterdir()) == [folder]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["words.txt", "cache.json"])
def test_a_damaged_vocabulary_is_made_anew(file, settings, caplog, damage, name):
    folder = fit(file, settings)
    damage(folder / name)
    assert fit(file, settings) == folder
    assert (folder / "words.txt").read_text(encoding="utf-8") == "\n".join("abcdef")
    assert "was damaged, and is made anew" in caplog.text


def test_a_damaged_copy_of_a_compressed_file_is_made_anew(tmp_path, settings, caplog):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a\tb\n" * 9))
    (copy,) = input_files(tmp_path / "a.gz", "key", settings)
    truncate(copy)
    assert input_files(tmp_path / "a.gz", "key", settings) == [copy]
    assert copy.read_bytes() == b"a\tb\n" * 9
    assert "was damaged, and is made anew" in caplog.text


@pytest.mark.parametrize(
    "facts", [{}, [], 5, {"sha256": {}}, {"sha256": 5}, {"sha256": ["places"]}, {"sha256": "ab"}]
)
def test_a_listing_of_another_form_is_damage(file, settings, caplog, facts):
    encode(file, settings)
    (kept(settings, "rows") / "cache.json").write_text(json.dumps(facts), encoding="utf-8")
    assert letters_of(encode(file, settings)) == ROWS
    assert "was damaged, and is made anew" in caplog.text


def test_nothing_else_in_a_damaged_folder_is_removed(file, settings):
    encode(file, settings)
    folder = kept(settings, "rows")
    truncate(folder / "places")
    (folder / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(
        UserError, match=rf"cache_dir: {re.escape(str(folder))} holds files .*: thesis\.txt; move"
    ):
        encode(file, settings)
    assert (folder / "thesis.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("place", ["x" * 256, "data.txt", "data.txt/cache"])
def test_a_place_for_no_cache_is_named(file, tmp_path, place):
    with pytest.raises(
        UserError, match=r"runner\.cache_dir: cannot write .*runner\.cache_dir=PATH"
    ):
        encode(file, Cache(tmp_path / place, "error"))
