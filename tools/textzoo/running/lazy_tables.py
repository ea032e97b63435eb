"""Training large tables of embeddings at the cost of the rows that a step looks up.

With SGD and Adagrad (Duchi et al. 2011) a row without a gradient stays as it is. In Adam
(Kingma and Ba 2015, algorithm 1) and AdamW (Loshchilov and Hutter 2019, algorithm 2) it goes on
moving by its moments, which decay. After k steps without one, from moments m and v, these are

    beta1^k m  and  beta2^k v

and the row has moved, apart from the decay of weights, by

    sum_j a_j beta1^j m / (beta2^(j/2) sqrt(v) + e_j)

with a_j = rate sqrt(1 - beta2^t) / (1 - beta1^t) and e_j = epsilon sqrt(1 - beta2^t) of the step.
All but m and v are the same for a whole row, so this is kept up for each row and not for each of
its numbers. When a row is looked up, and before anyone reads the weights, it is caught up with as

    m X / (sqrt(v) + X / Y),   X = sum_j a_j (beta1 / sqrt(beta2))^j,   Y = sum_j a_j beta1^j / e_j

which is the sum itself where sqrt(v) is much more than epsilon, or much less, and next to it
between.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import _C_ops

from textzoo.nets.table import Table
from textzoo.running.model import Model
from textzoo.running.optimizer import ClipByGlobalNorm
from textzoo.text.reader import Feeds

_LARGE = 2**20  # numbers in a table, from which on it takes less time than all rows would
_ops: Any = _C_ops  # what Paddle's own optimizers call
_ADAMS = (paddle.optimizer.Adam, paddle.optimizer.AdamW)  # neither is the other's parent
_CHUNK = 16384  # rows that are caught up with at once
_BEHIND, _WEIGHT = "behind", "weight_behind"


class LazyTable:
    """The table of a net with what its optimizer keeps of it, here SGD or Adagrad.

    Args:
        table: the layer.
        feeds: names of the feeds that hold the ids that it looks up.
        optimizer: that has its accumulators; it does not see its gradients.

    Attributes:
        rows: `[n, width]` the rows of the present step, with their gradients; see `look_up`.
    """

    accumulators: tuple[str, ...]  # with a row for each of the table's

    def __init__(
        self, table: Table, feeds: Sequence[str], optimizer: paddle.optimizer.Optimizer
    ) -> None:
        self._table, self._feeds = table, feeds
        self._optimizer: Any = optimizer  # of some class, whose attributes Paddle does not declare
        is_adagrad = isinstance(optimizer, paddle.optimizer.Adagrad)
        self.accumulators = ("moment",) if is_adagrad else ()
        self.rows: paddle.Tensor

    @property
    def weight(self) -> paddle.Tensor:
        """The table's parameter."""
        return self._table.weight

    @property
    def is_behind(self) -> bool:
        """Whether any row has to be caught up with."""
        return False

    def look_up(self, micro_batches: list[Feeds]) -> None:
        """Catch up with the rows of some batches and have the net use them.

        With several processes these are the whole batches, so that all have the same rows.
        """
        is_used = np.zeros(self.weight.shape[0], bool)
        for batch in micro_batches:
            for name in self._feeds:
                if name in batch:
                    is_used[batch[name]] = True
        self._ids = np.flatnonzero(is_used)
        self._index, self.rows, *self._moments = self._of_rows(self._ids)
        self.rows.stop_gradient = False
        self._table.use_rows(self._ids, self.rows)

    @paddle.no_grad()
    def step(self, gradient: paddle.Tensor, learning_rate: float) -> None:
        """Update the rows of `look_up`."""
        self._update(gradient, learning_rate)
        self._put(self._index, [self.rows, *self._moments])

    def use_all(self) -> None:
        """Have the net use the whole table again."""
        self._table.use_all()

    def settle(self) -> None:
        """Catch up with all rows."""

    def settled_weight(self) -> paddle.Tensor:
        """The weight as `settle` would leave it."""
        return self.weight

    def state(self, name: str) -> Feeds:
        """What an optimizer's state has, beside the accumulators, of a table that is behind.

        Args:
            name: of the weight in the net.
        """
        return {}

    def set_state(self, name: str, values: Feeds) -> None:
        """Set what `state` gave, or that nothing is behind; after the weight was set."""

    @paddle.no_grad()
    def _of_rows(self, ids: np.ndarray) -> list[paddle.Tensor]:
        """The ids as a tensor, then their rows and accumulators as all rows' would be."""
        index = paddle.to_tensor(ids)
        # Paddle's fastest way to gather rows.
        return [index, *(F.embedding(index, tensor) for tensor in self._tensors())]

    def _update(self, gradient: paddle.Tensor, learning_rate: float) -> None:
        rate = paddle.to_tensor([learning_rate], "float32")
        if self._moments:
            _ops.adagrad_(
                *(self.rows, gradient, *self._moments, rate, None, self._optimizer._epsilon, False)
            )
        else:
            _ops.sgd_(self.rows, rate, gradient, None, False)

    def _accumulator(self, kind: str) -> paddle.Tensor:
        return self._optimizer._get_accumulator_master(kind, self.weight)

    def _tensors(self) -> list[paddle.Tensor]:
        """The weight and what has a row for each of its rows."""
        return [self.weight, *(self._accumulator(kind) for kind in self.accumulators)]

    def _put(self, index: paddle.Tensor, values: list[paddle.Tensor]) -> None:
        for tensor, rows in zip(self._tensors(), values):
            paddle.scatter_(tensor, index, rows)


