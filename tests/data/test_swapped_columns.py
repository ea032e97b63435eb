"""Labels that look like texts are named, and no others."""

from types import SimpleNamespace

import pytest

from textzoo.data.swapped_columns import Columns, warn_if_swapped

TEXTS = ["Oil prices soar, stocks fall in Tokyo", "The match was lost, a new record"]


def reader_of(rows):
    """A reader and its encoded rows, of labels and a text each."""
    labels = [label for own, _ in rows for label in own]
    reader = SimpleNamespace(
        describe=lambda line: {"tags": rows[line][0], "text": rows[line][1]},
        label_names=list(dict.fromkeys(labels)),
    )

    class Rows:
        columns = {"tags": SimpleNamespace(values=labels)}  # noqa: RUF012

        def __len__(self):
            return len(rows)

        def line(self, row):
            return SimpleNamespace(text=row)

    return Rows(), reader


@pytest.mark.parametrize("n_rows", [2, 5000])
def test_labels_that_are_longer_than_texts_are_named(caplog, n_rows):
    rows = [(text.split(", "), "business") for text in TEXTS] * (n_rows // 2)
    found, reader = reader_of(rows)
    warn_if_swapped(found, "tags", reader)
    assert "training rows: labels have 16 characters in the mean, texts 8: are the" in caplog.text


def test_more_labels_than_rows_are_named(caplog):
    rows = [([f"a{i}", f"b{i}"], "some text") for i in range(1000)]
    found, reader = reader_of(rows)
    warn_if_swapped(found, "tags", reader)
    assert "training rows: 2,000 labels for 1,000 rows: are the columns swapped?" in caplog.text


@pytest.mark.parametrize(
    "rows",
    [
        [(["business"], text) for text in TEXTS],
        [([], "a"), (["label"], "some text"), ([], "b")],
        [([f"a{i}", f"b{i}"], "some text") for i in range(300)],  # few rows of many labels
        [([f"a{(7 * i + j) % 1500}" for j in range(9)], "some text") for i in range(1200)],
        [([], text) for text in TEXTS],
    ],
)
def test_labels_as_they_are_to_be_are_not_complained_of(caplog, rows):
    found, reader = reader_of(rows)
    warn_if_swapped(found, "tags", reader)
    assert not caplog.records


def test_rows_without_labels_say_nothing_of_them(caplog):
    columns = Columns()
    columns.add({"tags": [], "text": ""})
    columns.add({"tags": ["ab"], "text": "abc"})
    assert (columns.n_rows, columns.n_named) == (1, 1)
    columns.warn("train", 1, 2, 1)
    assert not caplog.records
