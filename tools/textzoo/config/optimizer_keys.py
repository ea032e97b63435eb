"""Which optimizers and arguments a config may name."""

import inspect
from collections.abc import Mapping
from typing import Any, Optional

import paddle

from textzoo.errors import UserError, nearest

# With these, sparse gradients of an embedding give what dense ones give, in both graphs.
SPARSE_OPTIMIZERS = ("SGD", "Adagrad")

_BLOCK = "hyper_parameters.optimizer"
_SET_BY_US = {"learning_rate", "parameters", "grad_clip", "name"}
_NOT_CHOOSABLE = {"Optimizer", "LBFGS"}  # the base class; one whose step needs a closure


Classes = Mapping[str, type[paddle.optimizer.Optimizer]]


def optimizer_classes(own: Classes) -> Classes:
    """The optimizers that a config may name.

    Args:
        own: those that the model brings, see `Model.optimizers`.
    """
    known = {
        name: value
        for name, value in vars(paddle.optimizer).items()
        if inspect.isclass(value)
        and issubclass(value, paddle.optimizer.Optimizer)
        and name not in _NOT_CHOOSABLE
    }
    return {**known, **own}


def optimizer_problems(
    class_name: str, arguments: dict[str, Any], own: Optional[Classes] = None
) -> list[str]:
    """What the class would not accept, one text per key.

    Args:
        class_name: the class of the optimizer.
        arguments: the class's own arguments, such as `beta1`.
        own: see `optimizer_classes`.
    """
    known = optimizer_classes(own or {})
    if class_name not in known:
        names = ", ".join(sorted(known))
        return [f"{_BLOCK}.class: received {class_name!r}, expected one of {names}"]
    optimizer_class = known[class_name]
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


def check_sparse(net: paddle.nn.Layer, optimizer_class: str) -> None:
    """Refuse what Paddle computes wrongly.

    With sparse gradients its Adam differs between the two graphs, and from Adam.
    """
    for name, layer in net.named_sublayers(include_self=True):
        if getattr(layer, "_sparse", False) and optimizer_class not in SPARSE_OPTIMIZERS:
            raise UserError(
                f"hyper_parameters.optimizer.class: received {optimizer_class}, but the gradients "
                f"of {name or 'the net'} are sparse: expected one of "
                f"{', '.join(SPARSE_OPTIMIZERS)}; or -o hyper_parameters.sparse=false"
            )