class LazyAdam(LazyTable):
    """The same of Adam or AdamW."""

    def __init__(
        self, table: Table, feeds: Sequence[str], optimizer: paddle.optimizer.Optimizer
    ) -> None:
        super().__init__(table, feeds, optimizer)
        self.accumulators = ("moment1", "moment2")
        self._beta1, self._beta2 = self._optimizer._beta1, self._optimizer._beta2
        is_adamw = isinstance(optimizer, paddle.optimizer.AdamW)
        self._decay_of_weights = self._optimizer._weight_decay if is_adamw else 0.0
        self._state = _settled(table.weight.shape[0])

    @property
    def is_behind(self) -> bool:
        """Whether any row has to be caught up with."""
        return bool(self._state[_AGE].any())

    @paddle.no_grad()
    def settle(self) -> None:
        """Catch up with all rows."""
        for index, *values in self._all_caught_up():
            self._put(index, values)
        self._state = _settled(len(self._state[_AGE]))

    @paddle.no_grad()
    def settled_weight(self) -> paddle.Tensor:
        """The weight as `settle` would leave it."""
        weight = self.weight.clone()
        for index, rows, *_ in self._all_caught_up():
            paddle.scatter_(weight, index, rows)
        return weight

    def state(self, name: str) -> Feeds:
        """See `LazyTable.state`."""
        return {
            f"{_BEHIND}/{name}": self._state.copy(),
            f"{_WEIGHT}/{name}": self.weight.numpy(),
        }

    def set_state(self, name: str, values: Feeds) -> None:
        """See `LazyTable.set_state`."""
        if is_behind(name, values):
            self._state = values[f"{_BEHIND}/{name}"].copy()
            self.weight.set_value(values[f"{_WEIGHT}/{name}"])
        else:
            self._state = _settled(len(self._state[_AGE]))

    def _update(self, gradient: paddle.Tensor, learning_rate: float) -> None:
        """Update the rows; the others fall behind by one step."""
        powers = [self._accumulator(f"beta{i}_pow_acc") for i in (1, 2)]
        of_1, of_2 = (float(power.numpy()[0]) for power in powers)
        epsilon = self._optimizer._epsilon
        kept = 1 - learning_rate * self._decay_of_weights
        bias = (1 - of_2) ** 0.5
        _fall_behind(
            *(self._state, self._beta1, self._beta2, kept),
            *(learning_rate * bias / (1 - of_1), epsilon * bias),
        )
        self._state[:, self._ids] = _settled(1)
        if kept != 1:
            self.rows.scale_(kept)
        rate = paddle.to_tensor([learning_rate], "float32")
        _ops.adam_(
            *(self.rows, gradient, rate, *self._moments, None, *powers, None, None),
            *(self._beta1, self._beta2, epsilon, False, 1000, False, False, False),
        )

    def _all_caught_up(self) -> Iterator[list[paddle.Tensor]]:
        ids = np.flatnonzero(self._state[_AGE])
        for first in range(0, len(ids), _CHUNK):
            yield self._of_rows(ids[first : first + _CHUNK])

    @paddle.no_grad()
    def _of_rows(self, ids: np.ndarray) -> list[paddle.Tensor]:
        index, rows, first, second = super()._of_rows(ids)
        state = self._state[:, ids]
        if state[_AGE].any():
            age, decay, _, reach, reach_of_small, kept = (
                paddle.to_tensor(values[:, None]) for values in state
            )
            floor = paddle.where(reach_of_small > 0, reach / reach_of_small, paddle.ones_like(age))
            if self._decay_of_weights:
                rows.multiply_(kept)
            rows.subtract_(first * reach / (second.sqrt() + floor))
            first.multiply_(decay)
            second.multiply_(self._beta2**age)
        return [index, rows, first, second]


