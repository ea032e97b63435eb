"""What a run needs to know of multilabel."""

from typing import Any, ClassVar

import numpy as np
import paddle
import paddle.nn.functional as F

from textzoo.running.model import Model, Tensors
from textzoo.text.ragged import Columns, truth_of
from textzoo.text.reader import Feeds
from textzoo.text.reader import Reader as AnyReader

from .net import Net
from .reader import Reader


class DygraphModel(Model[Net]):
    """Makes the net, its feeds, its loss and its scores: of labels, or of levels of each label."""

    text_column = "tokens"
    label_column = "labels"
    label_weights: ClassVar = {"output.weight": 1, "output.bias": 0, "positive_weight": 0}
    metrics = (
        *("micro_f1", "macro_f1", "weighted_f1", "samples_f1"),
        *("micro_precision", "micro_recall", "macro_precision", "macro_recall"),
        *("subset_accuracy", "hamming_loss", "precision@1"),
    )

    def __init__(self, hyper_parameters: dict[str, Any], n_best: int = 100):
        super().__init__(hyper_parameters, n_best)
        if hyper_parameters["n_levels"]:
            self.kind = "levels"
            self.metrics = ("macro_f1", "level_accuracy", "level_error")

    def create_model(self) -> Net:
        """The net.

        Raises:
            ValueError: the loss does not suit the rows.
        """
        loss = self.hyper_parameters.get("loss", "bce")
        if self.kind == "levels" and loss != "softmax":
            raise ValueError(f"loss: received {loss}, expected softmax, as rows hold levels")
        return Net(**self.hyper_parameters)

    def initialise_labels(self, weights: Feeds, reader: AnyReader) -> None:
        """Weigh each label's presence by how rare it is among the training rows.

        Under `bce` a new net gives each label the probability that best suits its rows together: of
        many rare labels it would else learn first, and for long, that each is rare (Lin et al.
        2017, section 4.1).
        """
        if reader.label_counts is None or self.kind == "levels":
            return
        counts = np.maximum(reader.label_counts, 1)
        odds = np.maximum(reader.n_train_rows - counts, 1) / counts
        if "positive_weight" in weights:
            weights["positive_weight"][:] = odds ** self.hyper_parameters["positive_weight_power"]
        if self.hyper_parameters.get("loss", "bce") == "bce":
            weights["output.bias"][:] = np.log(weights.get("positive_weight", 1) / odds)

    def infer_feeds(self, columns: Columns, rows: np.ndarray) -> Feeds:
        """The arrays that scoring these rows takes."""
        return Reader.infer_feeds(columns, rows, self.hyper_parameters)

    def train_feeds(self, columns: Columns, rows: np.ndarray, random: np.random.Generator) -> Feeds:
        """The arrays that the loss of these rows takes."""
        n_labels = self.hyper_parameters["vocab_label_size"]
        if self.kind == "levels":
            levels, _ = columns["labels"].padded(rows)
            targets = np.eye(self.hyper_parameters["n_levels"], dtype="float32")[levels]
        else:
            targets = truth_of(columns["labels"], rows, n_labels)
        return {**self.infer_feeds(columns, rows), "targets": targets}

    def train_forward(self, net: Net, batch: Tensors) -> paddle.Tensor:
        """The loss."""
        return net.loss(**batch)

    def infer_forward(self, net: Net, batch: Tensors) -> Tensors:
        """The probability of every label, or of every level of every label."""
        logits = net(**batch)
        return {"scores": F.softmax(logits) if self.kind == "levels" else F.sigmoid(logits)}
