"""The optimizer that the config names, and the learning rate of each step."""

import inspect
import math
from collections.abc import Iterable
from typing import Any, Optional

import paddle

from textzoo.errors import nearest
from textzoo.schema import Optimizer

# With these, sparse gradients of an embedding give what dense ones give, in both graphs.
SPARSE_OPTIMIZERS = ("SGD", "Adagrad")

_BLOCK = "hyper_parameters.optimizer"
_SET_BY_US = {"learning_rate", "parameters", "grad_clip", "name"}
_NOT_CHOOSABLE = {"Optimizer", "LBFGS"}  # the base class; one whose step needs a closure


def build_optimizer(
    settings: Optimizer, parameters: Iterable[Any], max_grad_norm: Optional[float]
) -> paddle.optimizer.Optimizer:
    """Make the optimizer for these parameters, in whichever graph mode is on."""
    clip = paddle.nn.ClipGradByGlobalNorm(max_grad_norm) if max_grad_norm else None
    return getattr(paddle.optimizer, settings.class_name)(
        learning_rate=settings.learning_rate,
        parameters=list(parameters),
        grad_clip=clip,
        **settings.model_extra,
    )


def optimizer_problems(class_name: str, arguments: dict[str, Any]) -> list[str]:
    """What Paddle would not accept, one text per key.

    Args:
        class_name: the class of `paddle.optimizer`.
        arguments: the class's own arguments, such as `beta1`.
    """
    known = sorted(
        name
        for name, value in vars(paddle.optimizer).items()
        if inspect.isclass(value)
        and issubclass(value, paddle.optimizer.Optimizer)
        and name not in _NOT_CHOOSABLE
    )
    if class_name not in known:
        return [f"{_BLOCK}.class: received {class_name!r}, expected one of {', '.join(known)}"]
    optimizer_class = getattr(paddle.optimizer, class_name)
    accepted = sorted(set(inspect.signature(optimizer_class).parameters) - _SET_BY_US)
    unknown = [name for name in arguments if name not in accepted]
    if unknown:
        return [
            f"{_BLOCK}.{name}: unknown key; {nearest(name, accepted, f'{_BLOCK}.')}"
            for name in unknown
        ]
    try:
        weight = paddle.create_parameter([1], "float32")
        trial = optimizer_class(learning_rate=1.0, parameters=[weight], **arguments)
        weight.sum().backward()
        trial.step()  # some arguments are not looked at before
    except (TypeError, ValueError, AssertionError) as failure:
        return [f"{_BLOCK}: {class_name} does not accept {arguments}: {failure}"]
    return []


def learning_rate(settings: Optimizer, step: int, total_steps: int) -> float:
    """The learning rate of a step: linear warm-up, then constant, linear or cosine decay.

    Args:
        settings: the highest rate, the schedule and its warm-up.
        step: from 0.
        total_steps: of the whole run.
    """
    warmup = settings.warmup * total_steps if settings.warmup < 1 else settings.warmup
    if step < warmup:
        return settings.learning_rate * (step + 1) / (warmup + 1)
    done = min(1.0, (step - warmup) / max(1, total_steps - warmup))
    factor = {
        "constant": 1.0,
        "linear": 1 - done,
        "cosine": (1 + math.cos(math.pi * done)) / 2,
    }[settings.schedule]
    return settings.learning_rate * factor
