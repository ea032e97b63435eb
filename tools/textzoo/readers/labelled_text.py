"""A line `labels<TAB>text` to ids of words, of hashed pairs of words, and of labels.

What the readers of tagspace and xmlcnn share.
"""

import functools
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Optional

import numpy as np

import textzoo
from textzoo.errors import BadLine, UserError, shortened, shown
from textzoo.text.coverage import Coverage
from textzoo.text.fields import Columns as ColumnNames
from textzoo.text.fields import Separators, label_fields, labels_in, separator_of
from textzoo.text.hashing import hashed_pairs
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Feeds, Ids, Reader, Side
from textzoo.text.vocabulary import Vocabulary
from textzoo.text.words import WordCounts, WordIds

_UNKNOWN_ID = 0
# Which hash gives pairs of words their ids; a vocabulary without this file has that of textzoo 0.1.
_PAIRS, _PAIR_HASH = "pairs.json", 2


class Parsed(NamedTuple):
    """The labels and words of a line, still as texts."""

    labels: list[str]
    words: list[str]


class Counts:
    """What the training rows have.

    Args:
        buckets: that pairs of words are hashed into; 0: neither `texts` nor `pairs` are counted.

    Attributes:
        words: how often each word occurs.
        labels: the number of rows that each label is in.
        texts: the number of rows that each word is in.
        pairs: `[buckets]` the number of rows that each pair of neighbours is in.
        n_rows: how many rows there are.
    """

    def __init__(self, buckets: int):
        self.words, self.labels, self.texts = Counter(), Counter(), Counter()
        self.pairs = np.zeros(buckets, np.int64)
        self.n_rows = 0

    def add(self, words: WordCounts, labels: Counter, n_rows: int) -> None:
        """Add some rows."""
        self.words.update(words.words)
        self.labels.update(labels)
        self.texts.update(words.texts)
        self.pairs += np.bincount(words.pairs, minlength=len(self.pairs))
        self.n_rows += n_rows


# Of some rows: their words, the rows that each label is in, and how many they are.
CountedRows = tuple[WordCounts, Counter, int]


