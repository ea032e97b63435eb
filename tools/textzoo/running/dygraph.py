"""One step in dynamic graph: forward, backward, update; or forward alone."""

from typing import Optional

import paddle

from textzoo.config.schema import Optimizer
from textzoo.distributed.collectives import (
    batch_rows,
    n_processes,
    own_feeds,
    own_share,
    sum_gradients,
)
from textzoo.running import gradient_cache
from textzoo.running.finite import check_finite
from textzoo.running.lazy_tables import (
    LazyTable,
    is_behind,
    lazy_tables,
    settle,
    settled_state,
    step,
)
from textzoo.running.model import Model, Tensors, check_loss
from textzoo.running.optimizer import build_optimizer, set_layer_rates
from textzoo.running.run import misfits
from textzoo.text.reader import Feeds


class DygraphRun:
    """A net with its optimizer in dynamic graph.

    See `run.Run`; `StaticRun` is the same as static programs.
    """

    def __init__(
        self,
        model: Model,
        net: paddle.nn.Layer,
        optimizer: Optional[Optimizer] = None,
        max_grad_norm: Optional[float] = None,
        gradient_cache_rows: int = 0,
    ):
        self.model = model
        self.net = net
        self._cache_rows = gradient_cache_rows
        self.shards = model.shards(net)
        self._tables: dict[str, LazyTable] = {}
        self._names = {parameter.name: name for name, parameter in net.named_parameters()}
        self._shared = [p for name, p in net.named_parameters() if name not in self.shards]
        if optimizer:
            set_layer_rates(net, optimizer.layer_decay)
            self._optimizer: paddle.optimizer.Optimizer = build_optimizer(
                optimizer, net.parameters(), max_grad_norm, model.optimizers
            )
            self._tables = lazy_tables(model, net, self._optimizer)

    def train_step(self, micro_batches: list[Feeds], learning_rate: float) -> float:
        """See `Run.train_step`."""
        self.net.train()
        self._optimizer.set_lr(learning_rate)
        weights = row_weights(micro_batches, self.model.of_the_batch)
        total, tables = 0.0, list(self._tables.values())
        for table in tables:
            table.look_up(micro_batches)
        for feeds, weight in zip(micro_batches, weights):
            total += self._backward(feeds, weight)
        total = sum_gradients([*self._shared, *(table.rows for table in tables)], total)
        step(self._optimizer, tables, learning_rate)
        self._optimizer.clear_grad()
        return total

    def _backward(self, feeds: Feeds, weight: float) -> float:
        """Add the gradients of one batch's weighted loss; returns that loss.

        With several processes: what its own rows contribute to either.
        """
        if self._cache_rows or (n_processes() > 1 and self.model.kind == "embeddings"):
            return gradient_cache.backward(self.model, self.net, feeds, weight, self._cache_rows)
        if not self.shards:  # else all processes take all rows, each for its own labels
            weight *= own_share(batch_rows(feeds, self.model.of_the_batch))
            feeds = own_feeds(feeds, self.model.of_the_batch)
        loss = self.model.train_forward(self.net, _tensors(feeds))
        check_loss(self.model, loss)
        (loss if weight == 1 else loss * weight).backward()
        return weight * float(loss)

    def settle(self) -> None:
        """See `Run.settle`."""
        settle(self._tables.values())

    @paddle.no_grad()
    def infer_step(self, feeds: Feeds) -> Feeds:
        """See `Run.infer_step`."""
        self.settle()
        self.net.eval()
        tensors = self.model.infer_forward(self.net, _tensors(feeds))
        outputs = {name: tensor.numpy() for name, tensor in tensors.items()}
        check_finite(outputs.values())
        return outputs

    def parameters(self) -> Feeds:
        """See `Run.parameters`."""
        behind = {name: table for name, table in self._tables.items() if table.is_behind}
        return {
            name: (behind[name].settled_weight() if name in behind else tensor).numpy()
            for name, tensor in self.net.state_dict().items()
        }

    def set_parameters(self, values: Feeds) -> None:
        """See `Run.set_parameters`."""
        for name, tensor in self.net.state_dict().items():
            tensor.set_value(values[name])

    def optimizer_state(self) -> Feeds:
        """See `Run.optimizer_state`."""
        state = self._accumulators()
        for name, table in self._tables.items():
            if table.is_behind:
                state.update(table.state(name))
        return state

    def _accumulators(self) -> Feeds:
        return {
            f"{kind}/{self._names[parameter]}": tensor.numpy()
            for kind, by_parameter in self._optimizer._accumulators.items()
            for parameter, tensor in by_parameter.items()
        }

    def set_optimizer_state(self, values: Feeds) -> None:
        """See `Run.set_optimizer_state`."""
        # Paddle would make the accumulators at the first step only.
        block = paddle.static.default_main_program().global_block()
        trained = [parameter for parameter in self.net.parameters() if parameter.trainable]
        self._optimizer._create_accumulators(block, trained)
        values = settled_state(values, self._optimizer, self._tables)
        expected = self._accumulators()
        for name, table in self._tables.items():
            if is_behind(name, values):
                expected.update(table.state(name))
        if problems := misfits(expected, values):
            raise ValueError("\n  ".join(problems))
        for name, table in self._tables.items():
            table.set_state(name, values)
        for kind, by_parameter in self._optimizer._accumulators.items():
            for parameter, tensor in by_parameter.items():
                tensor.set_value(values[f"{kind}/{self._names[parameter]}"])


def row_weights(micro_batches: list[Feeds], of_the_batch: tuple[str, ...] = ()) -> list[float]:
    """The share of each batch in the rows of all of them; see `own_feeds` for the arguments."""
    rows = [batch_rows(feeds, of_the_batch) for feeds in micro_batches]
    return [n / sum(rows) for n in rows]


def _tensors(feeds: Feeds) -> Tensors:
    return {name: paddle.to_tensor(array) for name, array in feeds.items()}
