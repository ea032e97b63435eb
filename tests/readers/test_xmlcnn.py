import os

import numpy as np
import pytest

from textzoo.errors import BadLine
from textzoo.readers.xmlcnn import Reader, chunk_places


def test_chunks_cover_each_place_once_and_nothing_else():
    lengths = np.array([8, 9, 10, 3, 1])
    places = chunk_places(lengths, 3)
    for length, chunks in zip(lengths[:4], places):
        assert [sorted(set(chunk)) for chunk in chunks.tolist()] == [
            part.tolist() for part in cut(length, 3)
        ]
    assert set(places[4].ravel()) == {0}


def cut(length, n_chunks):
    borders = [i * length // n_chunks for i in range(1, n_chunks)]
    return np.split(np.arange(length), borders)


# ------------------------------------------------------------------ losses


def fitted(lines, **settings):
    reader = Reader(**settings)
    reader.fit(map(reader.parse, lines), {})
    return reader


LINES = ["b, a\tThe cat sat", "a\tthe dog", "a,c,a\tcat 7"]


def test_labels_and_words_become_ids_by_falling_count():
    reader = fitted(LINES)
    assert reader.label_names == ["a", "b", "c"]
    assert (reader.label_counts.tolist(), reader.n_train_rows) == ([3, 1, 1], 3)
    assert list(reader.word_ids) == ["<unk>", "cat", "the", "7", "dog", "sat"]
    encoded = reader.encode("c,new\tDog of the", training=False)
    assert encoded == {"words": [4, 0, 2], "labels": [2, -1], "ngrams": []}


def test_separator_stop_words_and_limits(tmp_path):
    (tmp_path / "stop.txt").write_text("cat\nthe\n", encoding="utf-8")
    reader = fitted(
        ["x y\ta cat sat there now"],
        label_separator=" ",
        stop_words=tmp_path / "stop.txt",
        max_len=2,
    )
    assert reader.label_names == ["x", "y"]
    assert reader.encode("y\tcat sat there now a", training=True)["words"] == [
        reader.word_ids["sat"],
        reader.word_ids["there"],
    ]
    english = fitted(["x\tthe cat is not here"], stop_words="english")
    assert list(english.word_ids) == ["<unk>", "cat", "here"]


def test_what_is_saved_is_read_again(tmp_path):
    reader = fitted(LINES)
    reader.save(tmp_path)
    again = Reader()
    again.load(tmp_path)
    assert again.label_names == reader.label_names
    assert again.word_ids == reader.word_ids
    assert again.sizes() == reader.sizes()
    assert again.label_counts.tolist() == reader.label_counts.tolist()
    assert again.n_train_rows == 3


@pytest.mark.parametrize(
    ("line", "message"), [("no tab", "received 1 column"), ("\ttext", "received no label")]
)
def test_a_training_line_without_labels_is_refused(line, message):
    with pytest.raises(BadLine, match=message):
        fitted(LINES).encode(line, training=True)


def test_counts_of_ngrams_are_rows_and_are_saved(tmp_path):
    reader = fitted(["x\ta b a b", "y\ta"], ngram_buckets=1)
    assert reader.ngram_counts.tolist() == [0, 2, 1, 1]  # <unk>, a, b, the bucket of all pairs
    reader.save(tmp_path)
    again = Reader()
    again.load(tmp_path)
    assert again.ngram_counts.tolist() == [0, 2, 1, 1]


def test_a_file_of_stop_words_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"^stop_words: no such file: .*/nowhere$"):
        Reader(stop_words=tmp_path / "nowhere")
    (tmp_path / "words").write_bytes(b"the\ncaf\xe9\n")
    with pytest.raises(ValueError, match=r"words:2: byte 4 is not UTF-8"):
        Reader(stop_words=tmp_path / "words")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_pipe_of_stop_words_is_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"^stop_words: .*/pipe is a pipe or a device"):
        Reader(stop_words=tmp_path / "pipe")
