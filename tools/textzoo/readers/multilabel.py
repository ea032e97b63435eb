"""Multilabel: a line of text with labels, or with a level for each label, to ids."""

import json
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional

import numpy as np

from textzoo.config.schema import FilePath, SizeOrZero, TextLength, VocabularySize
from textzoo.errors import BadLine
from textzoo.text import reader as text
from textzoo.text.coverage import Coverage
from textzoo.text.fields import Columns as ColumnNames
from textzoo.text.fields import Separators, label_fields, parts_of, separator_of
from textzoo.text.lines import one_line
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Feeds, Ids, Side, checked_prefix
from textzoo.text.subwords import SubwordTokenizer
from textzoo.text.vocabulary import Vocabulary

_SEPARATORS = ",，|"


class Parsed(NamedTuple):
    """The labels of a line, or the level of each label, and the text."""

    labels: list[str]
    levels: list[int]
    text: str


class Reader(text.Reader):
    """Reads `label,label<TAB>text`, or `0,2,1<TAB>text` with a level for each label.

    Args:
        format: `csv`: files are comma-separated values (RFC 4180) whatever they are called.
        text_column: of files with columns, that of the text: its name in the header, or its number
            from 1 where there is no header; a list: they are joined. Default: a known name, such as
            `text`.
        label_column: the same of the labels; a list: columns of 1 and 0, one for each label, or of
            levels in the order of `labels`. Default: a known name, such as `label`.
        label_separator: between labels; a list: any of these; `[]`: a cell is one label. Default:
            `,`, `，` and `|`.
        label_separators: the earlier name: characters, each of which separates labels.
        labels: the labels, in the order of the levels; default: those of the training rows.
        n_levels: each row has a level from 0 below this for each of `labels`; 0: rows name labels.
        tokenizer: a tokenizer.json, a vocab.txt or a folder with one of them. Default: that of a
            pretrained encoder, or else WordPiece built from the training texts. Of any kind:
            WordPiece, Unigram (SentencePiece) or byte-pair encoding.
        vocab_size: the most tokens of a built vocabulary.
        max_len: the longest text in tokens, `[CLS]` and `[SEP]` included; what is beyond is cut.
        lower_case: whether texts are lower-cased, unless the vocabulary's own settings say.
        prefix: what is put before each text, in training and inference, if the encoder was
            pretrained so: `"query: "` for E5.

    Raises:
        ValueError: levels lack their labels, a label is given twice, a separator is none, or the
            prefix holds a line end.
    """

    supplies = ("vocab_size", "max_len", "vocab_label_size", "n_levels")
    columns = ("tokens", "labels")
    rows_without_labels_count = True

    def __init__(
        self,
        *,
        format: Literal["tsv", "csv"] = "tsv",
        text_column: Optional[ColumnNames] = None,
        label_column: Optional[ColumnNames] = None,
        label_separator: Optional[Separators] = None,
        label_separators: str = _SEPARATORS,
        labels: Optional[list[str]] = None,
        n_levels: SizeOrZero = 0,
        tokenizer: Optional[FilePath] = None,
        vocab_size: VocabularySize = 8000,
        max_len: TextLength = 128,
        lower_case: bool = True,
        prefix: Optional[str] = None,
    ):
        if n_levels and (n_levels < 2 or not labels):
            raise ValueError(f"n_levels: received {n_levels}, expected 2 or more, with `labels`")
        if labels and len(set(labels)) < len(labels):
            raise ValueError("labels: a label is given twice")
        if not label_separators or set(label_separators) & set("\t\n"):
            raise ValueError(f"label_separators: received {label_separators!r}, expected a text")
        if label_separators != _SEPARATORS and label_separator is None:
            self.outdated = ("reader.label_separators: is label_separator now, a text or a list",)
        separators = list(label_separators) if label_separator is None else label_separator
        self._split_labels = separator_of(separators).split
        self.fields = label_fields(label_column, text_column, levels=bool(n_levels))
        self.is_csv = format == "csv"
        self._given_labels = labels or []
        self._n_levels = n_levels
        self._source = tokenizer
        self._vocab_size = vocab_size
        self._max_len = max_len
        self._lower_case = lower_case
        self._prefix = checked_prefix("prefix", prefix)

    def parse(self, line: str) -> Parsed:
        """Take a line apart.

        Raises:
            BadLine: it has not two columns, no text, or not a level for each label.
        """
        columns = line.split("\t")
        if len(columns) != 2:
            more = "; or name two columns: reader.text_column, label_column" * (len(columns) > 2)
            raise BadLine(f"received {len(columns)} column(s), expected 2: labels<TAB>text{more}")
        text = columns[1].strip()
        if not text:
            raise BadLine("received no text, expected one in the second column")
        parts = [part.strip() for part in parts_of(columns[0], self._split_labels)]
        if self._n_levels:
            return Parsed([], self._levels(parts), text)
        return Parsed([part for part in dict.fromkeys(parts) if part], [], text)

    def _levels(self, parts: list[str]) -> list[int]:
        valid = [str(level) for level in range(self._n_levels)]
        labels = self._given_labels
        if len(parts) != len(labels) or not set(parts) <= set(valid):
            raise BadLine(
                f"received {','.join(parts)!r}, expected {len(labels)} levels from 0 to "
                f"{self._n_levels - 1}: for {', '.join(labels)}"
            )
        return [int(part) for part in parts]

    def fit(self, rows: Iterable[Parsed], declared: dict[str, int]) -> None:
        """Read or build the vocabulary; collect and count the labels of the training rows.

        Args:
            rows: what `parse` gave.
            declared: sizes stated in the config; they are checked later.
        """
        counts, texts = Counter(), []
        for row in rows:
            counts.update(row.labels)
            texts.append(row.text)
        if self._source:
            self._tokens = SubwordTokenizer.read(self._source, self._max_len, self._lower_case)
        else:
            self._tokens = SubwordTokenizer.build(
                texts, self._max_len, self._vocab_size, self._lower_case
            )
        self._set_labels(counts, len(texts))

    def extend_labels(self, parts: Iterable[list[Parsed]]) -> None:
        """See `Reader.extend_labels`; labels that the config lists are those that there are."""
        rows = list(chain.from_iterable(parts))
        counts = Counter(label for row in rows for label in row.labels)
        self._set_labels(counts, len(rows), tuple(self._labels.texts))

    def _set_labels(self, counts: Counter, n_rows: int, known: tuple[str, ...] = ()) -> None:
        given = self._given_labels
        self._labels = Vocabulary(given or Vocabulary.from_counts(counts, first=known).texts)
        self.label_counts = np.array([counts[label] for label in self._labels.texts])
        self.n_train_rows = n_rows

    def encode(self, line: str, training: bool) -> Ids:
        """The ids of a line's tokens; those of its labels, -1 for unknown ones, or its levels.

        Raises:
            BadLine: the line is malformed, or a training line has none of the config's labels.
        """
        parsed = self.parse(line)
        labels = self._label_ids(parsed, training)
        return {**self.encode_text(parsed.text), "labels": labels}

    def encode_many(self, lines: list[str], training: bool) -> Columns:
        """See `Reader.encode_many`; several times as fast."""
        rows = [self.parse(line) for line in lines]
        labels = Ragged.of([self._label_ids(row, training) for row in rows])
        return {
            "tokens": self._tokens.encode_many([self._prefix + row.text for row in rows]),
            "labels": labels,
        }

    def _label_ids(self, row: Parsed, training: bool) -> list[int]:
        labels = [self._labels.ids.get(label, -1) for label in row.labels]
        if training and -1 in labels:
            unknown = row.labels[labels.index(-1)]
            raise BadLine(f"received label {unknown!r}, which reader.labels lacks")
        return row.levels or labels

    def encode_text(self, text: str) -> Ids:
        """See `Reader.encode_text`."""
        return {"tokens": self._tokens.encode(self._prefix + one_line(text))}

    def coverage(self, text: str, side: Side = "query") -> Coverage:
        """See `Reader.coverage`."""
        return self._tokens.coverage(one_line(text), self._prefix)

    @staticmethod
    def infer_feeds(columns: Columns, rows: np.ndarray, hyper_parameters: dict[str, Any]) -> Feeds:
        """See `Reader.infer_feeds`."""
        tokens, lengths = columns["tokens"].padded(rows)
        return {"tokens": tokens, "lengths": lengths}

    def describe(self, line: str) -> dict[str, Any]:
        """A line as predictions show it: its text and its own labels, or levels above 0."""
        parsed = self.parse(line)
        graded = zip(self._labels.texts, parsed.levels)
        tags = parsed.labels or [f"{label}:{level}" for label, level in graded if level]
        return {"text": parsed.text, "tags": tags}

    @property
    def unknown_pieces(self) -> dict[str, int]:
        """See `Reader.unknown_pieces`."""
        unknown = self._tokens.unknown_id
        return {} if unknown is None else {"tokens": unknown}

    def sizes(self) -> dict[str, int]:
        """See `Reader.sizes`."""
        return {
            "vocab_size": self._tokens.vocab_size,
            "max_len": self._max_len,
            "vocab_label_size": len(self._labels),
            "n_levels": self._n_levels,
        }

    def smallest_sizes(self) -> dict[str, int]:
        """See `Reader.smallest_sizes`."""
        return {
            **{"vocab_size": 2, "max_len": self._max_len, "n_levels": self._n_levels},
            "vocab_label_size": len(self._given_labels) or 2,
        }

    @property
    def label_names(self) -> list[str]:
        """See `Reader.label_names`."""
        return self._labels.texts

    def save(self, folder: Path) -> None:
        """Write the tokenizer, the labels and their counts."""
        self._tokens.save(folder)
        self._labels.save(folder / "labels.txt")
        if self.label_counts is None:
            raise ValueError(
                "save: there is no vocabulary yet, expected a reader after fit or load"
            )
        counts = {"rows": self.n_train_rows, "labels": self.label_counts.tolist()}
        (folder / "counts.json").write_text(json.dumps(counts), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._tokens = SubwordTokenizer.load(folder, self._max_len)
        self._labels = Vocabulary.load(folder / "labels.txt")
        counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
        self.n_train_rows, self.label_counts = counts["rows"], np.array(counts["labels"])
        if self.label_counts.shape != (len(self._labels),):
            raise ValueError(f"counts.json: not of {len(self._labels)} labels")
