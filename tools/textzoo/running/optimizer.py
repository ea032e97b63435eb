"""The optimizer that the config names, and the learning rate of each step."""

import math
from collections.abc import Iterable
from typing import Any, Optional

import paddle

from textzoo.config.optimizer_keys import Classes, optimizer_classes
from textzoo.config.schema import Optimizer


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
    clip = paddle.nn.ClipGradByGlobalNorm(max_grad_norm) if max_grad_norm else None
    return optimizer_classes(own or {})[settings.class_name](
        learning_rate=settings.learning_rate,
        parameters=list(parameters),
        grad_clip=clip,
        **(settings.model_extra or {}),
    )


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
