"""One step in static graph: the same net as programs that Paddle's executor runs."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Optional, Union

import numpy as np
import paddle
from paddle import static
from paddle.base.core import Scope

from textzoo.config.schema import Optimizer
from textzoo.distributed.collectives import (
    batch_rows,
    n_processes,
    own_feeds,
    own_share,
    sum_arrays,
)
from textzoo.running.dygraph import row_weights
from textzoo.running.finite import check_finite
from textzoo.running.lazy_tables import settled_state
from textzoo.running.model import Model, Tensors, check_loss
from textzoo.running.optimizer import build_optimizer, set_layer_rates
from textzoo.running.run import misfits
from textzoo.text.reader import Feeds

_WEIGHT = "loss_weight"


class Example(NamedTuple):
    """Arrays of a batch of one row, from which the inputs of the programs take their form.

    Attributes:
        inference: `Model.infer_feeds` of it.
        training: `Model.train_feeds` of it, where there is an optimizer.
    """

    inference: Feeds
    training: Feeds


class _Inference(NamedTuple):
    program: static.Program
    inputs: Tensors
    outputs: Tensors


class _Gradients(NamedTuple):
    program: static.Program
    fetches: list[paddle.Tensor]  # the loss, then the gradients
    names: list[str]  # of the gradients


class StaticRun:
    """A net with its optimizer as static programs; see `run.Run`.

    The programs share their variables by name through one scope: inference; training; and, when
    several batches make one update, gradients and update apart. Each is built when first
    needed. Static mode is on only inside the methods.
    """

    def __init__(
        self,
        model: Model,
        make_net: Callable[[], paddle.nn.Layer],
        initial: Feeds,
        example: Example,
        optimizer: Optional[Optimizer] = None,
        max_grad_norm: Optional[float] = None,
    ):
        """Build the training program if there is an optimizer, and set the weights.

        Args:
            model: the folder's `StaticModel`.
            make_net: constructs the net; called once per program.
            initial: the weights to start from, see `set_parameters`.
            example: what the inputs of the programs are like.
            optimizer: for training; without it, only inference can run.
            max_grad_norm: clip the gradients to this global norm.
        """
        self.model = model
        self.shards: dict[str, int] = {}  # weights that are divided train in dynamic graph alone
        self._make_net = make_net
        self._example = example
        self._settings = optimizer, max_grad_norm
        self._scope = Scope()
        self._has_variables = False
        self._built_inference: Optional[_Inference] = None
        self._gradients: Optional[_Gradients] = None
        self._update: Optional[static.Program] = None
        device, _, number = paddle.device.get_device().partition(":")
        self._place = paddle.CUDAPlace(int(number)) if device == "gpu" else paddle.CPUPlace()
        with self._static_mode():
            self._executor = static.Executor(self._place)
            if optimizer:
                self._build_training()
            else:
                self._inference()
        self.set_parameters(initial)

    def train_step(self, micro_batches: list[Feeds], learning_rate: float) -> float:
        """See `Run.train_step`."""
        if len(micro_batches) > 1 or n_processes() > 1:
            return self._accumulated_step(micro_batches, learning_rate)
        with self._static_mode(), _floating_point_errors():
            self._set(self._learning_rate_name, np.float32(learning_rate))
            (loss,) = self._executor.run(
                self._training, feed=micro_batches[0], fetch_list=[self._loss]
            )
            return float(loss)

    def infer_step(self, feeds: Feeds) -> Feeds:
        """See `Run.infer_step`."""
        with self._static_mode():
            program, _, outputs = self._inference()
            values = self._executor.run(program, feed=feeds, fetch_list=list(outputs.values()))
        check_finite(values)
        return dict(zip(outputs, values))

    def output_names(self) -> list[str]:
        """The names of what inference gives, in the order of the program's outputs."""
        with self._static_mode():
            return list(self._inference().outputs)

    def save_inference(self, path: Path) -> None:
        """Write the inference program to `<path>.json` and its weights to `<path>.pdiparams`."""
        with self._static_mode():
            program, inputs, outputs = self._inference()
            variables = list(inputs.values()), list(outputs.values())
            static.save_inference_model(str(path), *variables, self._executor, program=program)

    def changed(self, change: Callable[[paddle.nn.Layer], None], values: Feeds) -> "StaticRun":
        """A run for inference of the net as something changes it.

        Args:
            change: is called with each net that is made, in static mode.
            values: the weights that the net has then.
        """

        def make_net() -> paddle.nn.Layer:
            net = self._make_net()
            change(net)
            return net

        return StaticRun(self.model, make_net, values, self._example)

    def settle(self) -> None:
        """See `Run.settle`: every step brings all up to date."""

    def parameters(self) -> Feeds:
        """See `Run.parameters`."""
        return {name: self._get(variable) for name, variable in self._names.items()}

    def set_parameters(self, values: Feeds) -> None:
        """See `Run.set_parameters`."""
        for name, variable in self._names.items():
            self._set(variable, values[name])

    def optimizer_state(self) -> Feeds:
        """See `Run.optimizer_state`."""
        return {key: self._get(variable) for key, variable in self._accumulators.items()}

    def set_optimizer_state(self, values: Feeds) -> None:
        """See `Run.set_optimizer_state`."""
        values = settled_state(values, self._optimizer)
        if problems := misfits(self.optimizer_state(), values):
            raise ValueError("\n  ".join(problems))
        for key, variable in self._accumulators.items():
            self._set(variable, values[key])

    def _build_training(self) -> None:
        """Forward, backward and update in one program."""
        with self._new_program() as program:
            net = self._make_net()
            net.train()
            self._loss = self.model.train_forward(net, _inputs(self._example.training))
            check_loss(self.model, self._loss)
            self._names = _variable_names(net)
            self._optimizer = optimizer = self._new_optimizer(net, net.parameters())
            optimizer.minimize(self._loss)
            self._training = program
            rate = optimizer._global_learning_rate()
            if rate is None:
                raise RuntimeError("the program was given no learning rate")
            self._learning_rate_name = rate.name
            structured = {variable: name for name, variable in self._names.items()}
            self._accumulators = {
                f"{kind}/{structured[parameter]}": variable.name
                for kind, by_parameter in optimizer._accumulators.items()
                for parameter, variable in by_parameter.items()
            }

    def _new_optimizer(
        self, net: paddle.nn.Layer, parameters: Iterable[paddle.Tensor]
    ) -> paddle.optimizer.Optimizer:
        settings, max_grad_norm = self._settings
        assert settings is not None  # only a run that has an optimizer trains
        set_layer_rates(net, settings.layer_decay)
        return build_optimizer(settings, parameters, max_grad_norm, self.model.optimizers)

    def _inference(self) -> _Inference:
        if self._built_inference is None:
            with self._new_program() as program:
                net = self._make_net()
                net.eval()
                inputs = _inputs(self._example.inference)
                outputs = self.model.infer_forward(net, inputs)
                self._names = _variable_names(net)
                self._built_inference = _Inference(program, inputs, outputs)
        return self._built_inference

    def _accumulation(self) -> tuple[_Gradients, static.Program]:
        """Gradients of a weighted loss in one program, the update from given ones in another."""
        if self._gradients is not None and self._update is not None:
            return self._gradients, self._update
        with self._new_program() as program:
            net = self._make_net()
            net.train()
            weight = static.data(_WEIGHT, [], "float32")
            loss = self.model.train_forward(net, _inputs(self._example.training))
            trained = [parameter for parameter in net.parameters() if parameter.trainable]
            pairs = static.append_backward(loss * weight, parameter_list=trained)
            names = [f"gradient/{parameter.name}" for parameter, _ in pairs]
            fetches = [loss, *(gradient for _, gradient in pairs)]
            self._gradients = _Gradients(program, fetches, names)
        with self._new_program() as program:
            net = self._make_net()
            by_name = {f"gradient/{p.name}": p for p in net.parameters() if p.trainable}
            optimizer = self._new_optimizer(net, by_name.values())
            # Else Paddle sorts by name here, and sums the norm to clip in another order than
            # dynamic graph does.
            optimizer._sorted = True  # pyright: ignore[reportAttributeAccessIssue] (undeclared)
            optimizer.apply_gradients(
                [(by_name[name], static.data(name, by_name[name].shape)) for name in names]
            )
            self._update = program
        return self._gradients, self._update

    def _accumulated_step(self, micro_batches: list[Feeds], learning_rate: float) -> float:
        """An update from gradients that are summed outside of the programs.

        With several processes, each computes those of its own rows.
        """
        of_the_batch = self.model.of_the_batch
        total, sums = 0.0, []
        with self._static_mode(), _floating_point_errors():
            (program, fetches, names), update = self._accumulation()
            for feeds, weight in zip(micro_batches, row_weights(micro_batches, of_the_batch)):
                weight *= own_share(batch_rows(feeds, of_the_batch))
                own = {**own_feeds(feeds, of_the_batch), _WEIGHT: np.asarray(weight, np.float32)}
                loss, *gradients = self._executor.run(program, feed=own, fetch_list=fetches)
                total += weight * float(loss)
                sums = [a + b for a, b in zip(sums, gradients)] if sums else gradients
        loss, *sums = sum_arrays([np.asarray(total), *sums])
        with self._static_mode(), _floating_point_errors():
            self._set(self._learning_rate_name, np.float32(learning_rate))
            self._executor.run(update, feed=dict(zip(names, sums)))
        return float(loss)

    @contextmanager
    def _static_mode(self) -> Iterator[None]:
        paddle.enable_static()
        try:
            with static.scope_guard(self._scope):
                yield
        finally:
            paddle.disable_static()

    @contextmanager
    def _new_program(self) -> Iterator[static.Program]:
        """A program whose variables have the names that every other program gives them.

        The first program makes them all (weights, accumulators, learning rate); the others find
        them in the scope.
        """
        program, startup = static.Program(), static.Program()
        with warnings.catch_warnings():
            # Paddle's own full_like asks for an attribute that it then warns of.
            warnings.filterwarnings("ignore", message="Tensor do not have 'place'")
            with paddle.utils.unique_name.guard(), static.program_guard(program, startup):
                yield program
        if not self._has_variables:
            self._executor.run(startup)
            self._has_variables = True

    def _get(self, variable: str) -> np.ndarray:
        return np.array(self._scope.find_var(variable).get_tensor())

    def _set(self, variable: str, value: Union[np.ndarray, np.float32]) -> None:
        self._scope.find_var(variable).get_tensor().set(value, self._place)


@contextmanager
def _floating_point_errors() -> Iterator[None]:
    """Name what a condition of the program has to do with, see `nets.conditions`."""
    try:
        yield
    except ValueError as failure:
        if "AssertOp" not in str(failure):
            raise
        raise FloatingPointError("a number is not finite") from None


def _inputs(example: Feeds) -> Tensors:
    """The inputs of a program: named, ranked and typed as the arrays of an example."""
    return {
        name: static.data(name, [None] * array.ndim, array.dtype) for name, array in example.items()
    }


def _variable_names(net: paddle.nn.Layer) -> dict[str, str]:
    """The name in the net -> the name of the variable that every program uses."""
    return {name: variable.name for name, variable in net.state_dict().items()}
