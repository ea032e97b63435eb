"""What a run needs to know of XML-CNN."""

from typing import ClassVar, cast

import numpy as np
import paddle
import paddle.nn.functional as F

from textzoo.distributed.collectives import own_rows
from textzoo.distributed.sharding import draw_uniform
from textzoo.running.model import Model, Tensors
from textzoo.text.ragged import Columns
from textzoo.text.reader import Feeds
from textzoo.text.reader import Reader as AnyReader

from .net import LABEL_BOUND, Net
from .reader import Reader


class DygraphModel(Model[Net]):
    """Makes the net, its feeds, its loss and its best labels."""

    text_column = "words"
    label_column = "labels"
    tables: ClassVar = {"ngram_embedding.weight": ("ngrams",)}
    label_weights: ClassVar = {"label_weight": 0, "label_bias": 0}
    of_the_batch = ("candidates", "candidate_weights")
    word_embedding = "text_embedding.weight"
    metrics = (
        *("precision@1", "precision@3", "precision@5", "ndcg@3", "ndcg@5", "recall@5"),
        *("psp@1", "psp@3", "psp@5", "micro_f1", "macro_f1", "weighted_f1"),
    )
    best_alone = True

    def create_model(self) -> Net:
        """The net."""
        return Net(**self.hyper_parameters)

    def shards(self, net: Net) -> dict[str, int]:
        """See `Net.shards`."""
        return net.shards

    def initialise(self, weights: Feeds, reader: AnyReader) -> None:
        """The rarer an n-gram, the longer its vector starts (inverse document frequency)."""
        if not isinstance(reader, Reader):
            raise TypeError("initialise: expected this model's own reader")
        if self.hyper_parameters["ngram_dim"]:
            table, n_rows = weights["ngram_embedding.weight"], reader.n_train_rows
            rarity = np.log((1 + n_rows) / (1 + reader.ngram_counts)) / np.log(1 + n_rows)
            table[: len(rarity)] *= rarity[:, None]  # the config may state a larger size

    def initialise_labels(self, weights: Feeds, reader: AnyReader) -> None:
        """Let each label start at the log-odds it has among the training rows.

        With `label_text`, it starts at the vectors of the words in its name.
        """
        if not isinstance(reader, Reader) or reader.label_counts is None:
            raise TypeError("initialise: expected this model's own reader, with its vocabulary")
        n_rows, n_labels = reader.n_train_rows, self.hyper_parameters["vocab_label_size"]
        own = slice(None)
        if self.hyper_parameters["shard_labels"]:
            own = own_rows(n_labels)
            seed = cast(int, paddle.randint(0, 2**31 - 1, [1]).item())
            draw_uniform(weights["label_weight"], n_labels, LABEL_BOUND, seed)
        counts = reader.label_counts[own] + 0.5
        weights["label_bias"][:, 0] = np.log(counts / (n_rows + 1 - counts))
        if strength := self.hyper_parameters["label_text"]:
            table = weights["ngram_embedding.weight"]
            ngram_part = weights["label_weight"][:, -table.shape[1] :]
            for row, words in zip(ngram_part, reader.label_words()[own]):
                for vector in table[words]:
                    row += strength * vector / (vector @ vector + 1e-3) / len(words)

    def infer_feeds(self, columns: Columns, rows: np.ndarray) -> Feeds:
        """The arrays that scoring these rows takes."""
        return Reader.infer_feeds(columns, rows, self.hyper_parameters)

    def train_feeds(self, columns: Columns, rows: np.ndarray, random: np.random.Generator) -> Feeds:
        """The arrays that the loss of these rows takes."""
        labels, _ = columns["labels"].padded(rows, fill=-1)
        is_own = labels >= 0
        labels = np.where(is_own, labels, labels[:, :1])
        targets = {"positives": labels, "is_own": is_own}
        n_labels = self.hyper_parameters["vocab_label_size"]
        if self.hyper_parameters["loss"] == "sampled":
            n_negatives = self.hyper_parameters["n_negatives"]
            targets.update(sample_candidates(labels, n_labels, n_negatives, random))
        if self.hyper_parameters["shard_labels"]:
            targets = within(own_rows(n_labels), targets)
        return {**self.infer_feeds(columns, rows), **targets}

    def train_forward(self, net: Net, batch: Tensors) -> paddle.Tensor:
        """The loss."""
        return net.loss(**batch)

    def infer_forward(self, net: Net, batch: Tensors) -> Tensors:
        """The best labels and their probabilities."""
        labels, logits = net.best(self.n_best, **batch)
        return {"best_labels": labels, "best_scores": F.sigmoid(logits)}


def within(labels: slice, targets: Feeds) -> Feeds:
    """The part of a batch's targets that concerns the labels of one process.

    Args:
        labels: of the process.
        targets: of all labels: arguments of `Net.loss`.

    Returns:
        The same with labels counted from the first one of the process; `is_own` is false for those
        of others. Without candidates among its labels, it has one that counts nothing.
    """
    positives, is_own = targets["positives"], targets["is_own"]
    if "candidates" not in targets:
        mine = is_own & (positives >= labels.start) & (positives < labels.stop)
        return {"positives": np.where(mine, positives - labels.start, 0), "is_own": mine}
    candidates = targets["candidates"]
    kept = (candidates >= labels.start) & (candidates < labels.stop)
    mine = is_own & kept[positives]
    weights = targets["candidate_weights"] * kept
    kept[0] |= not kept.any()
    return {
        "positives": np.where(mine, (np.cumsum(kept) - 1)[positives], 0),
        "is_own": mine,
        "candidates": np.clip(candidates[kept], labels.start, labels.stop - 1) - labels.start,
        "candidate_weights": weights[kept],
    }


def sample_candidates(
    labels: np.ndarray, n_labels: int, n_negatives: int, random: np.random.Generator
) -> Feeds:
    """The labels of a batch, and others drawn evenly without repetition.

    Each of the drawn labels stands for as many as were left out, so that a sum over candidates,
    weighted, is in expectation the sum over all labels.

    Args:
        labels: `[batch, most]` labels of the rows.
        n_labels: number of labels.
        n_negatives: how many others to draw, as far as there are so many.
        random: the source of randomness.

    Returns:
        `candidates` and `candidate_weights`, `[candidates]`; `positives`, `[batch, most]`: the
        place of each label among the candidates.
    """
    own, places = np.unique(labels, return_inverse=True)
    n_others = n_labels - len(own)
    drawn = random.choice(n_others, min(n_negatives, n_others), replace=False, shuffle=False)
    # Number the other labels 0, 1, 2, ...: before the i-th of them stand i others and some own.
    drawn += np.searchsorted(own - np.arange(len(own)), drawn, side="right")
    weights = np.ones(len(own) + len(drawn), "float32")
    weights[len(own) :] = n_others / max(1, len(drawn))
    return {
        "candidates": np.concatenate([own, drawn]),
        "candidate_weights": weights,
        "positives": places.reshape(labels.shape),
    }
