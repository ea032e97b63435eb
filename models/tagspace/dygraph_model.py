"""What a run needs to know of TagSpace."""

from typing import Any, ClassVar

import numpy as np
import paddle

from textzoo.running.model import Model, Tensors
from textzoo.text.ragged import Columns
from textzoo.text.reader import Feeds

from .net import Net
from .reader import Reader


class DygraphModel(Model[Net]):
    """Makes the net, its feeds, its loss and its scores."""

    text_column = "words"
    label_column = "tags"
    tables: ClassVar = {"ngram_embedding.weight": ("ngrams",)}
    label_weights: ClassVar = {"tag_embedding.weight": 0}
    metrics = ("accuracy", "precision@1", "recall@3", "mrr", "pairwise_accuracy")

    def __init__(self, hyper_parameters: dict[str, Any], n_best: int = 100):
        super().__init__(hyper_parameters, n_best)
        self.score_scale = "logits" if hyper_parameters["loss"] == "softmax" else "any"

    def create_model(self) -> Net:
        """The net."""
        return Net(**self.hyper_parameters)

    def infer_feeds(self, columns: Columns, rows: np.ndarray) -> Feeds:
        """The arrays that scoring these rows takes."""
        return Reader.infer_feeds(columns, rows, self.hyper_parameters)

    def train_feeds(self, columns: Columns, rows: np.ndarray, random: np.random.Generator) -> Feeds:
        """The arrays that the loss of these rows takes, with one tag drawn for each row."""
        n_tags = self.hyper_parameters["vocab_tag_size"]
        tags, counts = columns["tags"].padded(rows, fill=n_tags)
        chosen = random.integers(counts)
        feeds = self.infer_feeds(columns, rows)
        feeds["positive"] = tags[np.arange(len(rows)), chosen]
        if self.hyper_parameters["loss"] == "margin":
            negatives = self.hyper_parameters["negatives"]
            if negatives == "hardest":
                own = np.zeros((len(rows), n_tags + 1), "float32")
                np.put_along_axis(own, tags, 1, axis=1)
                feeds["own"] = own[:, :n_tags]
            else:
                key = "max_samples" if negatives == "warp" else "neg_size"
                n_samples = self.hyper_parameters[key]
                feeds["negatives"] = sample_negatives(tags, counts, n_tags, n_samples, random)
        return feeds

    def train_forward(self, net: Net, batch: Tensors) -> paddle.Tensor:
        """The loss."""
        return net.loss(**batch)

    def infer_forward(self, net: Net, batch: Tensors) -> Tensors:
        """The score of every tag."""
        return {"scores": net(**batch)}


def sample_negatives(
    tags: np.ndarray, counts: np.ndarray, n_tags: int, n_samples: int, random: np.random.Generator
) -> np.ndarray:
    """Draw tags, evenly, from those that a row does not have.

    Args:
        tags: `[batch, longest]` the rows' own tags, `n_tags` at padding.
        counts: `[batch]` how many own tags, below `n_tags`.
        n_tags: number of tags.
        n_samples: how many to draw for each row.
        random: the source of randomness.

    Returns:
        `[batch, n_samples]`.
    """
    drawn = random.integers((n_tags - counts)[:, None], size=(len(tags), n_samples))
    # Number the other tags 0, 1, 2, ...: each own tag at or below the draw moves it up by one.
    for own in np.sort(tags, axis=1).T:
        drawn += drawn >= own[:, None]
    return drawn
