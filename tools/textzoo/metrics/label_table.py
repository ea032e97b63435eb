"""Figures per label, and their averages, as a table to read, as JSON and as CSV."""

import csv
import io
import json
import unicodedata
from pathlib import Path
from typing import NamedTuple

from textzoo.files import write_text

Figures = dict[str, float]


class LabelTable(NamedTuple):
    """The figures of each label by its name, and the averages over labels by theirs.

    All have the same figures, or some of them, in one order.
    """

    labels: dict[str, Figures]
    averages: dict[str, Figures]

    def save(self, folder: Path) -> None:
        """Write `label_report.txt`, `.json` and `.csv`, each whole or not at all."""
        for suffix, text in (("txt", self.as_text()), ("json", self.as_json())):
            write_text(folder / f"label_report.{suffix}", text)
        write_text(folder / "label_report.csv", self.as_csv())

    def as_json(self) -> str:
        """An object with `labels` and `averages`."""
        return json.dumps(self._asdict(), ensure_ascii=False, indent=1) + "\n"

    def as_csv(self) -> str:
        """A header, then a line per label and average, whose last cell says which it is."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", *self._columns, "kind"])
        for kind, rows in (("label", self.labels), ("average", self.averages)):
            for name, figures in rows.items():
                cells = (figures.get(column, "") for column in self._columns)
                writer.writerow([name, *cells, kind])
        return file.getvalue()

    def as_text(self) -> str:
        """A table with aligned columns; Chinese characters are two columns wide."""
        widest = max(_width(name) for name, _ in self._rows)
        lines = [" " * widest + "".join(f"{column:>12}" for column in self._columns)]
        for name, figures in self._rows:
            cells = "".join(f"{_cell(figures.get(column)):>12}" for column in self._columns)
            lines.append(" " * (widest - _width(name)) + name + cells)
        lines.insert(1 + len(self.labels), "")
        return "\n".join(lines) + "\n"

    @property
    def _columns(self) -> list[str]:
        return list(next(iter(self.labels.values())))

    @property
    def _rows(self) -> list[tuple[str, Figures]]:
        return [*self.labels.items(), *self.averages.items()]


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
