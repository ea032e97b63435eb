"""Pairs of texts that mean the same: reading them, and the arrays of a batch.

What batchneg and hardestneg share. A row is `query<TAB>title`, or `query<TAB>title<TAB>negative`
with a text that does not mean the same although it looks like it.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, Union

import numpy as np
import paddle

from textzoo.cache import Column
from textzoo.errors import BadLine
from textzoo.ngrams import CharacterNgrams
from textzoo.schema import FilePath
from textzoo.token_table import Lists
from textzoo.wordpiece import WordPiece

Columns = dict[str, Column]
Feeds = dict[str, np.ndarray]

_DRAWS = 20  # how often an unlucky draw of a random negative is repeated
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern (Knuth's golden ratio)
_FORM = "query<TAB>title or query<TAB>title<TAB>negative"


class Pair(NamedTuple):
    """The texts of a row; `negative` is empty when there is none."""

    query: str
    title: str
    negative: str

    @property
    def texts(self) -> list[str]:
        """Those that are there."""
        return [text for text in self if text]


class Reader:
    """Reads pairs of texts.

    Args:
        tokenizer: a tokenizer.json, a vocab.txt or a folder with one of them; or `ngram`: hashed
            character n-grams. Default: what suits the encoder: its own when it is pretrained,
            n-grams for `ngram`, or else WordPiece built from the training texts.
        vocab_size: the most tokens of a built vocabulary.
        ngram_buckets: the number of ids that n-grams are hashed into.
        ngram_max: the most characters of an n-gram.
        max_len: the longest text: in tokens, `[CLS]` and `[SEP]` included, or in characters for
            n-grams; what is beyond is cut off.
        unlabelled: a line is one text, which stands for a pair of itself: what tells its two
            embeddings apart is the encoder's dropout (SimCSE, Gao et al. 2021). A warm-up on texts
            without pairs.
        lower_case: whether WordPiece lower-cases texts, unless the vocabulary's own settings say.

    Raises:
        ValueError: a limit is too small.
    """

    supplies = ("vocab_size", "max_len")
    columns = ("query", "title", "negative", "keys")

    def __init__(
        self,
        *,
        tokenizer: Optional[Union[Literal["ngram"], FilePath]] = None,
        vocab_size: int = 8000,
        ngram_buckets: int = 131072,
        ngram_max: int = 2,
        max_len: int = 64,
        unlabelled: bool = False,
        lower_case: bool = True,
    ):
        limits = {"vocab_size": vocab_size, "ngram_buckets": ngram_buckets, "max_len": max_len}
        for name, limit in limits.items():
            if limit < 3:
                raise ValueError(f"{name}: received {limit}, expected at least 3")
        if ngram_max < 1:
            raise ValueError(f"ngram_max: received {ngram_max}, expected at least 1")
        self._source = tokenizer
        self._vocab_size = vocab_size
        self._ngrams = (ngram_buckets, ngram_max)
        self._max_len = max_len
        self._unlabelled = unlabelled
        self._lower_case = lower_case

    def parse(self, line: str) -> Pair:
        """Take a line apart.

        Raises:
            BadLine: it has not two or three texts.
        """
        texts = [text.strip() for text in line.split("\t")]
        if self._unlabelled:
            texts = [line.strip()] * 2
        if len(texts) not in (2, 3):
            raise BadLine(f"received {len(texts)} column(s) between tabs, expected 2 or 3: {_FORM}")
        if not all(texts[:2]):
            raise BadLine(f"received an empty text, expected {_FORM}")
        return Pair(texts[0], texts[1], texts[2] if len(texts) == 3 else "")

    def fit(self, rows: Iterable[Pair], declared: dict[str, int]) -> None:
        """Read the vocabulary, or build it from the training rows."""
        if self._source == "ngram":
            self._tokenizer = CharacterNgrams(*self._ngrams, self._max_len)
        elif self._source:
            self._tokenizer = WordPiece.read(self._source, self._max_len, self._lower_case)
        else:
            texts = (text for row in rows for text in row.texts)
            self._tokenizer = WordPiece.build(
                texts, self._max_len, self._vocab_size, self._lower_case
            )

    def encode(self, line: str, training: bool) -> dict[str, list[int]]:
        """The ids of a line's texts, and a key of each text that tells it from others.

        Raises:
            BadLine: the line is malformed.
        """
        pair = self.parse(line)
        tokens = [self.tokenize(text) for text in (pair.query, pair.title)]
        negative = self.tokenize(pair.negative) if pair.negative else []
        return {
            "query": tokens[0],
            "title": tokens[1],
            "negative": negative,
            "keys": [half for text in pair for half in _key_halves(text)],
        }

    def encode_many(self, lines: list[str], training: bool) -> dict[str, Lists]:
        """What `encode` gives for each line, several times as fast.

        Raises:
            BadLine: a line is malformed.
        """
        pairs = [self.parse(line) for line in lines]
        has_negative = [row for row, pair in enumerate(pairs) if pair.negative]
        negatives = self._tokenizer.encode_many([pairs[row].negative for row in has_negative])
        counts = np.zeros(len(pairs), np.int64)
        counts[has_negative] = negatives.counts
        digests = b"".join(_digest(text) for pair in pairs for text in pair)
        return {
            "query": self._tokenizer.encode_many([pair.query for pair in pairs]),
            "title": self._tokenizer.encode_many([pair.title for pair in pairs]),
            "negative": Lists(negatives.values, counts),
            "keys": Lists(np.frombuffer(digests, np.int32), np.full(len(pairs), 6)),
        }

    def tokenize(self, text: str) -> list[int]:
        """The ids of a text."""
        return self._tokenizer.encode(text)

    def describe(self, line: str) -> dict[str, Any]:
        """A line as predictions show it."""
        pair = self.parse(line)
        return {"text": pair.query, "tags": [pair.title]}

    def sizes(self) -> dict[str, int]:
        """What the net needs to know of the data."""
        return {"vocab_size": self._tokenizer.vocab_size, "max_len": self._max_len}

    def save(self, folder: Path) -> None:
        """Write the vocabulary."""
        self._tokenizer.save(folder)

    def load(self, folder: Path) -> None:
        """Read the vocabulary."""
        kind = CharacterNgrams if self._source == "ngram" else WordPiece
        self._tokenizer = kind.load(folder, self._max_len)


class PairModel:
    """What a dynamic-graph run needs to know of a model of pairs; a folder adds its net."""

    embeds = True
    columns = ("query", "title")
    metrics = ("recall@1", "recall@5", "recall@10", "recall@50", "mrr")
    net_class: type

    def __init__(self, hyper_parameters: dict[str, Any]):
        self.hyper_parameters = hyper_parameters
        self._known: Optional[KnownPairs] = None

    def create_model(self) -> paddle.nn.Layer:
        """The net."""
        return self.net_class(**self.hyper_parameters)

    def distinct_keys(self, columns: Columns, rows: np.ndarray) -> np.ndarray:
        """Two keys per row, `[rows, 2]`: rows that share one do not go into one batch."""
        return _keys(columns, rows)[:, :2]

    def infer_feeds(self, columns: Columns, rows: np.ndarray) -> Feeds:
        """The arrays that embedding the column `text` takes."""
        tokens, lengths = columns["text"].padded(rows)
        return {"tokens": tokens, "lengths": lengths}

    def train_feeds(self, columns: Columns, rows: np.ndarray, random: np.random.Generator) -> Feeds:
        """The arrays that the loss of these rows takes.

        The candidates of every query are the titles of all rows, then the negatives: with
        `negatives: given` those that the rows have, with `random` the title of another row for
        each.
        `excluded` says which candidates are not to count as negatives of a query.
        """
        if self._known is None:
            self._known = KnownPairs(_keys(columns, np.arange(len(columns["query"].offsets) - 1)))
        keys = _keys(columns, rows)
        queries, titles = keys[:, 0], keys[:, 1]
        feeds = {
            **_padded("query", columns["query"].padded(rows)),
            **_padded("title", columns["title"].padded(rows)),
        }
        own = np.eye(len(rows), dtype=bool)
        if self.hyper_parameters["negatives"] == "random":
            others = self._known.draw_others(queries, random)
            feeds.update(_padded("negative", columns["title"].padded(others)))
            excluded = ~np.concatenate([own, own], axis=1)
        elif self.hyper_parameters["negatives"] == "given":
            # A row without a negative repeats its title, which is no negative of its query.
            has_none = columns["negative"].lengths(rows) == 0
            tokens = [
                columns["title" if none else "negative"].padded(rows[i : i + 1])[0][0]
                for i, none in enumerate(has_none)
            ]
            feeds.update(_padded("negative", _pad(tokens)))
            candidates = np.concatenate([titles, np.where(has_none, titles, keys[:, 2])])
            excluded = self._known.excluded(queries, candidates)
        else:
            excluded = self._known.excluded(queries, titles)
        np.fill_diagonal(excluded, False)
        feeds["excluded"] = excluded.astype("float32")
        return feeds

    def train_forward(self, net: paddle.nn.Layer, batch: dict[str, paddle.Tensor]) -> paddle.Tensor:
        """The loss."""
        names = [key[: -len("_tokens")] for key in batch if key.endswith("_tokens")]
        embeddings = {
            name: net(batch[f"{name}_tokens"], batch[f"{name}_lengths"]) for name in names
        }
        return self.loss_of(net, embeddings, batch["excluded"])

    def loss_of(
        self,
        net: paddle.nn.Layer,
        embeddings: dict[str, paddle.Tensor],
        excluded: paddle.Tensor,
    ) -> paddle.Tensor:
        """The loss of embeddings: of `query`, of `title`, and of `negative` if there are any."""
        candidates = embeddings["title"]
        if "negative" in embeddings:
            candidates = paddle.concat([candidates, embeddings["negative"]])
        return net.loss(embeddings["query"], candidates, excluded)

    def infer_forward(
        self, net: paddle.nn.Layer, batch: dict[str, paddle.Tensor]
    ) -> dict[str, paddle.Tensor]:
        """The embeddings of texts."""
        return {"embeddings": net(**batch)}


class StaticPairModel(PairModel):
    """The same; what is added are the inputs of the programs."""

    def create_feeds(self, training: bool) -> dict[str, paddle.Tensor]:
        """The inputs of the training or the inference program."""
        if not training:
            return _inputs("")
        feeds = {**_inputs("query_"), **_inputs("title_")}
        if self.hyper_parameters["negatives"] != "batch":
            feeds.update(_inputs("negative_"))
        feeds["excluded"] = paddle.static.data("excluded", [None, None], "float32")
        return feeds


class KnownPairs:
    """Which texts are known to mean the same: all pairs of the training rows, in both directions.

    Args:
        keys: `[rows, 3]`, see `_keys`.
    """

    def __init__(self, keys: np.ndarray):
        self._queries, titles = keys[:, 0], keys[:, 1]
        both = [_mixed(self._queries, titles), _mixed(titles, self._queries)]
        self._pairs = np.unique(np.concatenate(both))
        self._titles = titles

    def excluded(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Which candidates are no negatives of a query: itself, or known to mean the same.

        Args:
            queries: `[batch]` keys.
            candidates: `[n]` keys.

        Returns:
            `[batch, n]`, of bool.
        """
        pairs = _mixed(queries[:, None], candidates[None, :])
        places = np.minimum(np.searchsorted(self._pairs, pairs), len(self._pairs) - 1)
        return (self._pairs[places] == pairs) | (queries[:, None] == candidates[None, :])

    def draw_others(self, queries: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """For each query a row whose title is not known to mean the same, `[batch]`.

        A query that is paired with nearly every title may get one of its own.
        """
        rows = random.integers(len(self._titles), size=len(queries))
        for _ in range(_DRAWS):
            pairs = _mixed(queries, self._titles[rows])
            places = np.minimum(np.searchsorted(self._pairs, pairs), len(self._pairs) - 1)
            bad = (self._pairs[places] == pairs) | (queries == self._titles[rows])
            if not bad.any():
                break
            rows[bad] = random.integers(len(self._titles), size=bad.sum())
        return rows


def _mixed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One key for an ordered pair of keys; the product wraps around, as is meant."""
    return (first * _MULTIPLIER) ^ second


def _keys(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """Keys of query, title and negative, `[rows, 3]`: equal for equal texts."""
    halves = columns["keys"].padded(rows)[0]
    return np.ascontiguousarray(halves.astype(np.int32)).view(np.uint64)


def _key_halves(text: str) -> list[int]:
    """64 bits that tell a text from others, as the two signed numbers that a column holds."""
    return np.frombuffer(_digest(text), np.int32).tolist()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def _padded(name: str, tokens_and_lengths: tuple[np.ndarray, np.ndarray]) -> Feeds:
    return dict(zip((f"{name}_tokens", f"{name}_lengths"), tokens_and_lengths))


def _pad(texts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(text) for text in texts])
    tokens = np.zeros((len(texts), lengths.max()), np.int64)
    for row, text in zip(tokens, texts):
        row[: len(text)] = text
    return tokens, lengths


def _inputs(prefix: str) -> dict[str, paddle.Tensor]:
    data = paddle.static.data
    return {
        f"{prefix}tokens": data(f"{prefix}tokens", [None, None], "int64"),
        f"{prefix}lengths": data(f"{prefix}lengths", [None], "int64"),
    }