# For each row: steps since it was looked up, beta1 to their power, (beta1 / sqrt(beta2)) to their
# power, X and Y as above, and what the decay of weights leaves.
_AGE, _DECAY, _RATIO, _REACH, _REACH_OF_SMALL, _KEPT = range(6)


def _settled(n_rows: int) -> np.ndarray:
    """The state `[6, rows]` of rows that are not behind."""
    return np.repeat(np.array([[0], [1], [1], [0], [0], [1]], np.float32), n_rows, axis=1)


def _fall_behind(
    state: np.ndarray, beta1: float, beta2: float, kept: float, rate: float, epsilon: float
) -> None:
    """Add a step without a gradient.

    Args:
        state: `[6, rows]`, is changed.
        beta1: of Adam.
        beta2: of Adam.
        kept: what the decay of weights leaves of them in this step.
        rate: a_j as above.
        epsilon: e_j as above.
    """
    state[_AGE] += 1
    state[_DECAY] *= beta1
    state[_RATIO] *= beta1 / beta2**0.5
    if kept != 1:
        state[_REACH:] *= kept
    state[_REACH] += rate * state[_RATIO]
    state[_REACH_OF_SMALL] += rate / epsilon * state[_DECAY]


def lazy_tables(
    model: Model, net: paddle.nn.Layer, optimizer: paddle.optimizer.Optimizer
) -> dict[str, LazyTable]:
    """The tables of a net that are trained in this way, by the names of their weights.

    They are those that the model names, of a size that makes it worth while, on a CPU, with SGD,
    Adagrad, Adam or AdamW. A decay of weights that is part of the gradient (that of all but AdamW)
    leaves no row without one.
    """
    found = {}
    for name, feeds in model.tables.items():
        table = dict(net.named_sublayers()).get(name.rpartition(".")[0])
        if isinstance(table, Table) and _is_suited(table, optimizer):
            lazy = LazyAdam if type(optimizer) in _ADAMS else LazyTable
            found[name] = lazy(table, feeds, optimizer)
    if found:  # the optimizer makes them when a weight first has a gradient, which these never have
        block = paddle.static.default_main_program().global_block()
        optimizer._create_accumulators(block, [lazy.weight for lazy in found.values()])
    return found


def _is_suited(table: Table, optimizer: Any) -> bool:
    if type(optimizer) in _ADAMS:
        if optimizer._amsgrad or optimizer._beta1**2 >= optimizer._beta2 or table.is_sparse:
            return False
    elif type(optimizer) not in (paddle.optimizer.SGD, paddle.optimizer.Adagrad):
        return False
    return (
        optimizer.regularization is None
        and table.weight.size >= _LARGE
        and table.weight.trainable
        and paddle.device.get_device() == "cpu"
    )


def step(
    optimizer: paddle.optimizer.Optimizer, tables: Iterable[LazyTable], learning_rate: float
) -> None:
    """Make a step of an optimizer and of tables whose gradients it does not see.

    They are clipped together.
    """
    tables = list(tables)
    used = [table for table in tables if table.rows.grad is not None]
    gradients: list[Any] = [table.rows.grad for table in used]
    clip = optimizer._grad_clip
    if isinstance(clip, ClipByGlobalNorm):
        clip.rows = [(table.rows, gradient) for table, gradient in zip(used, gradients)]
    optimizer.step()
    if isinstance(clip, ClipByGlobalNorm):
        gradients = [gradient for _, gradient in clip.rows]
    for table, gradient in zip(used, gradients):
        table.step(gradient, learning_rate)
    for table in tables:
        table.use_all()


def is_behind(name: str, values: Feeds) -> bool:
    """Whether an optimizer's state is of a table that was behind."""
    return f"{_BEHIND}/{name}" in values


def settled_state(values: Feeds, optimizer: Any, tables: Container[str] = ()) -> Feeds:
    """The state of an Adam as dense Adam would have it.

    Args:
        values: the state.
        optimizer: the Adam; others have no table that is behind.
        tables: weights that may stay behind.
    """
    settled = dict(values)
    for key in values:
        kind, _, name = key.partition("/")
        if kind == _BEHIND and name not in tables:
            state = settled.pop(key)
            settled.pop(f"{_WEIGHT}/{name}", None)
            for moment, decay in (
                ("moment1", state[_DECAY]),
                ("moment2", np.float32(optimizer._beta2) ** state[_AGE]),
            ):
                settled[f"{moment}/{name}"] = settled[f"{moment}/{name}"] * decay[:, None]
    return settled


def settle(tables: Iterable[LazyTable]) -> None:
    """Catch up with all rows of some tables."""
    for table in tables:
        if table.is_behind:
            table.settle()
