"""TagSpace: a line of text with tags, or PaddleRec's line of ids, to ids."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal, Optional

import numpy as np

from textzoo.config.schema import NotNegativeInt, PositiveInt
from textzoo.errors import BadLine, shortened
from textzoo.readers.labelled_text import (
    CountedRows,
    Counts,
    Parsed,
    WordReader,
    ngram_feeds,
)
from textzoo.text import reader as text
from textzoo.text.fields import Columns as ColumnNames
from textzoo.text.fields import Separators
from textzoo.text.ragged import Columns
from textzoo.text.reader import Feeds, Ids
from textzoo.text.vocabulary import Vocabulary

_IDS_LINE = re.compile(r"\d+,\s*\d")
_MOST_IDS = 1_000_000  # a table of so many vectors is made for an id below it


class Reader(WordReader):
    """Reads `tag<TAB>text`, or `tag,id id id` as PaddleRec writes it.

    Args:
        format: `text`, `ids`, or `auto`: as the first line looks.
        text_column: of files with columns, that of the text: its name in the header, or its number
            from 1 where there is no header; a list: they are joined. Default: a known name, such as
            `text`.
        label_column: the same of the tags; a list: columns of 1 and 0, one for each tag. Default: a
            known name, such as `label`.
        label_separator: between tags; a list: any of these; `[]`: a cell is one tag. Default: `,`
            and `，`.
        token_pattern: regular expression of a word.
        lower_case: whether words are lower-cased.
        min_count: words that occur less often in the training files are unknown.
        max_words: at most so many words, the most frequent ones; of ids, those below it. Default:
            no limit; ids are then to be below 1,000,000.
        unknown_word: stands for every unknown word, and for a text without words.
        max_len: words after so many are left out; default: no limit.
        ngram_buckets: for a net with `ngram_dim`: the number of buckets that pairs of
            neighbouring words are hashed into (as in fastText, Joulin et al. 2017).

    Raises:
        ValueError: `token_pattern` is not a regular expression.
    """

    label = "tag"
    form = "tag<TAB>text"
    supplies = ("vocab_text_size", "vocab_tag_size", "vocab_ngram_size")
    columns = ("words", "tags", "ngrams")

    def __init__(
        self,
        *,
        format: Literal["auto", "text", "ids"] = "auto",
        text_column: Optional[ColumnNames] = None,
        label_column: Optional[ColumnNames] = None,
        label_separator: Optional[Separators] = None,
        token_pattern: str = r"\w+",
        lower_case: bool = True,
        min_count: PositiveInt = 1,
        max_words: Optional[PositiveInt] = None,
        unknown_word: str = "<unk>",
        max_len: Optional[PositiveInt] = None,
        ngram_buckets: NotNegativeInt = 0,
    ):
        super().__init__(
            label_separator=[",", "，"] if label_separator is None else label_separator,
            label_column=label_column,
            text_column=text_column,
            token_pattern=token_pattern,
            lower_case=lower_case,
            min_count=min_count,
            max_words=max_words,
            unknown_word=unknown_word,
            max_len=max_len,
            ngram_buckets=ngram_buckets,
        )
        self._format = format
        if format == "ids":
            if label_column or text_column:
                raise ValueError("format: received ids, expected text: rows of ids have no columns")
            self.fields = ()

    def _columns(self, line: str) -> tuple[list[str], str]:
        if self._format == "auto":
            self._format = _detect(line)
        if self._format == "text":
            return super()._columns(line)
        tag, comma, text = line.partition(",")
        if not comma or not text.split():
            raise BadLine(f"received {_short(line)}, expected a tag id, a comma, word ids")
        return [_id(tag.strip())], text

    def _text_words(self, text: str) -> list[str]:
        if self._format == "ids":
            return [_id(number) for number in text.split() or [""]]
        return super()._text_words(text)

    def count(self, lines: list[str]) -> CountedRows:
        """See `Reader.count`; lines of ids one by one."""
        if self._format == "auto" and lines:
            self._format = _detect(lines[0])
        if self._format == "ids":
            return self._counted(map(self._parse_to_train, lines))
        return super().count(lines)

    def _parse_to_train(self, line: str) -> Parsed:
        """As `parse`, of ids that a table can be made for."""
        row = self.parse(line)
        for kind, ids in (("tag", row.labels), ("word", [] if self._max_words else row.words)):
            if high := [number for number in ids if len(number) >= len(str(_MOST_IDS))]:
                raise BadLine(
                    f"received the {kind} id {_short(high[0])}, expected one below {_MOST_IDS:,}"
                    + "; or set reader.max_words" * (kind == "word")
                )
        return row

    def encode(self, line: str, training: bool) -> Ids:
        """See `Reader.encode`."""
        if not training or self._format != "ids":
            return super().encode(line, training)
        row = self._parse_to_train(line)
        return {**self._encode_words(row.words), "tags": self._label_ids(row.labels, training)}

    def _fit(self, counts: Counts, declared: dict[str, int]) -> None:
        if self._format == "auto":  # there was no line to look at
            self._format = "text"
        if self._format == "ids":
            n_words, n_tags = (declared.get(f"vocab_{kind}_size", 1) for kind in ("text", "tag"))
            self._words = _numbers(counts.words, n_words, self._max_words or _MOST_IDS)
            self._labels = _numbers(counts.labels, n_tags, _MOST_IDS)
        else:
            super()._fit(counts, declared)

    def _extend(self, counts: Counts) -> None:
        if self._format == "ids":
            self._labels = _numbers(counts.labels, len(self._labels), _MOST_IDS)
        else:
            super()._extend(counts)

    def encode_many(self, lines: list[str], training: bool) -> Columns:
        """See `Reader.encode_many`; lines of ids one by one."""
        if self._format == "ids":
            return text.Reader.encode_many(self, lines, training)
        return super().encode_many(lines, training)

    @property
    def unknown_word_id(self) -> int:
        """See `Reader.unknown_word_id`; PaddleRec's ids leave none for it but that of padding."""
        return len(self._words) if self._format == "ids" else super().unknown_word_id

    def _label_ids(self, labels: list[str], training: bool) -> list[int]:
        tag_ids = super()._label_ids(labels, training)
        if training and 1 < len(tag_ids) == len(self._labels):  # one in all the net refuses
            raise BadLine(f"the row has all {len(tag_ids)} tags: none is left to rank it against")
        return tag_ids

    @staticmethod
    def infer_feeds(columns: Columns, rows: np.ndarray, hyper_parameters: dict[str, Any]) -> Feeds:
        """See `Reader.infer_feeds`."""
        tokens, lengths = columns["words"].padded(rows)
        feeds = {"tokens": tokens, "lengths": lengths}
        return feeds | ngram_feeds(columns, rows, hyper_parameters)

    def save(self, folder: Path) -> None:
        """Write the vocabularies and the format."""
        super().save(folder)
        (folder / "format.json").write_text(json.dumps(self._format), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            ValueError: there is no such format.
        """
        super().load(folder)
        self._format = json.loads((folder / "format.json").read_text(encoding="utf-8"))
        if self._format not in ("text", "ids"):
            raise ValueError(f"format.json: received {self._format!r}, expected text or ids")


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
    return number.lstrip("0") or "0"


def _numbers(counts: Counter, declared: int, limit: int) -> Vocabulary:
    """The ids from 0 to the highest one below a limit, and as many as are declared."""
    ids = (int(number) for number in counts if len(number) <= len(str(limit)))
    size = 1 + max((number for number in ids if number < limit), default=0)
    return Vocabulary(map(str, range(max(size, declared))))


def _short(text: str) -> str:
    return repr(shortened(text, 60))
