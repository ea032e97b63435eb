"""The contract of a model: all that a run may ask of a model folder."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, NoReturn, Optional, TypeVar

import numpy as np
import paddle

from textzoo.errors import UserError
from textzoo.linear.fusion import Scale
from textzoo.metrics.names import Kind
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Feeds, Reader

NetType = TypeVar("NetType", bound=paddle.nn.Layer)  # a model folder's own net
Tensors = dict[str, paddle.Tensor]  # the feeds of a batch on the device


class Model(Generic[NetType]):
    """What a model folder's `DygraphModel` and `StaticModel` derive from, as `Model[Net]`.

    It has the sizes of a net and no weights: it makes the net, a batch's arrays, and computes the
    net's loss or outputs. Everything that it says may be asked for; nothing is set from outside.

    Args:
        hyper_parameters: the arguments of the net.
        n_best: how many of a text's best labels the outputs of inference need to have.

    Attributes:
        kind: what the model gives for a text: `tags`, scores of labels; `levels`, for each label
            one of several levels; `embeddings`, a vector.
        text_column: the column of ids of a row's text, by whose lengths batches are made.
        label_column: the column of what is predicted: labels, levels, or a second text.
        metrics: names of the metrics to compute when the config names none; the first one chooses
            the best checkpoint. See `metrics.names`.
        of_the_batch: names of feeds that belong to a batch as a whole; all others hold one row per
            text, which several processes share.
        word_embedding: the weight, `[words, width]`, that starts from a file of word vectors.
        label_weights: the weights that belong to labels, and the axis on which each has a label
            behind the other, so that a new run can start from a checkpoint of other labels.
        tables: by their names, the weights of layers `nets.table.Table` whose ids are all in feeds,
            and the names of these feeds, some of which may be missing.
        optimizers: classes of the model's own that a config may choose, by the names it gives them,
            beside those of `paddle.optimizer`; see doc/add_a_model.md.
        score_scale: what the scores of `tags` are, for a linear part beside them.
        best_alone: whether the outputs of `tags` are the best labels alone.
    """

    kind: Kind = "tags"
    text_column: str
    label_column: str
    metrics: Sequence[str] = ()
    of_the_batch: tuple[str, ...] = ()
    word_embedding: ClassVar[Optional[str]] = None
    label_weights: ClassVar[Mapping[str, int]] = {}
    tables: ClassVar[Mapping[str, Sequence[str]]] = {}
    optimizers: ClassVar[Mapping[str, type[paddle.optimizer.Optimizer]]] = {}
    score_scale: Scale = "probabilities"
    best_alone: bool = False

    def __init__(self, hyper_parameters: dict[str, Any], n_best: int = 100):
        self.hyper_parameters = hyper_parameters
        self.n_best = n_best

    def create_model(self) -> NetType:
        """The net, with random weights.

        Raises:
            ValueError: hyper-parameters do not go together.
        """
        raise NotImplementedError

    def texts(self, columns: Columns) -> list[Ragged]:
        """The ids of all texts of the rows that the net is trained on."""
        return [columns[self.text_column]]

    def shards(self, net: NetType) -> dict[str, int]:
        """The weights whose rows are divided among processes, and how many rows each has in all.

        See `distributed.sharding`.
        """
        return {}

    def initialise(self, weights: Feeds, reader: Reader) -> None:
        """Change weights of a new net, by name, that depend on the training rows."""

    def initialise_labels(self, weights: Feeds, reader: Reader) -> None:
        """The same for weights of labels, after all others: in a new net, or of new labels."""

    def distinct_keys(self, columns: Columns, rows: np.ndarray) -> Optional[np.ndarray]:
        """Keys of training rows, `[rows, n]`; rows that share one do not go into one batch."""
        return None

    def train_feeds(self, columns: Columns, rows: np.ndarray, random: np.random.Generator) -> Feeds:
        """The arrays that the loss of some rows takes.

        Args:
            columns: the ids of all training rows.
            rows: `[batch]` their numbers.
            random: the source of what is drawn for the batch, such as negatives.
        """
        raise NotImplementedError

    def infer_feeds(self, columns: Columns, rows: np.ndarray) -> Feeds:
        """The arrays that the outputs for some rows take, see `Reader.infer_feeds`."""
        raise NotImplementedError

    def train_forward(self, net: NetType, batch: Tensors) -> paddle.Tensor:
        """The loss of a batch, a scalar: a mean over its rows, so that processes can share them."""
        raise NotImplementedError

    def infer_forward(self, net: NetType, batch: Tensors) -> Tensors:
        """The outputs for a batch.

        Returns:
            Of `tags`: `scores` `[batch, labels]`; or, for very many labels, `best_labels` and
            `best_scores` `[batch, n_best]`, best first. Of `levels`: `scores`
            `[batch, labels, levels]`. Of `embeddings`: `embeddings` `[batch, width]`, of length 1.
        """
        raise NotImplementedError

    def loss_of(self, net: NetType, embeddings: Tensors, others: Tensors) -> paddle.Tensor:
        """The loss of texts that are embedded already; of `embeddings` alone.

        It lets a batch be embedded in parts, see `gradient_cache`.

        Args:
            net: the net.
            embeddings: of `query` and of `title`, `[batch, width]` each, and of `negative`,
                `[n, width]`, if there are any.
            others: the feeds that are not of the texts themselves, such as `excluded`,
                `[batch, candidates]`, 1 where a candidate is no negative of the query.
        """
        raise NotImplementedError


def check_loss(model: Model, loss: paddle.Tensor) -> None:
    """Refuse a loss that is no scalar.

    Raises:
        UserError: naming the file of the model.
    """
    if list(loss.shape):
        _refuse(model, "train_forward", f"a loss of shape {list(loss.shape)}", "a scalar, a mean")


def check_outputs(
    model: Model, outputs: Feeds, shapes: dict[str, tuple[Optional[int], ...]]
) -> None:
    """Refuse outputs other than `infer_forward` is to give.

    Args:
        model: of a run.
        outputs: for one batch.
        shapes: of each array that is needed; None: any size.

    Raises:
        UserError: naming the file of the model.
    """
    for name, shape in shapes.items():
        if name not in outputs:
            _refuse(model, "infer_forward", ", ".join(outputs) or "nothing", name)
        received = outputs[name].shape
        if len(received) != len(shape) or any(
            size not in (None, found) for size, found in zip(shape, received)
        ):
            expected = ["any" if size is None else size for size in shape]
            _refuse(model, "infer_forward", f"{name} of shape {list(received)}", f"{expected}")


def _refuse(model: Model, method: str, received: str, expected: str) -> NoReturn:
    raise UserError(
        f"{inspect.getfile(type(model))}: {method}: received {received}, expected {expected}; see "
        "textzoo.running.model.Model"
    )
