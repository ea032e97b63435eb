import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.config.schema import Runner
from textzoo.errors import BadLine, UserError
from textzoo.inference.labelling import labelled_lines
from textzoo.text.lines import Line


class Run:
    """Scores the labels of a text: how many of each of its ids it has."""

    model = SimpleNamespace(
        kind="tags", infer_feeds=lambda columns, rows: {"ids": columns["text"].padded(rows, -1)[0]}
    )

    def infer_step(self, feeds):
        counts = [(feeds["ids"] == label).sum(axis=1) for label in range(3)]
        return {"scores": np.stack(counts, axis=1) / 10}


def encode_text(text):
    if "?" in text:
        raise BadLine("received a question")
    return {"text": ["abc".index(letter) for letter in text]}


READER = SimpleNamespace(
    label_names=["A", "B", "C"], encode_text=encode_text, with_characters=False, unknown_pieces={}
)


def labelled(texts, threshold=None):
    runner = Runner(top_k=1, infer_batch_size=2)
    lines = (Line(Path("texts.txt"), n, 0, text) for n, text in enumerate(texts, start=1))
    return list(map(json.loads, labelled_lines(Run(), READER, runner, threshold, lines)))


def test_answers_are_in_the_order_of_the_lines_whatever_their_lengths():
    found = labelled(["bbb", "c", " aab ", "ccccb", "a"])
    assert [row["text"] for row in found] == ["bbb", "c", "aab", "ccccb", "a"]
    assert [row["top"] for row in found] == [
        [{"tag": tag, "score": score}]
        for tag, score in (("B", 0.3), ("C", 0.1), ("A", 0.2), ("C", 0.4), ("A", 0.1))
    ]


def test_with_a_threshold_the_labels_above_it_are_predicted():
    assert [row["predicted"] for row in labelled(["bbcc", "a"], 0.15)] == [["B", "C"], []]


def test_a_line_that_the_model_cannot_read_is_named():
    with pytest.raises(UserError, match=r"texts\.txt:2: received a question"):
        labelled(["a", "?"])


def test_no_line_is_a_mistake():
    with pytest.raises(UserError, match="received no text"):
        labelled([])
