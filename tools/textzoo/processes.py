"""Several processes that train one model: `python -m paddle.distributed.launch`.

Every process reads the same data in the same order and holds the same weights. Each embeds its
part of a batch; what it finds, and the gradients, are exchanged.
"""

import os

import numpy as np
import paddle
import paddle.distributed as dist


def n_processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))


def process_rank() -> int:
    """The number of this process, from 0; 0 alone writes files."""
    return int(os.environ.get("PADDLE_TRAINER_ID", "0"))


def join_processes() -> None:
    """Find the other processes, if there are any."""
    if n_processes() > 1:
        dist.init_parallel_env()


def wait_for_all() -> None:
    """Return when all processes have come here."""
    if n_processes() > 1:
        dist.barrier()


def own_rows(n_rows: int) -> np.ndarray:
    """The rows of a batch that this process embeds: equally many in each, the last one repeated."""
    size = -(-n_rows // n_processes())
    return np.minimum(process_rank() * size + np.arange(size), n_rows - 1)


def all_rows(own: paddle.Tensor, n_rows: int) -> paddle.Tensor:
    """The values of all rows `[n_rows, width]` from every `own_rows`, without gradients."""
    if n_processes() == 1:
        return own.detach()
    parts: list[paddle.Tensor] = []
    dist.all_gather(parts, own.detach())
    return paddle.concat(parts)[:n_rows]


def own_gradient(gradient: paddle.Tensor) -> paddle.Tensor:
    """This process's part of the gradients of all rows; 0 for a row that is there by repetition."""
    size = -(-len(gradient) // n_processes())
    first = process_rank() * size
    own = gradient[first : first + size]
    if len(own) == size:
        return own
    return paddle.concat([own, paddle.zeros([size - len(own), gradient.shape[1]])])


def sum_gradients(parameters: list[paddle.Tensor]) -> None:
    """Sum the gradients of all processes, in all of them."""
    if n_processes() > 1:
        for parameter in parameters:
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
