"""Files that a tokenizer does not know are named, with their share, wherever they are encoded."""

from pathlib import Path

import pytest
from harness.tokenizer_files import write_tokenizer

from textzoo.data.cache import Cache, encoded_rows
from textzoo.data.unknown_pieces import UnknownPieces
from textzoo.readers.pairs import Reader
from textzoo.text.ragged import Ragged

ENGLISH, CHINESE = "the player plays\tplaying players", "怎么停车\t哪里可以停车"


@pytest.fixture
def reader(tmp_path):
    path = write_tokenizer(tmp_path, "wordpiece", [ENGLISH] * 9)
    reader = Reader(tokenizer=path)
    reader.fit([], {})
    return reader


def rows_of(reader, folder, **files):
    paths = []
    for name, lines in files.items():
        paths.append(folder / f"{name}.tsv")
        paths[-1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return encoded_rows(paths, reader, False, "", Cache(folder / "cache", "error"))


def test_the_first_such_file_is_named_whenever_its_rows_are_read(reader, tmp_path, caplog):
    files = {"english": [ENGLISH] * 40, "chinese": [CHINESE, ENGLISH] * 9, "other": [CHINESE] * 9}
    for _ in range(2):  # the second time from the cache
        caplog.clear()
        rows = rows_of(reader, tmp_path, **files)
        assert caplog.text.count("does not know") == 1
        # [CLS] 4 unknown [SEP], [CLS] 6 unknown [SEP]; the English line has known pieces alone.
        n_english = sum(len(reader.encode(ENGLISH, False)[side]) for side in ("query", "title"))
        assert [of_file.of for of_file in rows.unknown] == [
            *((0, 40 * n_english), (90, 9 * (14 + n_english)), (90, 9 * 14)),
        ]
        share = 100 * 10 / (14 + n_english)
        assert f"chinese.tsv (and 1 more file(s)): the tokenizer does not know {share:.0f} %" in (
            caplog.text
        )
        assert "reader.tokenizer" in caplog.text
        assert "was it pruned without such texts?" in caplog.text


def test_few_unknown_pieces_are_no_reason_to_warn(reader, tmp_path, caplog):
    rows = rows_of(reader, tmp_path, mixed=[*[ENGLISH] * 40, CHINESE])
    assert rows.unknown[0].of[0] == 10
    assert "does not know" not in caplog.text


def test_exactly_a_tenth_is_not_more_than_a_tenth(reader, caplog):
    counts = UnknownPieces()
    counts.add({"text": Ragged.of([[1] * 9]), "keys": Ragged.of([[1] * 9])}, reader)
    counts.warn_once(Path("a.txt"))
    assert counts.of == (9, 9) and not caplog.text  # of so few nothing is said
    counts.add({"text": Ragged.of([[1, *[5] * 90]])}, reader)
    counts.warn_once(Path("a.txt"))
    assert counts.of == (10, 100) and not caplog.text
    counts.add({"text": Ragged.of([[1] * 10])}, reader)
    for _ in range(2):
        counts.warn_once(Path("a.txt"))
    assert caplog.text.count("a.txt: the tokenizer does not know 18 % of the pieces") == 1
