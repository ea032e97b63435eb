"""Pairs of texts that mean the same, to ids: what the readers of batchneg and hardestneg share.

A row is `query<TAB>title`, or has texts behind these that do not mean the same although they look
like it: `query<TAB>title<TAB>negative<TAB>...`.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, Union

import numpy as np

from textzoo.config.schema import FilePath, NgramLength, PositiveInt, TextLength, VocabularySize
from textzoo.errors import BadLine, UserError
from textzoo.text import reader as text
from textzoo.text.character_ngrams import CharacterNgrams
from textzoo.text.coverage import Coverage
from textzoo.text.fields import NEGATIVE, QUERY, SCORE, TEXT, TITLE, Field
from textzoo.text.fields import Columns as ColumnNames
from textzoo.text.lines import one_line
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Feeds, Ids, Side, checked_prefix
from textzoo.text.subwords import SubwordTokenizer

_FORM = "query<TAB>title or query<TAB>title<TAB>negative"


class Pair(NamedTuple):
    """The texts of a row."""

    query: str
    title: str
    negatives: tuple[str, ...] = ()

    @property
    def texts(self) -> list[str]:
        """All of them."""
        return [self.query, self.title, *self.negatives]


class Reader(text.Reader):
    """Reads pairs of texts.

    Args:
        tokenizer: a tokenizer.json, a vocab.txt or a folder with one of them; or `ngram`: hashed
            character n-grams. Default: what suits the encoder: its own when it is pretrained,
            n-grams for `ngram`, or else WordPiece built from the training texts. Of any kind:
            WordPiece, Unigram (SentencePiece) or byte-pair encoding.
        vocab_size: the most tokens of a built vocabulary.
        ngram_buckets: the number of ids that n-grams are hashed into.
        ngram_max: the most characters of an n-gram.
        max_len: the longest text: in tokens, `[CLS]` and `[SEP]` included, or in characters for
            n-grams; what is beyond is cut off.
        unlabelled: a line is one text, which stands for a pair of itself: what tells its two
            embeddings apart is the encoder's dropout (SimCSE, Gao et al. 2021). A warm-up on texts
            without pairs.
        lower_case: whether WordPiece lower-cases texts, unless the vocabulary's own settings say.
        query_prefix: what is put before each query, in training and wherever one is embedded, if
            the encoder was pretrained so: `"query: "` for E5, BGE's instruction.
        title_prefix: the same for titles, negatives and the texts of a corpus: `"passage: "`, or
            `"query: "` too where both sides are alike.
        query_column: of files with columns, that of the query: its name in the header, or its
            number from 1 where there is no header; a list: they are joined. Default: a known name,
            such as `query`. With `unlabelled`, that of the text.
        title_column: the same of the title. Default: a known name, such as `title`.
        negative_column: the same of the negatives; a list: one in each. Default: those with a known
            name, such as `negative`.
        max_negatives: the most negatives of a row, in its third and further columns; a row with
            more is taken for malformed; default: 1.

    Raises:
        ValueError: a prefix holds a line end.
    """

    supplies = ("vocab_size", "max_len")
    columns = ("query", "title", "negatives", "negative_lengths", "keys")
    of_pairs = True

    def __init__(
        self,
        *,
        tokenizer: Optional[Union[Literal["ngram"], FilePath]] = None,
        vocab_size: VocabularySize = 8000,
        ngram_buckets: VocabularySize = 131072,
        ngram_max: NgramLength = 2,
        max_len: TextLength = 64,
        unlabelled: bool = False,
        lower_case: bool = True,
        query_prefix: Optional[str] = None,
        title_prefix: Optional[str] = None,
        max_negatives: Optional[PositiveInt] = None,
        query_column: Optional[ColumnNames] = None,
        title_column: Optional[ColumnNames] = None,
        negative_column: Optional[ColumnNames] = None,
    ):
        self._query_prefix = checked_prefix("query_prefix", query_prefix)
        self._title_prefix = checked_prefix("title_prefix", title_prefix)
        self._source: Optional[Union[Literal["ngram"], Path]] = tokenizer
        self._vocab_size = vocab_size
        self._ngrams = (ngram_buckets, ngram_max)
        self._max_len = max_len
        self._unlabelled = unlabelled
        self._lower_case = lower_case
        self._max_columns = 2 + (max_negatives or 1)
        self.fields = (
            Field("query", "query_column", QUERY, query_column, alone=SCORE),
            Field("title", "title_column", TITLE, title_column, alone=SCORE),
            Field("negatives", "negative_column", NEGATIVE, negative_column, optional=True),
        )
        if unlabelled:
            self.fields = (Field("text", "query_column", (*QUERY, *TEXT), query_column),)

    def parse(self, line: str) -> Pair:
        """Take a line apart.

        Raises:
            BadLine: it has less than two texts, or more negatives than a row may have.
        """
        texts = [text.strip() for text in line.split("\t")]
        if self._unlabelled:
            texts = [line.strip()] * 2
        if not 2 <= len(texts) <= self._max_columns:
            expected = f"2 {'or' if self._max_columns == 3 else 'to'} {self._max_columns}"
            more = "; reader.max_negatives allows more negatives" if len(texts) > 3 else ""
            raise BadLine(
                f"received {len(texts)} column(s) between tabs, expected {expected}: {_FORM}{more}"
            )
        if not all(texts[:2]):
            raise BadLine(f"received an empty text, expected {_FORM}")
        return Pair(texts[0], texts[1], tuple(filter(None, texts[2:])))

    def fit(self, rows: Iterable[Pair], declared: dict[str, int]) -> None:
        """Read the vocabulary, or build it from the training rows."""
        if self._source == "ngram":
            self._tokenizer = CharacterNgrams(*self._ngrams, self._max_len)
        elif self._source:
            self._tokenizer = SubwordTokenizer.read(self._source, self._max_len, self._lower_case)
        else:
            texts = (text for row in rows for text in row.texts)
            self._tokenizer = SubwordTokenizer.build(
                texts, self._max_len, self._vocab_size, self._lower_case
            )
        self._check_prefixes()

    def _check_prefixes(self) -> None:
        """Refuse a prefix behind which there is no place for a text.

        Raises:
            UserError: naming its key.
        """
        for name, prefix in (
            ("query_prefix", self._query_prefix),
            ("title_prefix", self._title_prefix),
        ):
            if isinstance(self._tokenizer, CharacterNgrams):
                length = len(" ".join(f"{prefix}.".split())) - 1
            else:
                length = len(self._tokenizer.encode(prefix))
            if length >= self._max_len:
                raise UserError(
                    f"reader.{name}: received {prefix!r}, which is as long as reader.max_len "
                    f"({self._max_len}): of no text anything would be read; expected a shorter "
                    "one, or a larger max_len"
                )

    def encode(self, line: str, training: bool) -> Ids:
        """The ids of a line's texts, and a key of each text that tells it from others.

        Raises:
            BadLine: the line is malformed.
        """
        pair = self.parse(line)
        query, title = self.tokenize(pair.query, "query"), self.tokenize(pair.title, "title")
        negatives = [self.tokenize(text, "title") for text in pair.negatives]
        return {
            "query": query,
            "title": title,
            "negatives": [token for tokens in negatives for token in tokens],
            "negative_lengths": [len(tokens) for tokens in negatives],
            "keys": [half for text in pair.texts for half in _key_halves(text)],
        }

    def encode_many(self, lines: list[str], training: bool) -> Columns:
        """See `Reader.encode_many`; several times as fast."""
        pairs = [self.parse(line) for line in lines]
        negatives = self._tokenize_many(
            [text for pair in pairs for text in pair.negatives], "title"
        )
        n_negatives = np.array([len(pair.negatives) for pair in pairs])
        of_row = Ragged.with_counts(negatives.counts.astype(np.int32), n_negatives)
        n_tokens = np.bincount(of_row.rows(), of_row.values, len(pairs)).astype(np.int64)
        digests = b"".join(_digest(text) for pair in pairs for text in pair.texts)
        return {
            "query": self._tokenize_many([pair.query for pair in pairs], "query"),
            "title": self._tokenize_many([pair.title for pair in pairs], "title"),
            "negatives": Ragged.with_counts(negatives.values, n_tokens),
            "negative_lengths": of_row,
            "keys": Ragged.with_counts(np.frombuffer(digests, np.int32), 2 * (2 + n_negatives)),
        }

    def tokenize(self, text: str, side: Side) -> list[int]:
        """The ids of a text with the prefix of its side."""
        return self._tokenizer.encode(self._prefix(side) + text)

    def _tokenize_many(self, texts: list[str], side: Side) -> Ragged:
        prefix = self._prefix(side)
        return self._tokenizer.encode_many([prefix + text for text in texts] if prefix else texts)

    def _prefix(self, side: Side) -> str:
        return self._query_prefix if side == "query" else self._title_prefix

    def encode_text(self, text: str) -> Ids:
        """The ids of one text, which is embedded by itself, as a query.

        Raises:
            BadLine: it is empty.
        """
        return self._alone(text, "query")

    def coverage(self, text: str, side: Side = "query") -> Coverage:
        """See `Reader.coverage`."""
        return self._tokenizer.coverage(one_line(text), self._prefix(side))

    def encode_title(self, text: str) -> Ids:
        """The same of a text that is to be found."""
        return self._alone(text, "title")

    def _alone(self, text: str, side: Side) -> Ids:
        text = one_line(text)
        if not text:
            raise BadLine("received an empty text")
        return {"text": self.tokenize(text, side)}

    @staticmethod
    def infer_feeds(columns: Columns, rows: np.ndarray, hyper_parameters: dict[str, Any]) -> Feeds:
        """The arrays that embedding the column `text` takes."""
        tokens, lengths = columns["text"].padded(rows)
        return {"tokens": tokens, "lengths": lengths}

    def describe(self, line: str) -> dict[str, Any]:
        """A line as predictions show it: the query, and the title as its tag."""
        pair = self.parse(line)
        return {"text": pair.query, "tags": [pair.title]}

    @property
    def unknown_pieces(self) -> dict[str, int]:
        """See `Reader.unknown_pieces`."""
        unknown = None
        if isinstance(self._tokenizer, SubwordTokenizer):
            unknown = self._tokenizer.unknown_id
        return {} if unknown is None else dict.fromkeys(("query", "title", "text"), unknown)

    def sizes(self) -> dict[str, int]:
        """See `Reader.sizes`."""
        return {"vocab_size": self._tokenizer.vocab_size, "max_len": self._max_len}

    def smallest_sizes(self) -> dict[str, int]:
        """See `Reader.smallest_sizes`."""
        return {"vocab_size": 2, "max_len": self._max_len}

    def save(self, folder: Path) -> None:
        """Write the vocabulary."""
        self._tokenizer.save(folder)

    def load(self, folder: Path) -> None:
        """Read the vocabulary."""
        tokenizer = CharacterNgrams if self._source == "ngram" else SubwordTokenizer
        self._tokenizer = tokenizer.load(folder, self._max_len)
        self._check_prefixes()


def _key_halves(text: str) -> list[int]:
    """64 bits that tell a text from others, as the two signed numbers that a column holds."""
    return np.frombuffer(_digest(text), np.int32).tolist()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