class WordReader(Reader):
    """Reads `label,label<TAB>text`.

    A model's reader derives from it, and sets the attributes.

    Args:
        label_separator: what stands between labels; a list: any of these; empty: nothing.
        label_column: of labels, in files with columns.
        text_column: of the text.
        token_pattern: as the models' readers say, like those that follow.
        lower_case: whether words are lower-cased.
        min_count: of a word.
        max_words: of the vocabulary.
        max_len: of a text, in words.
        ngram_buckets: of pairs of neighbouring words; 0: there are no pairs.
        unknown_word: stands for every unknown word, and for a text without words.
        stop_words: words that are left out.
        count_ngrams: whether the rows that n-grams are in are counted.

    Attributes:
        label: what a label is called in messages, and in the names of columns, sizes and files.
        form: of a line.

    Raises:
        ValueError: `token_pattern` is not a regular expression, or has several groups; or a
            separator is none.
    """

    label: ClassVar[str]
    form: ClassVar[str]

    def __init__(
        self,
        *,
        label_separator: Separators,
        token_pattern: str,
        lower_case: bool,
        min_count: int,
        max_words: Optional[int],
        max_len: Optional[int],
        ngram_buckets: int,
        unknown_word: str = "<unk>",
        stop_words: Collection[str] = (),
        count_ngrams: bool = False,
        label_column: Optional[ColumnNames] = None,
        text_column: Optional[ColumnNames] = None,
    ):
        try:
            words = re.compile(token_pattern)
        except (re.error, OverflowError, RecursionError) as problem:
            raise ValueError(f"token_pattern: {shown(token_pattern)}: {problem}") from None
        if words.groups > 1:  # `findall` would give the texts of all of them
            raise ValueError(
                f"token_pattern: received {shown(token_pattern)} with {words.groups} groups, "
                "expected one at most: write others as (?:...)"
            )
        self._find_words = words.findall
        self._split_labels = separator_of(label_separator).split
        self.fields = label_fields(label_column, text_column)
        self._lower_case = lower_case
        self._min_count = min_count
        self._max_words = max_words
        self._max_len = max_len
        self._ngram_buckets = ngram_buckets
        self._counted_buckets = ngram_buckets if count_ngrams else 0
        self._unknown_word = unknown_word
        self._stop_words = frozenset(stop_words)
        self._of_many = functools.partial(
            WordIds,
            token_pattern,
            unknown=_UNKNOWN_ID,
            lower_case=lower_case,
            stop_words=self._stop_words,
            max_len=max_len,
        )

    def parse(self, line: str) -> Parsed:
        """Take a line apart.

        Raises:
            BadLine: it has not the form that was expected.
        """
        labels, text = self._columns(line)
        return Parsed(labels, self._text_words(text))

    def _columns(self, line: str) -> tuple[list[str], str]:
        labels, text = self._cut(line)
        return self._names(labels), text

    def _cut(self, line: str) -> tuple[str, str]:
        labels, tab, text = line.partition("\t")
        if not tab or "\t" in text:
            n_columns = line.count("\t") + 1
            more = "; or name two columns: reader.text_column, label_column" * (n_columns > 2)
            raise BadLine(
                f"received {n_columns} column(s) between tabs, expected 2: {self.form}{more}"
            )
        return labels, text

    def _names(self, labels: str) -> list[str]:
        return list(dict.fromkeys(labels_in(labels, self._split_labels)))

    def _text_words(self, text: str) -> list[str]:
        words = self._find_words(text.lower() if self._lower_case else text)
        if not self._stop_words:
            return words
        return [word for word in words if word not in self._stop_words]

    def fit(self, rows: Iterable[Parsed], declared: dict[str, int]) -> None:
        """See `Reader.fit`; the sizes are checked later."""
        counts = Counts(self._counted_buckets)
        counts.add(*self._counted(rows))
        self._fit(counts, declared)

    def _counted(self, rows: Iterable[Parsed]) -> CountedRows:
        words, texts, labels = Counter(), Counter(), Counter()
        pairs, n_rows = [], 0
        for row in rows:
            words.update(row.words)
            labels.update(row.labels)
            if self._counted_buckets:
                texts.update(set(row.words))
                pairs += set(hashed_pairs(row.words, self._counted_buckets))
            n_rows += 1
        return WordCounts(words, texts, np.array(pairs, np.int64)), labels, n_rows

    def count(self, lines: list[str]) -> CountedRows:
        """See `Reader.count`; line by line for unusual patterns of words."""
        rows = [self._cut(line) for line in lines]
        words = self._counting.count([text for _, text in rows])
        if words is None:
            return self._counted(map(self.parse, lines))
        names: Counter = Counter()
        for labels, n_rows in Counter(labels for labels, _ in rows).items():
            names.update(dict.fromkeys(self._names(labels), n_rows))
        return words, names, len(rows)

    def fit_counts(self, parts: Iterable[CountedRows], declared: dict[str, int]) -> None:
        """See `Reader.fit_counts`."""
        self._fit(self._total(parts), declared)

    def extend_labels(self, parts: Iterable[CountedRows]) -> None:
        """See `Reader.extend_labels`."""
        self._extend(self._total(parts))

    def _total(self, parts: Iterable[CountedRows]) -> Counts:
        counts = Counts(self._counted_buckets)
        for part in parts:
            counts.add(*part)
        return counts

    def _extend(self, counts: Counts) -> None:
        self._labels = Vocabulary.from_counts(counts.labels, first=tuple(self._labels.texts))

    def _fit(self, counts: Counts, declared: dict[str, int]) -> None:
        self._words = Vocabulary.from_counts(
            counts.words,
            min_count=self._min_count,
            max_size=self._max_words,
            first=(self._unknown_word,),
        )
        self._labels = Vocabulary.from_counts(counts.labels)

    def encode(self, line: str, training: bool) -> Ids:
        """See `Reader.encode`."""
        row = self.parse(line)
        words = self._encode_words(row.words)
        return {**words, f"{self.label}s": self._label_ids(row.labels, training)}

    def encode_text(self, text: str) -> Ids:
        """See `Reader.encode_text`."""
        return self._encode_words(self._text_words(text))

    def coverage(self, text: str, side: Side = "query") -> Coverage:
        """See `Reader.coverage`; stop words do not count."""
        words = self._text_words(text) if text.strip() else []
        unknown = self.unknown_word_id
        is_known = [
            self._words.ids.get(word, unknown) != unknown for word in words[: self._max_len]
        ]
        return Coverage.of("words", words, self._max_len, is_known)

    def _encode_words(self, words: list[str]) -> Ids:
        words = words[: self._max_len]
        word_ids = self._ids(words)
        ngrams = []
        if self._ngram_buckets:
            n_words, pairs = len(self._words), hashed_pairs(words, self._ngram_buckets)
            ngrams = [i for i in word_ids if i < n_words] + [n_words + pair for pair in pairs]
        return {"words": word_ids, "ngrams": ngrams}

    def _ids(self, words: list[str]) -> list[int]:
        # Without a known word in it, a text is one unknown word.
        unknown = self.unknown_word_id
        return [self._words.ids.get(word, unknown) for word in words] or [unknown]

    @property
    def unknown_word_id(self) -> int:
        """See `Reader.unknown_word_id`."""
        return _UNKNOWN_ID

    def _label_ids(self, labels: list[str], training: bool) -> list[int]:
        """The ids of a row's labels, -1 for unknown ones."""
        if training and not labels:
            raise BadLine(f"received no {self.label}, expected at least one before the tab")
        ids = [self._labels.ids.get(label, -1) for label in labels]
        if training and -1 in ids:
            unknown = shortened(labels[ids.index(-1)], 60)
            raise BadLine(
                f"the {self.label} {unknown!r} is not among the model's {len(self._labels)} "
                f"{self.label}s"
            )
        return ids

    def encode_many(self, lines: list[str], training: bool) -> Columns:
        """See `Reader.encode_many`; several times as fast, but for unusual patterns of words."""
        rows = [self._cut(line) for line in lines]
        found = self._word_ids([text for _, text in rows])
        if found is None:
            return super().encode_many(lines, training)
        words, ngrams = found
        ids = {
            labels: self._label_ids(self._names(labels), training)
            for labels in {labels for labels, _ in rows}
        }
        labels = Ragged.of([ids[labels] for labels, _ in rows])
        return {"words": words, "ngrams": ngrams, f"{self.label}s": labels}

    @functools.cached_property
    def _counting(self) -> WordIds:
        return self._of_many(ids={}, buckets=self._counted_buckets)

    @functools.cached_property
    def _word_ids(self) -> WordIds:
        return self._of_many(ids=self._words.ids, buckets=self._ngram_buckets)

    def describe(self, line: str) -> dict[str, Any]:
        """See `Reader.describe`."""
        labels, text = self._columns(line)
        return {"text": text.strip(), "tags": labels}

    def sizes(self) -> dict[str, int]:
        """See `Reader.sizes`."""
        n_words, buckets = len(self._words), self._ngram_buckets
        return {
            "vocab_text_size": n_words,
            f"vocab_{self.label}_size": len(self._labels),
            "vocab_ngram_size": n_words + buckets if buckets else 0,
        }

    def smallest_sizes(self) -> dict[str, int]:
        """See `Reader.smallest_sizes`."""
        sizes = super().smallest_sizes()
        if "vocab_ngram_size" in sizes and not self._ngram_buckets:
            sizes["vocab_ngram_size"] = 0
        return sizes

    @property
    def label_names(self) -> list[str]:
        """See `Reader.label_names`."""
        return self._labels.texts

    @property
    def word_ids(self) -> dict[str, int]:
        """See `Reader.word_ids`."""
        return self._words.ids

    def save(self, folder: Path) -> None:
        """Write the vocabularies."""
        self._words.save(folder / "words.txt")
        if self._ngram_buckets:
            (folder / _PAIRS).write_text(json.dumps({"hash": _PAIR_HASH}), encoding="utf-8")
        self._labels.save(folder / f"{self.label}s.txt")

    def load(self, folder: Path) -> None:
        """Read the vocabularies.

        Raises:
            UserError: pairs of words had other ids when they were written.
        """
        if self._ngram_buckets and not (folder / _PAIRS).is_file():
            raise UserError(
                f"{folder}: its pairs of words have the ids of textzoo 0.1, received version "
                f"{textzoo.__version__}: train anew, or use that version"
            )
        self._words = Vocabulary.load(folder / "words.txt")
        self._labels = Vocabulary.load(folder / f"{self.label}s.txt")


def ngram_feeds(columns: Columns, rows: np.ndarray, hyper_parameters: dict[str, Any]) -> Feeds:
    """The arrays of these rows' n-grams, for a net that has such."""
    if not hyper_parameters["ngram_dim"]:
        return {}
    ngrams, counts = columns["ngrams"].padded(rows)
    return {"ngrams": ngrams, "ngram_counts": counts}
