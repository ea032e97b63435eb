"""A net whose matrices are stored in fewer bits, and computed with in float32 all the same."""

import numpy as np
import paddle
from paddle import nn

from textzoo.running.engines import StoredPrecision
from textzoo.running.static import StaticRun
from textzoo.text.reader import Feeds

_SMALL = 1024  # numbers; what has fewer stays as it is, and so do vectors
_UNITS = "units"


def rounded_run(run: StaticRun, precision: StoredPrecision) -> StaticRun:
    """A run for inference of the same net, whose matrices are stored in 16 or in 8 bits.

    Its program turns them into float32 before anything else, which inference engines do once, as
    they load it. In bfloat16 a weight keeps 8 bits of precision. In int8 it is a multiple of what
    its row or column, whichever fits better, has as a unit: one of 255 numbers up to the largest
    of these (weight-only quantization, symmetric and per channel: Krishnamoorthi 2018, section 3).

    Args:
        run: with the weights.
        precision: `float32` for the run itself.
    """
    if precision == "float32":
        return run
    kept, stored = run.parameters(), {}
    for name, weight in list(kept.items()):
        if weight.ndim > 1 and weight.size >= _SMALL and weight.dtype == np.float32:
            del kept[name]
            stored[name] = _in_16_bits(weight) if precision == "bfloat16" else in_8_bits(weight)

    def change(net: nn.Layer) -> None:
        layers = dict(net.named_sublayers(include_self=True))
        for name, parts in stored.items():
            layer_name, _, weight = name.rpartition(".")
            _expand(layers[layer_name], weight, precision, parts)

    values = {
        f"{name}_{part}": array for name, own in stored.items() for part, array in own.items()
    }
    return run.changed(change, {**kept, **values})


def in_8_bits(weight: np.ndarray) -> Feeds:
    """Integers of 8 bits, and the units that they are multiples of, one for each row or column.

    Args:
        weight: of 2 axes or more; one of them has the units.
    """
    best, least = {}, np.inf
    for axis in range(weight.ndim):
        others = tuple(other for other in range(weight.ndim) if other != axis)
        largest = np.abs(weight).max(axis=others, keepdims=True)
        units = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        numbers = np.rint(weight / units)
        error = np.square(weight - numbers * units).sum()
        if error < least:
            best, least = {"int8": numbers.astype(np.int8), _UNITS: units}, error
    return best


def _in_16_bits(weight: np.ndarray) -> Feeds:
    """The first 16 bits of each number, to the nearest, even ones of two; NumPy has no bfloat16."""
    bits = np.ascontiguousarray(weight).view(np.uint32)
    return {"bfloat16": ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)}


def _expand(layer: nn.Layer, name: str, precision: StoredPrecision, parts: Feeds) -> None:
    """Have a layer compute its weight from what is stored of it."""
    del layer._parameters[name]
    values = {}
    for part, array in parts.items():
        dtype = precision if part == precision else "float32"
        zeros = nn.initializer.Constant(0)
        values[part] = layer.create_parameter(
            list(array.shape), dtype=dtype, default_initializer=zeros
        )
        layer.add_parameter(f"{name}_{part}", values[part])
    weight = paddle.cast(values[precision], "float32")
    setattr(layer, name, weight * values[_UNITS] if _UNITS in values else weight)
