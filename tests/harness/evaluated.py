"""Rows in memory and runs that compute nothing, for what evaluates."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from textzoo.text.lines import Line
from textzoo.text.ragged import Ragged


class FakeRows:
    """Rows of `text<TAB>label,label` lines; see `data.cache.Rows`."""

    def __init__(self, lines, **columns):
        self.lines = lines
        self.columns = {name: Ragged.of(lists) for name, lists in columns.items()}
        self.released = 0

    def __len__(self):
        return len(self.lines)

    def line(self, row):
        return Line(Path("rows.tsv"), row + 1, 0, self.lines[row])

    def release(self):
        self.released += 1


class FakeRun:
    """Gives what was drawn before, by row; notes the rows of each batch."""

    def __init__(self, n_best=100, **outputs):
        self.outputs = outputs
        self.batches = []
        self.model = SimpleNamespace(
            text_column="words",
            label_column="labels",
            n_best=n_best,
            infer_feeds=lambda columns, rows: {"rows": rows},
        )

    def infer_step(self, feeds):
        self.batches.append(feeds["rows"].tolist())
        return {name: np.asarray(array)[feeds["rows"]] for name, array in self.outputs.items()}


class Embeds:
    """A run whose embedding of a text of numbered characters is its first ids, of length 1."""

    def __init__(self, width=3):
        self.batches = []
        self.width = width
        self.model = SimpleNamespace(
            infer_feeds=lambda columns, rows: {"tokens": columns["text"].padded(rows)[0]}
        )

    def infer_step(self, feeds):
        self.batches.append(len(feeds["tokens"]))
        tokens = np.pad(feeds["tokens"], ((0, 0), (0, self.width)))[:, : self.width]
        vectors = tokens.astype("float32")
        return {"embeddings": vectors / np.linalg.norm(vectors, axis=1, keepdims=True)}
