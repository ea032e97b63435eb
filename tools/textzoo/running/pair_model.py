"""The arrays of a batch of pairs, and how any net that embeds texts is run on them."""

import logging
from typing import Any, ClassVar, Optional

import numpy as np
import paddle

from textzoo.called import program
from textzoo.data.teacher_vectors import TEACHER
from textzoo.losses.distillation import cosine_distance
from textzoo.nets.sentence_encoder import SentenceEncoder, truncated
from textzoo.readers.pairs import Reader
from textzoo.running.model import Model, Tensors
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Feeds

log = logging.getLogger("textzoo")

_DRAWS = 20  # how often an unlucky draw of a random negative is repeated


class PairModel(Model[SentenceEncoder]):
    """What a run needs to know of a model of pairs; a folder adds its net.

    Attributes:
        net_class: the net.
    """

    kind = "embeddings"
    text_column = "query"
    label_column = "title"
    metrics = ("recall@1", "recall@5", "recall@10", "recall@50", "mrr")
    tables: ClassVar = {
        "encoder.word_embeddings.weight": ("query_tokens", "title_tokens", "negative_tokens")
    }
    net_class: ClassVar[type[SentenceEncoder]]

    def __init__(self, hyper_parameters: dict[str, Any], n_best: int = 100):
        super().__init__(hyper_parameters, n_best)
        self._known: Optional[KnownPairs] = None

    def create_model(self) -> SentenceEncoder:
        """The net."""
        return self.net_class(**self.hyper_parameters)

    def texts(self, columns: Columns) -> list[Ragged]:
        """The ids of queries and titles, and of negatives if they count."""
        found = [columns["query"], columns["title"]]
        if self.hyper_parameters["negatives"] == "given":
            found.append(_negatives(columns, np.arange(len(columns["query"])))[0])
        return found

    def distinct_keys(self, columns: Columns, rows: np.ndarray) -> np.ndarray:
        """Two keys per row, `[rows, 2]`: rows that share one do not go into one batch."""
        return _keys(columns, rows)

    def infer_feeds(self, columns: Columns, rows: np.ndarray) -> Feeds:
        """The arrays that embedding the column `text` takes."""
        return Reader.infer_feeds(columns, rows, self.hyper_parameters)

    def train_feeds(self, columns: Columns, rows: np.ndarray, random: np.random.Generator) -> Feeds:
        """The arrays that the loss of these rows takes.

        The candidates of every query are the titles of all rows, then the negatives: with
        `negatives: given` all those that the rows have, one row's behind the other's; with `random`
        the title of another row for each.
        `excluded` says which candidates are not to count as negatives of a query.
        With a teacher, `query_teacher` and `title_teacher` are its embeddings; where nothing else
        counts, they come with the texts that they are of alone.
        """
        taught = _taught(columns, rows)
        if taught and self._teacher_weight == 1:
            sides = [name.removesuffix(TEACHER) for name in taught]
            texts = [_padded(side, columns[side].padded(rows)) for side in sides]
            return {name: array for feeds in [*texts, taught] for name, array in feeds.items()}
        if self._known is None:
            self._known = KnownPairs(_keys(columns, np.arange(len(columns["query"]))))
            _warn_of_negatives(columns, self.hyper_parameters["negatives"])
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
            negatives, negative_keys = _negatives(columns, rows)
            excluded = self._known.excluded(queries, np.concatenate([titles, negative_keys]))
            if not len(negatives):  # a text that counts for no query, as programs need one
                negatives = columns["title"].chosen(rows[:1])
                excluded = np.pad(excluded, [(0, 0), (0, 1)], constant_values=True)
            feeds.update(_padded("negative", negatives.padded(np.arange(len(negatives)))))
        else:
            excluded = self._known.excluded(queries, titles)
        np.fill_diagonal(excluded, False)
        feeds["excluded"] = excluded.astype("float32")
        return {**feeds, **taught}

    def train_forward(self, net: SentenceEncoder, batch: Tensors) -> paddle.Tensor:
        """The loss."""
        names = [key[: -len("_tokens")] for key in batch if key.endswith("_tokens")]
        embeddings = {
            name: net(batch[f"{name}_tokens"], batch[f"{name}_lengths"]) for name in names
        }
        return self.loss_of(net, embeddings, batch)

    def loss_of(self, net: SentenceEncoder, embeddings: Tensors, others: Tensors) -> paddle.Tensor:
        """The loss of embeddings: of `query`, of `title`, and of `negative` if there are any.

        With a teacher, its share is the mean distance of queries and titles from what it gives.
        """
        distances = [
            cosine_distance(embeddings[name], others[name + TEACHER])
            for name in embeddings
            if name + TEACHER in others
        ]
        if "excluded" not in others:
            return sum(distances[1:], distances[0]) / len(distances)
        candidates = embeddings["title"]
        if "negative" in embeddings:
            candidates = paddle.concat([candidates, embeddings["negative"]])
        loss = net.total_loss(embeddings["query"], candidates, others["excluded"])
        if not distances:
            return loss
        distance, weight = sum(distances[1:], distances[0]) / len(distances), self._teacher_weight
        return (1 - weight) * loss + weight * distance

    @property
    def _teacher_weight(self) -> float:
        return self.hyper_parameters["teacher"].weight

    def infer_forward(self, net: SentenceEncoder, batch: Tensors) -> Tensors:
        """The embeddings of texts."""
        return {"embeddings": truncated(net(**batch), net.truncate_dim)}


