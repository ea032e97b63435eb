"""What has to hold while a net is trained, in either graph."""

import paddle
from paddle.static.nn.control_flow import Assert


def check_holds(condition: paddle.Tensor) -> None:
    """Stop where a condition of numbers does not hold, before anything that comes after it.

    Args:
        condition: a scalar of bool.

    Raises:
        FloatingPointError: it does not hold; in static graph when the program runs, see
            `StaticRun.train_step`.
    """
    if not paddle.in_dynamic_mode():
        Assert(condition)
    elif not condition:
        raise FloatingPointError("a number is not finite")
