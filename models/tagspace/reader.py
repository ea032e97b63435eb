"""A line of text with tags, or PaddleRec's line of ids, to ids."""

import functools
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional

import numpy as np

from textzoo.cache import Column
from textzoo.errors import BadLine
from textzoo.token_table import Lists
from textzoo.vocabulary import Vocabulary, hashed_pairs
from textzoo.word_ids import WordIds

_IDS_LINE = re.compile(r"\d+,\s*\d")
_TAG_SEPARATOR = re.compile("[,，]")


class Parsed(NamedTuple):
    """The tags and words of a line, still as texts."""

    tags: list[str]
    words: list[str]


class Reader:
    """Reads `tag<TAB>text`, or `tag,id id id` as PaddleRec writes it.

    Args:
        format: `text`, `ids`, or `auto`: as the first line looks.
        token_pattern: regular expression of a word.
        lower_case: whether words are lower-cased.
        min_count: words that occur less often in the training files are unknown.
        max_words: at most so many words, the most frequent ones; default: no limit.
        unknown_word: stands for every unknown word, and for a text without words.
        max_len: words after so many are left out; default: no limit.
        ngram_buckets: for a net with `ngram_dim`: the number of buckets that pairs of
            neighbouring words are hashed into (as in fastText, Joulin et al. 2017).
        unknown_tags: in evaluation, a tag that training did not have stops the run (`error`),
            or counts as one that is never found (`count`).

    Raises:
        ValueError: `token_pattern` is not a regular expression, or a limit is below 1.
    """

    supplies = ("vocab_text_size", "vocab_tag_size", "vocab_ngram_size")
    columns = ("words", "tags", "ngrams")

    def __init__(
        self,
        *,
        format: Literal["auto", "text", "ids"] = "auto",
        token_pattern: str = r"\w+",
        lower_case: bool = True,
        min_count: int = 1,
        max_words: Optional[int] = None,
        unknown_word: str = "<unk>",
        max_len: Optional[int] = None,
        ngram_buckets: int = 0,
        unknown_tags: Literal["error", "count"] = "error",
    ):
        try:
            self._find_words = re.compile(token_pattern).findall
        except re.error as problem:
            raise ValueError(f"token_pattern: {token_pattern!r}: {problem}") from None
        for name, limit in (("max_words", max_words), ("max_len", max_len)):
            if limit is not None and limit < 1:
                raise ValueError(f"{name}: received {limit}, expected at least 1")
        self._format = format
        self._token_pattern = token_pattern
        self._lower_case = lower_case
        self._min_count = min_count
        self._max_words = max_words
        self._unknown_word = unknown_word
        self._max_len = max_len
        self._ngram_buckets = ngram_buckets
        self._unknown_tags = unknown_tags

    def parse(self, line: str) -> Parsed:
        """Take a line apart.

        Raises:
            BadLine: it has not the form that was expected.
        """
        if self._format == "auto":
            self._format = _detect(line)
        return self._parse_ids(line) if self._format == "ids" else self._parse_text(line)

    def fit(self, rows: Iterable[Parsed], declared: dict[str, int]) -> None:
        """Build the vocabularies from the training rows.

        Args:
            rows: what `parse` gave.
            declared: sizes stated in the config; with ids they are the vocabularies' sizes.
        """
        words, tags = Counter(), Counter()
        for row in rows:
            words.update(row.words)
            tags.update(row.tags)
        self._fit(words, tags, declared)

    def count(self, lines: list[str]) -> Optional[tuple[Counter, Counter]]:
        """What `fit_counts` needs of some lines; None for lines of ids and unusual patterns.

        Raises:
            BadLine: a line is malformed.
        """
        if self._format == "auto" and lines:
            self._format = _detect(lines[0])
        if self._format == "ids":
            return None
        rows = [self._columns(line) for line in lines]
        counts = self._counting.count([text for _, text in rows])
        if counts is None:
            return None
        return Counter(counts.words), Counter(tag for tags, _ in rows for tag in tags)

    def fit_counts(
        self, parts: Iterable[tuple[Counter, Counter]], declared: dict[str, int]
    ) -> None:
        """As `fit`, from what `count` gave for all lines."""
        words, tags = Counter(), Counter()
        for some_words, some_tags in parts:
            words.update(some_words)
            tags.update(some_tags)
        self._fit(words, tags, declared)

    def _fit(self, words: Counter, tags: Counter, declared: dict[str, int]) -> None:
        if self._format == "ids":
            self._words = _numbers(words, declared.get("vocab_text_size"))
            self._tags = _numbers(tags, declared.get("vocab_tag_size"))
        else:
            self._words = Vocabulary.from_counts(
                words,
                min_count=self._min_count,
                max_size=self._max_words,
                first=(self._unknown_word,),
            )
            self._tags = Vocabulary.from_counts(tags)

    def encode(self, line: str, training: bool) -> dict[str, list[int]]:
        """The ids of a line's words and tags.

        Raises:
            BadLine: the line is malformed, or has an id or tag that the model does not know.
        """
        parsed = self.parse(line)
        return {**self._encode_words(parsed.words), "tags": self._tag_ids(parsed.tags, training)}

    def encode_text(self, text: str) -> dict[str, list[int]]:
        """The ids of the words of a text without tags; with the format of ids, of its ids.

        Raises:
            BadLine: it has an id that the model does not know.
        """
        return self._encode_words(self._text_words(text))

    @staticmethod
    def infer_feeds(
        columns: dict[str, Column], rows: np.ndarray, hyper_parameters: dict[str, Any]
    ) -> dict[str, np.ndarray]:
        """The arrays that scoring these rows takes."""
        words, lengths = columns["words"].padded(rows)
        feeds = {"tokens": words, "lengths": lengths}
        if hyper_parameters["ngram_dim"]:
            feeds["ngrams"], feeds["ngram_counts"] = columns["ngrams"].padded(rows)
        return feeds

    def encode_many(self, lines: list[str], training: bool) -> Optional[dict[str, Lists]]:
        """What `encode` gives for each line, several times as fast.

        None for lines of ids and for unusual patterns.

        Raises:
            BadLine: a line is malformed.
        """
        if self._format == "ids":
            return None
        rows = [self._columns(line) for line in lines]
        found = self._word_ids([text for _, text in rows])
        if found is None:
            return None
        words, ngrams = found
        tags = Lists.of([self._tag_ids(tags, training) for tags, _ in rows])
        return {"words": words, "tags": tags, "ngrams": ngrams}

    def describe(self, line: str) -> dict[str, Any]:
        """A line as predictions show it: its text (or ids) and its own tags."""
        text = line.rpartition("," if self._format == "ids" else "\t")[2]
        return {"text": text.strip(), "tags": self.parse(line).tags}

    def sizes(self) -> dict[str, int]:
        """What the net needs to know of the data."""
        n_words = len(self._words)
        return {
            "vocab_text_size": n_words,
            "vocab_tag_size": len(self._tags),
            "vocab_ngram_size": n_words + self._ngram_buckets if self._ngram_buckets else 0,
        }

    @property
    def label_names(self) -> list[str]:
        """The tags in the order of their ids."""
        return self._tags.texts

    def save(self, folder: Path) -> None:
        """Write the vocabularies."""
        self._words.save(folder / "words.txt")
        self._tags.save(folder / "tags.txt")
        (folder / "format.json").write_text(json.dumps(self._format), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read the vocabularies."""
        self._words = Vocabulary.load(folder / "words.txt")
        self._tags = Vocabulary.load(folder / "tags.txt")
        self._format = json.loads((folder / "format.json").read_text(encoding="utf-8"))

    def _encode_words(self, words: list[str]) -> dict[str, list[int]]:
        words = words[: self._max_len]
        if self._format == "ids":
            word_ids = [_known(self._words, word, "word") for word in words]
        else:
            unknown = self._words.ids[self._unknown_word]
            word_ids = [self._words.ids.get(word, unknown) for word in words] or [unknown]
        return {"words": word_ids, "ngrams": self._ngrams(word_ids, words)}

    def _text_words(self, text: str) -> list[str]:
        if self._format == "ids":
            return [_id(number) for number in text.split() or [""]]
        return self._find_words(text.lower() if self._lower_case else text)

    @functools.cached_property
    def _counting(self) -> WordIds:
        return WordIds(self._token_pattern, {}, 0, lower_case=self._lower_case)

    @functools.cached_property
    def _word_ids(self) -> WordIds:
        return WordIds(
            self._token_pattern,
            self._words.ids,
            self._words.ids[self._unknown_word],
            lower_case=self._lower_case,
            max_len=self._max_len,
            buckets=self._ngram_buckets,
        )

    def _tag_ids(self, tags: list[str], training: bool) -> list[int]:
        if training and not tags:
            raise BadLine("received no tag, expected at least one before the tab")
        if self._unknown_tags == "count" and not training:
            tag_ids = [self._tags.ids.get(tag, -1) for tag in tags]
        else:
            tag_ids = [_known(self._tags, tag, "tag") for tag in tags]
        if training and len(tag_ids) == len(self._tags):
            raise BadLine(f"the row has all {len(tag_ids)} tags: none is left to rank it against")
        return tag_ids

    def _ngrams(self, word_ids: list[int], words: list[str]) -> list[int]:
        """The ids of words and, after them, of the hashed pairs of neighbours."""
        if not self._ngram_buckets:
            return []
        n_words = len(self._words)
        return word_ids + [n_words + pair for pair in hashed_pairs(words, self._ngram_buckets)]

    def _parse_text(self, line: str) -> Parsed:
        tags, text = self._columns(line)
        return Parsed(tags, self._text_words(text))

    def _columns(self, line: str) -> tuple[list[str], str]:
        columns = line.split("\t")
        if len(columns) != 2:
            raise BadLine(
                f"received {len(columns)} column(s) between tabs, expected 2: tag<TAB>text"
            )
        tags = dict.fromkeys(tag.strip() for tag in _TAG_SEPARATOR.split(columns[0]))
        return [tag for tag in tags if tag], columns[1]

    def _parse_ids(self, line: str) -> Parsed:
        tag, comma, text = line.partition(",")
        if not comma or not text.split():
            raise BadLine(f"received {_short(line)}, expected a tag id, a comma, word ids")
        return Parsed([_id(tag.strip())], self._text_words(text))


def _detect(line: str) -> str:
    if "\t" in line:
        return "text"
    if _IDS_LINE.match(line):
        return "ids"
    raise BadLine(f"received {_short(line)}, expected tag<TAB>text, or PaddleRec's tag,id id id")


def _id(number: str) -> str:
    """A number in the one way of writing it that the vocabulary has."""
    if not (number.isascii() and number.isdigit()):
        raise BadLine(f"received {_short(number)}, expected an integer id from 0")
    return str(int(number))


def _numbers(counts: Counter, declared: Optional[int]) -> Vocabulary:
    """The ids from 0 to the highest one, or to the declared size."""
    size = declared or 1 + max(map(int, counts), default=0)
    return Vocabulary(map(str, range(size)))


def _known(vocabulary: Vocabulary, text: str, kind: str) -> int:
    try:
        return vocabulary.ids[text]
    except KeyError:
        raise BadLine(
            f"the {kind} {_short(text)} is not among the model's {len(vocabulary)} {kind}s"
        ) from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
