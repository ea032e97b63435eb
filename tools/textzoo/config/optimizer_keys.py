"""Which optimizers and arguments a config may name."""

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, Optional, Union

import paddle
import pydantic

from textzoo.config.schema import (
    AnyFloat,
    NotNegativeFloat,
    Optimizer,
    PositiveFloat,
    Share,
    Size,
)
from textzoo.config.type_names import type_in_words
from textzoo.errors import UserError, nearest, shown

# With these, sparse gradients of an embedding give what dense ones give, in both graphs.
SPARSE_OPTIMIZERS = ("SGD", "Adagrad")

_BLOCK = "hyper_parameters.optimizer"
_SET_BY_US = {"learning_rate", "parameters", "grad_clip", "name"}
_FUNCTIONS = {"lr_ratio", "apply_decay_param_fun", "exclude_from_weight_decay_fn"}
_PAIR = Annotated[list[PositiveFloat], pydantic.Field(min_length=2, max_length=2)]
# Of Paddle's classes, whose constructors leave most of it open.
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("beta1", "beta2", "rho", "momentum"), Share),
    **dict.fromkeys(("epsilon", "rescale_grad"), PositiveFloat),
    **dict.fromkeys(
        ("lamb_weight_decay", "momentum_decay", "initial_accumulator_value"), NotNegativeFloat
    ),
    "weight_decay": Optional[NotNegativeFloat],
    "batch_num": Size,
    **dict.fromkeys(("learning_rate_range", "etas"), _PAIR),
}
_STRICT = pydantic.ConfigDict(strict=True, allow_inf_nan=False)
_ANYTHING = Optional[Union[bool, AnyFloat, str, list]]
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
    types = argument_types(optimizer_class, class_name in (own or {}))
    unknown = [name for name in arguments if name not in types]
    if unknown:
        return [
            f"{_BLOCK}.{name}: unknown key; {nearest(name, sorted(types), f'{_BLOCK}.')}"
            for name in unknown
        ]
    wrong = [name for name, value in arguments.items() if not _fits(value, types[name])]
    if wrong:
        return [
            f"{_BLOCK}.{name}: received {shown(arguments[name])} "
            f"({type(arguments[name]).__name__}), expected {type_in_words(types[name])}"
            for name in wrong
        ]
    try:
        weight = paddle.create_parameter([1], "float32")
        trial = optimizer_class(learning_rate=1.0, parameters=[weight], **arguments)
        weight.sum().backward()
        trial.step()  # some arguments are not looked at before
    except (TypeError, ValueError, AssertionError) as failure:
        return [f"{_BLOCK}: {class_name} does not accept {arguments}: {failure}"]
    return []


def argument_types(optimizer_class: type, is_own: bool) -> dict[str, Any]:
    """The arguments of an optimizer that are keys of a config, and what each may be.

    Args:
        optimizer_class: a class of Paddle's, or a model's own.
        is_own: which of the two.
    """
    parameters = inspect.signature(optimizer_class).parameters
    names = set(parameters) - _SET_BY_US - _FUNCTIONS
    return {name: _type(parameters[name], is_own) for name in sorted(names)}


def _type(parameter: inspect.Parameter, is_own: bool) -> Any:
    """What an argument may be: of a model's own class, what its default is."""
    if not is_own and parameter.name in _TYPES:
        return _TYPES[parameter.name]
    if isinstance(parameter.default, bool):
        return bool
    return AnyFloat if isinstance(parameter.default, (int, float)) else _ANYTHING


def _fits(value: Any, annotation: Any) -> bool:
    try:
        pydantic.TypeAdapter(annotation, config=_STRICT).validate_python(value)
    except pydantic.ValidationError:
        return False
    return True


def check_layer_decay(net: paddle.nn.Layer, settings: Optimizer) -> None:
    """Refuse a rate for each layer where there are no layers, or no rates.

    Raises:
        UserError: naming the key.
    """
    if settings.layer_decay in (None, 1):
        return
    architecture = getattr(getattr(net, "encoder", None), "architecture", None)
    if architecture is None or not architecture.num_hidden_layers:
        problem = "this model has no layers of a transformer"
    elif architecture.share_layers:
        problem = "all layers of this encoder have the same weights (share_layers, as in ALBERT)"
    elif settings.class_name == "Rprop":
        problem = "Rprop finds the steps of each weight itself"
    else:
        return
    raise UserError(
        f"{_BLOCK}.layer_decay: received {settings.layer_decay:g}, expected 1: {problem}"
    )


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
