"""Weights whose rows are divided among the processes, such as those of very many labels.

Every process holds the rows of its own labels, with their gradients and their state in the
optimizer, and scores all texts of a batch for them. The gradients of these weights are complete as
they are; those of the texts' features are summed.

A net tells by `shards` which of its weights these are, and how many rows each has in all; with one
process it has none.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F
from numpy.lib import format as npy

from textzoo.devices import process_rank
from textzoo.distributed.collectives import (
    all_gather,
    all_reduce,
    all_rows,
    barrier,
    batch_rows,
    n_processes,
    own_feeds,
    own_gradient,
    own_rows,
)
from textzoo.errors import UserError

Arrays = dict[str, np.ndarray]
Shards = dict[str, int]

_FOLDER = "shards"
_DRAWN_TOGETHER = 4096  # rows that one generator draws


class _AllRows(paddle.autograd.PyLayer):
    @staticmethod
    def forward(ctx, own: paddle.Tensor, n_rows: int) -> paddle.Tensor:
        return all_rows(own, n_rows).clone()  # never the input itself

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx, gradient: paddle.Tensor
    ) -> paddle.Tensor:
        all_reduce([gradient])
        return own_gradient(gradient)


def of_all_rows(
    features: Callable[..., paddle.Tensor], texts: dict[str, paddle.Tensor]
) -> paddle.Tensor:
    """The features of all texts of a batch, of which each process computes those of its rows.

    Args:
        features: makes `[rows, width]` from texts.
        texts: its arguments, one row per text of the batch.

    Returns:
        `[batch, width]`; the gradients that come back are those of all processes, summed.
    """
    return _AllRows.apply(features(**own_feeds(texts)), batch_rows(texts))


def best_of_all(
    labels: paddle.Tensor, logits: paddle.Tensor, n_best: int, n_labels: int
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """The best labels of those that each process found among its own, best first.

    Args:
        labels: `[batch, found]`; some processes may have found fewer than others.
        logits: `[batch, found]`.
        n_best: how many to give; each process has found so many, or all of its labels.
        n_labels: how many labels all processes have.

    Returns:
        labels and logits, `[batch, n_best]`, or all labels if they are fewer.
    """
    most = min(n_best, -(-n_labels // n_processes()))  # that a process has found
    missing = [0, 0, 0, most - labels.shape[1]]
    all_labels = paddle.concat(list(all_gather(F.pad(labels, missing))), axis=1)
    all_logits = all_gather(F.pad(logits, missing, value=-np.inf))
    n_best = min(n_best, n_labels)
    top, places = paddle.topk(paddle.concat(list(all_logits), axis=1), n_best, axis=1)
    return paddle.take_along_axis(all_labels, places, axis=1), top


def draw_uniform(own: np.ndarray, n_rows: int, bound: float, seed: int) -> None:
    """Draw this process's rows of a weight; the whole is the same however it is divided.

    Args:
        own: `[rows of this process, width]`, which is filled.
        n_rows: how many rows all processes have.
        bound: values are within plus and minus this.
        seed: the same in all processes.
    """
    rows = own_rows(n_rows)
    for first in range(0, n_rows, _DRAWN_TOGETHER):
        last = min(first + _DRAWN_TOGETHER, n_rows)
        if first < rows.stop and last > rows.start:
            random = np.random.default_rng([seed, first])
            drawn = random.uniform(-bound, bound, (last - first, own.shape[1]))
            start, stop = max(first, rows.start), min(last, rows.stop)
            own[start - rows.start : stop - rows.start] = drawn[start - first : stop - first]


def own_shards(values: Arrays, shards: Shards) -> Arrays:
    """Of whole weights, or of an optimizer's state for them, what this process holds."""
    return {
        key: array[own_rows(len(array))] if len(array) == _n_rows(key, shards) else array
        for key, array in values.items()
    }


def split_off(values: Arrays, shards: Shards) -> tuple[Arrays, Arrays]:
    """What all processes hold alike, and the rows that this one holds of the divided weights.

    An optimizer's state is named `<kind>/<weight>`. Some kinds are one number, such as a power of
    beta, and not divided.
    """
    rows = {name: own_rows(n_rows) for name, n_rows in shards.items()}
    divided = {
        key
        for key, array in values.items()
        if (own := rows.get(_weight(key))) and len(array) == own.stop - own.start
    }
    return (
        {key: array for key, array in values.items() if key not in divided},
        {key: array for key, array in values.items() if key in divided},
    )


def save_shards(folder: Path, values: Arrays, shards: Shards) -> None:
    """Write weights as whole files, to which each process adds its rows.

    Args:
        folder: that all processes see.
        values: what this process holds of each.
        shards: how many rows each has in all.

    Raises:
        OSError: one cannot be written.
    """
    for key, own in values.items():
        path, n_rows = folder / _FOLDER / f"{key}.npy", _n_rows(key, shards)
        own = np.ascontiguousarray(own)
        if not process_rank():
            path.parent.mkdir(parents=True, exist_ok=True)
            header = {
                **npy.header_data_from_array_1_0(own),
                "fortran_order": False,
                "shape": (n_rows, *own.shape[1:]),
            }
            with path.open("wb") as file:
                npy.write_array_header_1_0(file, header)
        barrier()
        with path.open("r+b") as file:  # in a mapped file a full disk ends the process
            npy.read_magic(file)
            npy.read_array_header_1_0(file)
            file.seek(own_rows(n_rows).start * own[:1].nbytes, os.SEEK_CUR)
            file.write(own.data)
            file.flush()
            os.fsync(file.fileno())
    barrier()


def load_shards(folder: Path, names: Iterable[str]) -> tuple[Arrays, Arrays]:
    """The weights that `save_shards` wrote and their state in the optimizer, read when used.

    Args:
        folder: of `save_shards`.
        names: the files in it, of which these are some.

    Raises:
        UserError: a file is damaged.
    """
    values = {}
    for name in sorted(names):
        if name.startswith(f"{_FOLDER}/"):
            try:
                array = npy.open_memmap(folder / name, mode="r")
                if array.dtype.kind not in "fiub":
                    raise ValueError(f"dtype {array.dtype}, expected numbers")
            except Exception as failure:  # whatever NumPy raises of a damaged header
                raise UserError(
                    f"{folder / name}: is damaged ({failure}); use another checkpoint"
                ) from None
            values[name.removeprefix(f"{_FOLDER}/").removesuffix(".npy")] = array
    weights = {key: array for key, array in values.items() if "/" not in key}
    return weights, {key: array for key, array in values.items() if "/" in key}


def _n_rows(key: str, shards: Shards) -> int:
    return shards.get(_weight(key), -1)


def _weight(key: str) -> str:
    return key.rpartition("/")[2]
