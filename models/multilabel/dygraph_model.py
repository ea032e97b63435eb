"""What a dynamic-graph run needs to know of multilabel."""

from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F

from textzoo.text.ragged import Column

from .net import Net
from .reader import Reader

Columns = dict[str, Column]
Feeds = dict[str, np.ndarray]


class DygraphModel:
    """Makes the net, its feeds, its loss and its scores.

    Attributes:
        graded: whether each label has one of several levels.
    """

    columns = ("tokens", "labels")

    def __init__(self, hyper_parameters: dict[str, Any]):
        self.hyper_parameters = hyper_parameters
        self.graded = hyper_parameters["n_levels"] > 0

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics to compute when the config names none."""
        if self.graded:
            return ("macro_f1", "level_accuracy", "level_error")
        averages = [f"{average}_f1" for average in ("micro", "macro", "weighted", "samples")]
        return (
            *averages,
            *("micro_precision", "micro_recall", "macro_precision", "macro_recall"),
            *("subset_accuracy", "hamming_loss", "precision@1"),
        )

    def create_model(self) -> Net:
        """The net.

        Raises:
            ValueError: the loss does not suit the rows.
        """
        loss = self.hyper_parameters.get("loss", "bce")
        if self.graded and loss != "softmax":
            raise ValueError(f"loss: received {loss}, expected softmax, as rows hold levels")
        return Net(**self.hyper_parameters)

    def initialise(self, weights: Feeds, reader: Any) -> None:
        """Weigh each label's presence by how rare it is among the training rows."""
        if "positive_weight" in weights:
            counts = np.maximum(reader.label_counts, 1)
            odds = np.maximum(reader.n_train_rows - counts, 1) / counts
            weights["positive_weight"][:] = odds ** self.hyper_parameters["positive_weight_power"]

    def infer_feeds(self, columns: Columns, rows: np.ndarray) -> Feeds:
        """The arrays that scoring these rows takes."""
        return Reader.infer_feeds(columns, rows, self.hyper_parameters)

    def train_feeds(self, columns: Columns, rows: np.ndarray, random: np.random.Generator) -> Feeds:
        """The arrays that the loss of these rows takes."""
        labels, _ = columns["labels"].padded(rows, fill=-1)
        n_labels = self.hyper_parameters["vocab_label_size"]
        if self.graded:
            targets = np.eye(self.hyper_parameters["n_levels"], dtype="float32")[labels]
        else:
            targets = np.zeros((len(rows), n_labels), "float32")
            has = labels >= 0
            targets[np.nonzero(has)[0], labels[has]] = 1
        return {**self.infer_feeds(columns, rows), "targets": targets}

    def train_forward(self, net: Net, batch: dict[str, paddle.Tensor]) -> paddle.Tensor:
        """The loss."""
        return net.loss(**batch)

    def infer_forward(self, net: Net, batch: dict[str, paddle.Tensor]) -> dict[str, paddle.Tensor]:
        """The probability of every label, or of every level of every label."""
        logits = net(**batch)
        return {"scores": F.softmax(logits) if self.graded else F.sigmoid(logits)}
