"""XML-CNN: a line of text with labels to ids."""

import json
from pathlib import Path
from typing import Any, Literal, Optional, Union

import numpy as np

from textzoo.config.schema import FilePath, NotNegativeInt, PositiveInt
from textzoo.errors import UserError
from textzoo.readers.labelled_text import Counts, WordReader, ngram_feeds
from textzoo.text.fields import Columns as ColumnNames
from textzoo.text.fields import Separators
from textzoo.text.lines import read_lines
from textzoo.text.ragged import Columns
from textzoo.text.reader import Feeds
from textzoo.text.streams import existing_file

_ENGLISH = """
a an and are as at be been but by can did do does for from had has have he her his how i if in into
is it its no not of on or our she so such than that the their them then there these they this to was
we were what when which who will with would you your
"""


class Reader(WordReader):
    """Reads `label,label<TAB>text`; labels are any texts.

    Args:
        text_column: of files with columns, that of the text: its name in the header, or its number
            from 1 where there is no header; a list: they are joined. Default: a known name, such as
            `text`.
        label_column: the same of the labels; a list: columns of 1 and 0, one for each label.
            Default: a known name, such as `label`.
        label_separator: between labels; a list: any of these; `[]`: a cell is one label.
        token_pattern: regular expression of a word.
        lower_case: whether words are lower-cased.
        stop_words: words left out: `none`, a short `english` list, or a file with one a line.
        min_count: words that occur less often in the training files are unknown.
        max_words: at most so many words, the most frequent ones; default: no limit.
        max_len: words after so many are left out; default: no limit.
        ngram_buckets: for a net with `ngram_dim`: the number of buckets that pairs of
            neighbouring words are hashed into (as in fastText, Joulin et al. 2017).

    Raises:
        ValueError: `token_pattern` is not a regular expression, or the file of stop words cannot
            be read.
    """

    label = "label"
    form = "labels<TAB>text"
    supplies = ("vocab_text_size", "vocab_label_size", "vocab_ngram_size")
    columns = ("words", "labels", "ngrams")

    def __init__(
        self,
        *,
        text_column: Optional[ColumnNames] = None,
        label_column: Optional[ColumnNames] = None,
        label_separator: Separators = ",",
        token_pattern: str = r"\w+",
        lower_case: bool = True,
        stop_words: Union[Literal["none", "english"], FilePath] = "none",
        min_count: PositiveInt = 1,
        max_words: Optional[PositiveInt] = None,
        max_len: Optional[PositiveInt] = 500,
        ngram_buckets: NotNegativeInt = 0,
    ):
        super().__init__(
            label_separator=label_separator,
            label_column=label_column,
            text_column=text_column,
            token_pattern=token_pattern,
            lower_case=lower_case,
            stop_words=_stop_words(stop_words),
            min_count=min_count,
            max_words=max_words,
            max_len=max_len,
            ngram_buckets=ngram_buckets,
            count_ngrams=True,
        )

    def _fit(self, counts: Counts, declared: dict[str, int]) -> None:
        """Keep the numbers of rows that each label, and each n-gram, is in."""
        super()._fit(counts, declared)
        self._count_labels(counts)
        texts = [counts.texts[word] for word in self._words.texts]
        self.ngram_counts = np.append(texts, counts.pairs)

    def _extend(self, counts: Counts) -> None:
        super()._extend(counts)
        self._count_labels(counts)

    def _count_labels(self, counts: Counts) -> None:
        self.n_train_rows = counts.n_rows
        self.label_counts = np.array([counts.labels[label] for label in self._labels.texts])

    @staticmethod
    def infer_feeds(columns: Columns, rows: np.ndarray, hyper_parameters: dict[str, Any]) -> Feeds:
        """See `Reader.infer_feeds`."""
        tokens, lengths = columns["words"].padded(rows, fill=hyper_parameters["vocab_text_size"])
        chunks = chunk_places(lengths, hyper_parameters["n_chunks"])
        feeds = {"tokens": tokens, "chunks": chunks}
        return feeds | ngram_feeds(columns, rows, hyper_parameters)

    def label_words(self) -> list[list[int]]:
        """The ids of the known words in the name of each label."""
        names = (name.lower() if self._lower_case else name for name in self._labels.texts)
        words = (self._find_words(name.replace("_", " ").replace("-", " ")) for name in names)
        return [[self._words.ids[w] for w in own if w in self._words.ids] for own in words]

    def save(self, folder: Path) -> None:
        """Write the vocabularies and the counts of the training rows."""
        super().save(folder)
        if self.label_counts is None:
            raise ValueError(
                "save: there is no vocabulary yet, expected a reader after fit or load"
            )
        counts = {"rows": self.n_train_rows, "labels": self.label_counts.tolist()}
        (folder / "counts.json").write_text(json.dumps(counts), encoding="utf-8")
        np.save(folder / "ngram_counts.npy", self.ngram_counts)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        super().load(folder)
        counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
        self.n_train_rows, self.label_counts = counts["rows"], np.array(counts["labels"])
        if self.label_counts.shape != (len(self._labels),):
            raise ValueError(f"counts.json: not of {len(self._labels)} labels")
        self.ngram_counts = np.load(folder / "ngram_counts.npy")


def chunk_places(lengths: np.ndarray, n_chunks: int) -> np.ndarray:
    """The places of each text that belong to each of its chunks.

    Chunk i of a text of n words is [floor(i n / p), floor((i + 1) n / p)), and never empty: a text
    shorter than p has words that stand in several chunks.

    Args:
        lengths: `[batch]` number of words, at least 1.
        n_chunks: p.

    Returns:
        `[batch, n_chunks, longest]`; the last place is repeated to fill up a chunk.
    """
    bounds = np.arange(n_chunks + 1) * lengths[:, None] // n_chunks
    starts = bounds[:, :-1]
    lasts = np.maximum(bounds[:, 1:], starts + 1) - 1
    steps = np.arange((lasts - starts).max() + 1)
    return np.minimum(starts[:, :, None] + steps, lasts[:, :, None])


def _stop_words(source: Union[str, Path]) -> frozenset[str]:
    if isinstance(source, str):
        return frozenset(_ENGLISH.split() if source == "english" else [])
    try:
        lines = read_lines(existing_file(source, "stop_words"))
        return frozenset(word for line in lines for word in line.text.split())
    except UserError as refusal:
        raise ValueError(str(refusal)) from None
