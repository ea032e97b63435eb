"""The optimizer that the config names, and the learning rate of each step."""

import math
from collections.abc import Iterable
from typing import Any, Optional

import paddle

from textzoo.config.optimizer_keys import Classes, optimizer_classes
from textzoo.config.schema import Optimizer
from textzoo.nets.conditions import check_holds


def build_optimizer(
    settings: Optimizer,
    parameters: Iterable[Any],
    max_grad_norm: Optional[float],
    own: Optional[Classes] = None,
) -> paddle.optimizer.Optimizer:
    """Make the optimizer for these parameters, in whichever graph mode is on.

    Args:
        settings: its class and arguments.
        parameters: the weights.
        max_grad_norm: clip the gradients to this global norm.
        own: classes that the model brings, see `Model.optimizers`.
    """
    clip = ClipByGlobalNorm(max_grad_norm) if max_grad_norm else None
    return optimizer_classes(own or {})[settings.class_name](
        learning_rate=settings.learning_rate,
        parameters=list(parameters),
        grad_clip=clip,
        **(settings.model_extra or {}),
    )


def set_layer_rates(net: paddle.nn.Layer, layer_decay: Optional[float]) -> None:
    """Give the weights of an encoder lower learning rates, the further they are from the output.

    A weight whose output goes through n layers, its own among them, has `layer_decay` to the power
    of n as the factor of its rate; the embeddings have one more than there are layers, as Clark et
    al. 2020 (ELECTRA) have it. It is the discriminative fine-tuning of Howard and Ruder 2018
    (ULMFiT), section 3.2.

    Args:
        net: with an `encoder`, see `Encoder.layers_above`; in whichever graph mode is on.
        layer_decay: 1 or None leaves all rates as they are.
    """
    if layer_decay in (None, 1):
        return
    for name, parameter in net.encoder.named_parameters():
        parameter.optimize_attr = {"learning_rate": layer_decay ** net.encoder.layers_above(name)}


class ClipByGlobalNorm(paddle.nn.ClipGradByGlobalNorm):
    """Refuses a norm that is not finite: of one that overflows, Paddle makes every gradient 0.

    Attributes:
        rows: that are clipped with the weights although the optimizer has them not, and their
            gradients, which a call replaces.
    """

    def __init__(self, clip_norm: float):
        super().__init__(clip_norm)
        self.rows: list[tuple[paddle.Tensor, paddle.Tensor]] = []

    def __call__(self, params_grads: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        """See Paddle's.

        Raises:
            FloatingPointError: see `check_holds`.
        """
        params_grads = [*params_grads, *self.rows]
        gradients = [gradient for _, gradient in params_grads if gradient is not None]
        if paddle.in_dynamic_mode():  # sparse ones have no norm
            gradients = [gradient for gradient in gradients if not gradient.is_selected_rows()]
        if gradients:
            norms = paddle.stack([paddle.linalg.norm(gradient) for gradient in gradients])
            check_holds(paddle.isfinite((norms * norms).sum()))
        clipped = super().__call__(params_grads)
        first_of_rows = len(clipped) - len(self.rows)
        self.rows = clipped[first_of_rows:]
        return clipped[:first_of_rows]


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
