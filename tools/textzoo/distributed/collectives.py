"""What several processes that train one model exchange; `launching` starts them.

Every process reads the same data in the same order and holds the same weights. Of each batch it
computes its own part; gradients and losses are summed, so that all make the same update, which is
the one that a single process would make. Process 0 alone writes files.

With one process, all functions return what they are given.
"""

import contextlib
import ctypes
import io
import os
import threading
import time
from collections.abc import Iterator
from typing import Any, Optional, TypeVar

import numpy as np
import paddle
import paddle.distributed as dist
import paddle.nn.functional as F

from textzoo.called import program
from textzoo.devices import LIFELINE, process_rank
from textzoo.distributed.nodes import interface_of
from textzoo.distributed.shared_memory import ENDED, SharedMemory, equal_part
from textzoo.errors import UserError

Array = TypeVar("Array", np.ndarray, paddle.Tensor)

_POLL = 0.01

_shared_memory: Optional[SharedMemory] = None
_barriers = 0  # that this process has come to


def n_processes() -> int:
    """How many processes train together, on all machines."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))


def rank_on_machine() -> int:
    """The number of this process among those of its machine, from 0."""
    return int(os.environ.get("PADDLE_RANK_IN_NODE", "0"))


def own_address() -> str:
    """The address at which other machines reach this one."""
    return os.environ["PADDLE_CURRENT_ENDPOINT"].rpartition(":")[0]


def join_processes() -> None:
    """Find the other processes, if there are any.

    Raises:
        UserError: this build of Paddle cannot train in several processes, or they cannot reach each
            other.
    """
    if n_processes() == 1:
        return
    if not dist.is_available():
        raise UserError(
            "runner.processes: this build of Paddle has no distributed package; set "
            "-o runner.processes=1"
        )
    if LIFELINE in os.environ:
        threading.Thread(target=_end_with_the_launcher, daemon=True).start()
    on_cpu = paddle.device.get_device() == "cpu"
    if on_cpu:
        os.environ["PADDLE_DISTRI_BACKEND"] = "gloo"
        # Else gloo takes the address of the host's name, which may be one of the loopback.
        if interface := interface_of(own_address()):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # a list of Paddle's flags
            dist.init_parallel_env()
    except RuntimeError as failure:
        if "gloo" not in str(failure):
            raise
        raise UserError(
            f"the processes cannot reach each other from {own_address()} ({failure}): let no "
            "firewall be between the machines, and unset GLOO_SOCKET_IFNAME or name the interface "
            "there that reaches them"
        ) from None
    global _shared_memory
    on_one_machine = os.environ.get("PADDLE_LOCAL_SIZE") == str(n_processes())
    _shared_memory = (
        SharedMemory(n_processes(), process_rank(), broadcast)
        if on_cpu and on_one_machine
        else None
    )


def _end_with_the_launcher() -> None:
    os.read(0, 1)
    os._exit(1)


def barrier() -> None:
    """Return when all processes have come here.

    That may take as long as reading a large corpus in one of them; gloo itself waits for 30 s.
    """
    global _barriers
    if n_processes() == 1:
        return
    if _shared_memory:
        _shared_memory.meet()
        return
    _barriers += 1
    expected = _barriers * n_processes()
    store = paddle.base.core.create_or_get_global_tcp_store()
    with _ending_with_others():
        # Process 0, in which the store is, is the last to go on: it might end before others know.
        for counter in ("came", "went"):
            n_there = store.add(f"textzoo_{counter}", 1)
            while n_there < expected and not (counter == "went" and process_rank()):
                time.sleep(_POLL)
                n_there = store.add(f"textzoo_{counter}", 0)


@contextlib.contextmanager
def _ending_with_others() -> Iterator[None]:
    """End without a trace of C++ where another process has ended while it was waited for.

    Raises:
        SystemExit: another process has ended.
    """
    try:
        yield
    except (RuntimeError, ValueError) as failure:
        if "gloo" in str(failure) or "TCP" in str(failure):
            raise SystemExit(f"{ENDED}, or was silent for 30 s") from None
        raise


def own_rows(n_rows: int) -> slice:
    """The rows of a batch that this process computes.

    A batch with fewer rows than processes is computed by every one of them.
    """
    if n_rows < n_processes():
        return slice(0, n_rows)
    return equal_part(n_rows, n_processes(), process_rank())


def own_share(n_rows: int) -> float:
    """What the mean over this process's rows counts in that over the batch; all sum to 1."""
    if n_rows < n_processes():
        return 1 / n_processes()
    rows = own_rows(n_rows)
    return (rows.stop - rows.start) / n_rows


def own_feeds(feeds: dict[str, Array], of_the_batch: tuple[str, ...] = ()) -> dict[str, Array]:
    """This process's rows of a batch.

    Args:
        feeds: arrays or tensors of one row per text, but for those named in `of_the_batch`.
        of_the_batch: names of arrays that belong to the batch as a whole.
    """
    if n_processes() == 1:
        return feeds
    rows = own_rows(batch_rows(feeds, of_the_batch))
    return {k: v if k in of_the_batch else v[rows] for k, v in feeds.items()}


def batch_rows(feeds: dict[str, Array], of_the_batch: tuple[str, ...] = ()) -> int:
    """The number of rows of a batch."""
    return next(len(array) for name, array in feeds.items() if name not in of_the_batch)


