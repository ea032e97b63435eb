import gzip
import os
import re

import numpy as np
import pytest

from textzoo.errors import UserError
from textzoo.nets.word_vectors import read_word_vectors

IDS = {"<unk>": 0, "cat": 1, "dog": 2, ". .": 3}
GLOVE = "cat 1 2.5 -3e-1\nbird 0 0 0\n. . 7 8 9\n"


def write(path, text, zipped=False):
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("header", ["", "3 3\n"])
def test_words_get_their_vectors_and_others_nan(tmp_path, header, zipped):
    file = write(tmp_path / "vectors", header + GLOVE, zipped)
    vectors, n_found = read_word_vectors(file, IDS, 3)
    assert n_found == 2
    np.testing.assert_array_equal(vectors[[1, 3]], np.float32([[1, 2.5, -0.3], [7, 8, 9]]))
    assert np.isnan(vectors[[0, 2]]).all()


def test_of_a_word_given_twice_the_first_vector_counts(tmp_path):
    file = write(tmp_path / "vectors", "cat 1\ncat 2\n")
    vectors, n_found = read_word_vectors(file, IDS, 1)
    assert (vectors[1, 0], n_found) == (1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GLOVE + "dog 1 2\n", ":4: received 2 numbers, expected a word and 3 numbers"),
        (GLOVE + "dog 1 2 3 4\n", ":4: received 4 numbers, expected a word and 3 numbers"),
        (GLOVE + "dog 1 two 3\n", ":4: could not convert string to float: 'two'"),
        (GLOVE + "dog 1 nan 3\n", ":4: received a number that is not finite"),
        (GLOVE.encode() + b"\xff\xfe 1 2 3\n", ":4: is not UTF-8"),
        (gzip.compress(GLOVE.encode() * 1000)[:-30], "is damaged"),
    ],
)
def test_a_malformed_file_is_refused_by_its_line(tmp_path, content, message):
    file = write(tmp_path / "vectors", content)
    with pytest.raises(UserError, match=re.escape(message)):
        read_word_vectors(file, IDS, 3)


def test_a_missing_file_is_named_with_its_key(tmp_path):
    made_by = r"embedding\.file: no such file: .*nowhere; train it .*word-vectors -m CONFIG"
    with pytest.raises(UserError, match=made_by):
        read_word_vectors(tmp_path / "nowhere", IDS, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_pipe_is_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"embedding\.file: .*/pipe is a pipe or a device"):
        read_word_vectors(tmp_path / "pipe", IDS, 3)
