"""A line of text with labels to ids."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, Union

import numpy as np

from textzoo.cache import Column
from textzoo.errors import BadLine
from textzoo.schema import FilePath
from textzoo.vocabulary import Vocabulary, hashed_pairs

_UNKNOWN = "<unk>"
_ENGLISH = """
a an and are as at be been but by can did do does for from had has have he her his how i if in into
is it its no not of on or our she so such than that the their them then there these they this to was
we were what when which who will with would you your
"""


class Parsed(NamedTuple):
    """The labels and words of a line, still as texts."""

    labels: list[str]
    words: list[str]


class Reader:
    """Reads `label,label<TAB>text`; labels are any texts.

    Args:
        label_separator: stands between labels.
        token_pattern: regular expression of a word.
        lower_case: whether words are lower-cased.
        stop_words: words left out: `none`, a short `english` list, or a file with one a line.
        min_count: words that occur less often in the training files are unknown.
        max_words: at most so many words, the most frequent ones; default: no limit.
        max_len: words after so many are left out; default: no limit.
        ngram_buckets: for a net with `ngram_dim`: the number of buckets that pairs of
            neighbouring words are hashed into (as in fastText, Joulin et al. 2017).

    Raises:
        ValueError: `token_pattern` is not a regular expression, a limit is below 1, or the file of
            stop words cannot be read.
    """

    supplies = ("vocab_text_size", "vocab_label_size", "vocab_ngram_size")
    columns = ("words", "labels", "ngrams")

    def __init__(
        self,
        *,
        label_separator: str = ",",
        token_pattern: str = r"\w+",
        lower_case: bool = True,
        stop_words: Union[Literal["none", "english"], FilePath] = "none",
        min_count: int = 1,
        max_words: Optional[int] = None,
        max_len: Optional[int] = 500,
        ngram_buckets: int = 0,
    ):
        try:
            self._find_words = re.compile(token_pattern).findall
        except re.error as problem:
            raise ValueError(f"token_pattern: {token_pattern!r}: {problem}") from None
        for name, limit in (("max_words", max_words), ("max_len", max_len)):
            if limit is not None and limit < 1:
                raise ValueError(f"{name}: received {limit}, expected at least 1")
        if label_separator in ("", "\t", "\n"):
            raise ValueError(f"label_separator: received {label_separator!r}, expected a text")
        self._label_separator = label_separator
        self._lower_case = lower_case
        self._stop_words = _stop_words(stop_words)
        self._min_count = min_count
        self._max_words = max_words
        self._max_len = max_len
        self._ngram_buckets = ngram_buckets

    def parse(self, line: str) -> Parsed:
        """Take a line apart.

        Raises:
            BadLine: it has not two columns.
        """
        columns = line.split("\t")
        if len(columns) != 2:
            raise BadLine(
                f"received {len(columns)} column(s) between tabs, expected 2: labels<TAB>text"
            )
        labels = (label.strip() for label in columns[0].split(self._label_separator))
        words = self._text_words(columns[1])
        return Parsed([label for label in dict.fromkeys(labels) if label], words)

    def _text_words(self, text: str) -> list[str]:
        words = self._find_words(text.lower() if self._lower_case else text)
        return [word for word in words if word not in self._stop_words]

    def fit(self, rows: Iterable[Parsed], declared: dict[str, int]) -> None:
        """Build the vocabularies from the training rows, and count.

        `label_counts` and `ngram_counts` are the numbers of rows that a label or n-gram is in.

        Args:
            rows: what `parse` gave.
            declared: sizes stated in the config; they are checked later.
        """
        words, labels, texts = Counter(), Counter(), Counter()
        pairs = np.zeros(self._ngram_buckets, np.int64)
        self.n_train_rows = 0
        for row in rows:
            words.update(row.words)
            labels.update(row.labels)
            if self._ngram_buckets:
                texts.update(set(row.words))
                pairs[list(set(hashed_pairs(row.words, self._ngram_buckets)))] += 1
            self.n_train_rows += 1
        self._words = Vocabulary.from_counts(
            words, min_count=self._min_count, max_size=self._max_words, first=(_UNKNOWN,)
        )
        self._labels = Vocabulary.from_counts(labels)
        self.label_counts = np.array([labels[label] for label in self._labels.texts])
        self.ngram_counts = np.append([texts[word] for word in self._words.texts], pairs)

    def encode(self, line: str, training: bool) -> dict[str, list[int]]:
        """The ids of a line's words and labels; -1 for a label that training did not have.

        Raises:
            BadLine: the line is malformed, or a training line without a label.
        """
        parsed = self.parse(line)
        if training and not parsed.labels:
            raise BadLine("received no label, expected at least one before the tab")
        labels = [self._labels.ids.get(label, -1) for label in parsed.labels]
        return {**self._encode_words(parsed.words), "labels": labels}

    def encode_text(self, text: str) -> dict[str, list[int]]:
        """The ids of the words of a text without labels."""
        return self._encode_words(self._text_words(text))

    def _encode_words(self, words: list[str]) -> dict[str, list[int]]:
        words = words[: self._max_len]
        # Without a known word in it, a text is one unknown word.
        word_ids = [self._words.ids.get(word, 0) for word in words] or [0]
        ngrams = []
        if self._ngram_buckets:
            n_words = len(self._words)
            pairs = hashed_pairs(words, self._ngram_buckets)
            ngrams = word_ids + [n_words + pair for pair in pairs]
        return {"words": word_ids, "ngrams": ngrams}

    @staticmethod
    def infer_feeds(
        columns: dict[str, Column], rows: np.ndarray, hyper_parameters: dict[str, Any]
    ) -> dict[str, np.ndarray]:
        """The arrays that scoring these rows takes."""
        tokens, lengths = columns["words"].padded(rows, fill=hyper_parameters["vocab_text_size"])
        chunks = chunk_places(lengths, hyper_parameters["n_chunks"])
        feeds = {"tokens": tokens, "chunks": chunks}
        if hyper_parameters["ngram_dim"]:
            feeds["ngrams"], feeds["ngram_counts"] = columns["ngrams"].padded(rows)
        return feeds

    def label_words(self) -> list[list[int]]:
        """The ids of the known words in the name of each label."""
        names = (name.lower() if self._lower_case else name for name in self._labels.texts)
        words = (self._find_words(name.replace("_", " ").replace("-", " ")) for name in names)
        return [[self._words.ids[w] for w in own if w in self._words.ids] for own in words]

    def describe(self, line: str) -> dict[str, Any]:
        """A line as predictions show it: its text and its own labels."""
        return {"text": line.rpartition("\t")[2].strip(), "tags": self.parse(line).labels}

    def sizes(self) -> dict[str, int]:
        """What the net needs to know of the data."""
        n_words = len(self._words)
        return {
            "vocab_text_size": n_words,
            "vocab_label_size": len(self._labels),
            "vocab_ngram_size": n_words + self._ngram_buckets if self._ngram_buckets else 0,
        }

    @property
    def label_names(self) -> list[str]:
        """The labels in the order of their ids."""
        return self._labels.texts

    @property
    def word_ids(self) -> dict[str, int]:
        """The id of each word."""
        return self._words.ids

    def save(self, folder: Path) -> None:
        """Write the vocabularies and the counts of the labels."""
        self._words.save(folder / "words.txt")
        self._labels.save(folder / "labels.txt")
        counts = {"rows": self.n_train_rows, "labels": self.label_counts.tolist()}
        (folder / "counts.json").write_text(json.dumps(counts), encoding="utf-8")
        np.save(folder / "ngram_counts.npy", self.ngram_counts)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._words = Vocabulary.load(folder / "words.txt")
        self._labels = Vocabulary.load(folder / "labels.txt")
        counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
        self.n_train_rows, self.label_counts = counts["rows"], np.array(counts["labels"])
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
        return frozenset(source.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as failure:
        raise ValueError(f"stop_words: {source} cannot be read: {failure}") from None