class KnownPairs:
    """Which texts are known to mean the same: all pairs of the training rows, in both directions.

    Args:
        keys: `[rows, 2]`, see `_keys`.
    """

    def __init__(self, keys: np.ndarray):
        texts, others = keys.T.flatten(), keys[:, ::-1].T.flatten()
        order = np.argsort(texts, kind="stable")
        self._texts, self._others = texts[order], others[order]
        self._titles = keys[:, 1]

    def excluded(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Which candidates are no negatives of a query: itself, or known to mean the same.

        Args:
            queries: `[batch]` keys.
            candidates: `[n]` keys.

        Returns:
            `[batch, n]`, of bool.
        """
        # To look for the few texts that a query has, and not for every candidate among them, takes
        # a hundredth of the time.
        places, of_query = _found(self._texts, queries)
        same = np.concatenate([self._others[places], queries])
        of_query = np.concatenate([of_query, np.arange(len(queries))])
        order = np.argsort(candidates, kind="stable")
        places, of_same = _found(candidates[order], same)
        excluded = np.zeros((len(queries), len(candidates)), bool)
        excluded[of_query[of_same], order[places]] = True
        return excluded

    def draw_others(self, queries: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """For each query a row whose title is not known to mean the same, `[batch]`.

        A query that is paired with nearly every title may get one of its own.
        """
        rows = random.integers(len(self._titles), size=len(queries))
        places, of_query = _found(self._texts, queries)
        for _ in range(_DRAWS):
            titles = self._titles[rows]
            bad = queries == titles
            bad[of_query[self._others[places] == titles[of_query]]] = True
            if not bad.any():
                break
            rows[bad] = random.integers(len(self._titles), size=bad.sum())
        return rows


def _found(ordered: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where keys are among ordered ones.

    Returns:
        All places, those of one key behind those of the other, and for each the number of the key.
    """
    first = np.searchsorted(ordered, asked, "left")
    counts = np.searchsorted(ordered, asked, "right") - first
    places = Ragged.with_counts(np.zeros(counts.sum(), np.int64), counts).places()
    of_key = np.repeat(np.arange(len(asked)), counts)
    return first[of_key] + places, of_key


def _keys(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """Keys of query and title, `[rows, 2]`: equal for equal texts."""
    return _joined(columns["keys"].first(rows, 4))


def _joined(halves: np.ndarray) -> np.ndarray:
    """Keys from the two numbers that a column holds of each."""
    return np.ascontiguousarray(halves.astype(np.int32)).view(np.uint64)


def _negatives(columns: Columns, rows: np.ndarray) -> tuple[Ragged, np.ndarray]:
    """The tokens of all negatives of some rows, one list each, and their keys `[negatives]`."""
    tokens = columns["negatives"].chosen(rows)
    lengths = columns["negative_lengths"].chosen(rows)
    halves = columns["keys"].chosen(rows)
    return (
        Ragged.with_counts(tokens.values, lengths.values),
        _joined(halves.values[halves.places() >= 4]),
    )


def _warn_of_negatives(columns: Columns, setting: str) -> None:
    """Say in the log if rows have negatives that no loss sees, or lack those that it is to see."""
    n_rows = int(np.count_nonzero(columns["negative_lengths"].counts))
    if n_rows and setting != "given":
        log.warning(
            "%d of %d rows have negatives in further columns, and hyper_parameters.negatives is "
            "%s: `given` takes them",
            *(n_rows, len(columns["query"]), setting),
        )
    elif not n_rows and setting == "given":
        log.warning(
            "0 of %d rows have negatives in further columns, and hyper_parameters.negatives is "
            "given: only the batch's titles are negatives; %s finds some",
            *(len(columns["query"]), program("mine_negatives")),
        )


def _taught(columns: Columns, rows: np.ndarray) -> Feeds:
    """What the teacher gives for some rows, `[rows, width]` for each side; nothing without one."""
    names = [side + TEACHER for side in ("query", "title") if side + TEACHER in columns]
    flat = {name: columns[name].chosen(rows).values for name in names}
    return {name: values.reshape(len(rows), -1).astype("float32") for name, values in flat.items()}


def _padded(name: str, tokens_and_lengths: tuple[np.ndarray, np.ndarray]) -> Feeds:
    return dict(zip((f"{name}_tokens", f"{name}_lengths"), tokens_and_lengths))
