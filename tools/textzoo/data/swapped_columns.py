"""Whether what a reader takes for labels may be the texts."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from textzoo.data.cache import Rows
from textzoo.text.reader import Reader

log = logging.getLogger("textzoo")

_EXAMPLES = 1000  # training rows that are looked at
_FEW = 1000  # rows, of which each may well have labels of its own


@dataclass
class Columns:
    """What tells labels from texts: labels are shorter, and come again.

    Attributes:
        n_rows: rows with labels.
        n_named: labels of all rows together.
        label_characters: of these.
        text_characters: of the texts of all rows.
    """

    n_rows: int = 0
    n_named: int = 0
    label_characters: int = 0
    text_characters: int = 0

    def add(self, described: dict[str, Any]) -> None:
        """Count a row, as `Reader.describe` shows it."""
        if described["tags"]:
            self.n_rows += 1
            self.n_named += len(described["tags"])
            self.label_characters += sum(map(len, described["tags"]))
            self.text_characters += len(described["text"])

    def warn(self, name: str, n_labels: int, n_rows: int, n_named: int) -> None:
        """Say in the log if the columns look swapped.

        Args:
            name: of the rows.
            n_labels: how many different labels there are.
            n_rows: of how many rows.
            n_named: labels of all these rows together.
        """
        if not self.n_rows:
            return
        label = self.label_characters / self.n_named
        text = self.text_characters / self.n_rows
        if label > text:
            found = f"labels have {label:.0f} characters in the mean, texts {text:.0f}"
        elif n_rows >= _FEW and n_labels > n_rows and n_named < 2 * n_labels:
            found = f"{n_labels:,} labels for {n_rows:,} rows"
        else:
            return
        log.warning(
            "%s: %s: are the columns swapped? Labels come first, then the text", name, found
        )


def warn_if_swapped(rows: Rows, label_column: str, reader: Reader) -> None:
    """Say in the log if the columns of training rows look swapped, by some of them.

    Args:
        rows: the encoded training rows.
        label_column: the column of their labels.
        reader: with its vocabulary.
    """
    columns, n_rows = Columns(), len(rows)
    for row in np.linspace(0, n_rows - 1, min(n_rows, _EXAMPLES), dtype=int):
        columns.add(reader.describe(rows.line(int(row)).text))
    n_named = len(rows.columns[label_column].values)
    columns.warn("training rows", len(reader.label_names), n_rows, n_named)
