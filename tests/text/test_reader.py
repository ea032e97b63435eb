"""What a reader of a user's own gets from the contract."""

import numpy as np
import pytest

from textzoo.errors import BadLine, UserError
from textzoo.text.reader import Reader, load_vocabulary


class Letters(Reader):
    """Reads `label text`."""

    columns = ("text", "labels")

    def parse(self, line):
        label, blank, text = line.partition(" ")
        if not blank:
            raise BadLine("received no blank")
        return label, text

    def fit(self, rows, declared):
        self.rows, self.declared = list(rows), declared

    def encode(self, line, training):
        label, text = self.parse(line)
        return {"text": list(map(ord, text)), "labels": [int(label)] if training else [-1]}


def test_a_reader_that_counts_nothing_is_fitted_to_every_row():
    reader = Letters()
    parts = (reader.count(lines) for lines in (["1 a", "2 b"], ["3 c"]))
    reader.fit_counts(parts, {"vocab_text_size": 9})
    assert reader.rows == [("1", "a"), ("2", "b"), ("3", "c")]
    assert reader.declared == {"vocab_text_size": 9}
    with pytest.raises(BadLine):
        reader.count(["1 a", "2"])


def test_many_lines_have_the_ids_of_each():
    columns = Letters().encode_many(["1 ab", "2 ", "3 c"], training=True)
    assert list(columns) == ["text", "labels"]
    padded, lengths = columns["text"].padded(np.arange(3))
    assert padded.tolist() == [[97, 98], [0, 0], [99, 0]] and lengths.tolist() == [2, 0, 1]
    labels, _ = Letters().encode_many(["1 ab"], training=False)["labels"].padded(np.arange(1))
    assert labels.tolist() == [[-1]]


def test_what_a_reader_does_not_say_is_as_most_have_it():
    assert not Letters.fields and not Letters.rows_without_labels_count
    assert Letters.label_counts is None and Letters.supplies == ()
    for ask in (Letters().sizes, lambda: Letters().label_names, lambda: Letters().encode_text("a")):
        with pytest.raises(NotImplementedError):
            ask()


@pytest.mark.parametrize(
    "failure", [ValueError("bad"), KeyError("rows"), EOFError(), MemoryError()]
)
def test_a_vocabulary_that_a_reader_cannot_read_is_named(tmp_path, failure):
    class Damaged(Letters):
        def load(self, folder):
            raise failure

    says = rf"^{tmp_path}: is not a vocabulary of this model \({type(failure).__name__}: "
    with pytest.raises(UserError, match=says):
        load_vocabulary(Damaged(), tmp_path)