def all_rows(own: paddle.Tensor, n_rows: int) -> paddle.Tensor:
    """The values of all rows of a batch from those that each process has, without gradients."""
    if n_processes() == 1 or n_rows < n_processes():
        return own.detach()
    whole = paddle.zeros([n_rows, *own.shape[1:]], own.dtype)
    whole[own_rows(n_rows)] = own.detach()
    all_reduce([whole])
    return whole


def all_gather(own: paddle.Tensor) -> paddle.Tensor:
    """The values that each process has, `[processes, *shape]`, without gradients."""
    whole = paddle.zeros([n_processes(), *own.shape], own.dtype)
    whole[process_rank()] = own.detach()
    all_reduce([whole])
    return whole


def own_gradient(gradient: paddle.Tensor) -> paddle.Tensor:
    """This process's part of the gradients of all rows, so that what it leads to can be summed."""
    n_rows = len(gradient)
    return gradient[own_rows(n_rows)] / (n_processes() if n_rows < n_processes() else 1)


def batch_mean(own: paddle.Tensor, n_rows: int) -> paddle.Tensor:
    """The mean over a batch from the means over each process's rows.

    Its gradient is that of this process's mean: where every process's gradients are weighed by its
    share of the rows and summed, the result is right.

    Args:
        own: the mean over the rows of this process.
        n_rows: how many these are.

    Raises:
        UserError: in static graph.
    """
    if n_processes() == 1:
        return own
    if not paddle.in_dynamic_mode():
        raise UserError(
            "a loss that depends on gradients (adversarial, gradient_penalty) cannot be trained "
            f"in several processes in static graph: use {program('trainer')}, or "
            "-o runner.processes=1"
        )
    total, rows = own.detach() * n_rows, paddle.full([], n_rows, own.dtype)
    all_reduce([total, rows])
    return own + total / rows - own.detach()


def sum_arrays(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Sum arrays, as float32, over all processes, in one exchange."""
    if n_processes() == 1:
        return arrays
    tensors = [paddle.to_tensor(array, "float32") for array in arrays]
    all_reduce(tensors)
    return [tensor.numpy() for tensor in tensors]


def sum_gradients(parameters: list[paddle.Tensor], loss: float) -> float:
    """Sum the gradients of all processes, in all of them.

    Returns:
        The sum of their losses.
    """
    if n_processes() == 1:
        return loss
    gradients = [(p, p.grad) for p in parameters if p.grad is not None]
    for parameter, gradient in gradients:
        if gradient.is_selected_rows():
            _sum_sparse(parameter, gradient)
    dense = [gradient for _, gradient in gradients if not gradient.is_selected_rows()]
    total = paddle.to_tensor(loss, "float32")
    all_reduce([*dense, total])
    return float(total)


def all_reduce(tensors: list[paddle.Tensor]) -> None:
    """Replace tensors of one type by their sums over all processes, in one exchange."""
    if _shared_memory:
        totals = [tensor.contiguous() for tensor in tensors]  # the tensor itself, but for views
        _shared_memory.sum([_memory(total) for total in totals])
    else:
        flat = paddle.concat([tensor.reshape([-1]) for tensor in tensors])
        with _ending_with_others():
            dist.all_reduce(flat)
        totals = flat.split([tensor.size for tensor in tensors])
    for tensor, total in zip(tensors, totals):
        if total is not tensor:
            paddle.assign(total.reshape(tensor.shape), tensor)


def _memory(tensor: paddle.Tensor) -> np.ndarray:
    """A tensor's values where they are, flat."""
    dtype = np.dtype(str(tensor.dtype).rpartition(".")[2])
    place = (ctypes.c_char * (tensor.size * dtype.itemsize)).from_address(tensor.data_ptr())
    return np.frombuffer(memoryview(place), dtype)


def _sum_sparse(weight: paddle.Tensor, gradient: paddle.Tensor) -> None:
    """Give a weight that was looked up the gradients of the rows that any process looked up."""
    rows = paddle.to_tensor(gradient.rows(), "int64")
    values = gradient._get_tensor_from_selected_rows()
    missing = int(all_gather(paddle.to_tensor(len(rows))).max()) - len(rows)
    # Parts of one size can be exchanged: what is added has a gradient of 0.
    all_of_rows = all_gather(F.pad(rows, [0, missing], value=0))
    all_of_values = all_gather(paddle.concat([values, paddle.zeros([missing, values.shape[1]])]))
    weight.clear_gradient()
    looked_up = F.embedding(all_of_rows, weight, sparse=True)
    looked_up.backward(all_of_values)


def all_reduce_max(number: Optional[int]) -> Optional[int]:
    """The largest number, such as a signal's, that a process has; None if none has one."""
    if n_processes() == 1:
        return number
    return int(all_gather(paddle.to_tensor(number or 0)).max()) or None


def broadcast(value: Any) -> Any:
    """The value that process 0 has, in all of them."""
    if n_processes() == 1:
        return value
    values = [value]
    barrier()
    with _ending_with_others():
        dist.broadcast_object_list(values, src=0)
    return values[0]


def gather(value: Any) -> list[Any]:
    """The values that all processes have, in the order of their numbers."""
    values: list[Any] = []
    barrier()
    with _ending_with_others():
        dist.all_gather_object(values, value)
    return values
