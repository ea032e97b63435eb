"""Arrays in `.pdparams` and `.pdopt` files, read without running what is in them.

`paddle.save` pickles arrays by name. A pickle may call any function that it names: `pickle.load`,
and with it `paddle.load`, may run anything. Here only the instructions that arrays take are
followed, and functions of our own stand for those that they name, as in PyTorch's `weights_only`
(torch/_weights_only_unpickler.py).
"""

import io
import math
import pickletools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

import numpy as np

_PARAMETER_NAMES = "StructuredToParameterName@@"  # other names of the same arrays
_SLICED = "UnpackBigParamInfor@@"  # arrays that protocols 2 and 3 have in parts
_NUMBERS = re.compile(r"b1|[iu][1248]|f[248]|c8|c16")
_PLAIN = (None, None, None, -1, -1, 0)  # what the state of such a dtype ends in
_MOST_DIMENSIONS = 32  # that NumPy 1 has
_LONG = 1 << 16  # bytes


class _NotArrays(ValueError):
    """Refused in words of its own, in place of "is damaged"."""


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file of `paddle.save`, as `paddle.load` would give them, but read-only.

    Raises:
        ValueError: the file is damaged, or holds something else than numbers in arrays.
        OSError: it cannot be read.
    """
    try:
        with _File(path) as file:
            return dict(_arrays(_unpickle(file)))
    except _NotArrays:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as e:
        raise ValueError(f"is damaged ({e or type(e).__name__})") from None


def _arrays(loaded: Any) -> Iterator[tuple[str, np.ndarray]]:
    if not isinstance(loaded, dict):
        raise _NotArrays(f"holds a {type(loaded).__name__}, expected arrays by name")
    loaded.pop(_PARAMETER_NAMES, None)
    sliced = loaded.pop(_SLICED, {})
    slices = [_only(str, name) for facts in sliced.values() for name in facts["slices"]]
    parts = {name: loaded.pop(name) for name in slices}
    for name, value in loaded.items():
        yield name, _array(name, value)
    for name, facts in sliced.items():
        whole = np.concatenate([_array(part, parts[part]) for part in facts["slices"]])
        yield name, whole.reshape(facts["OriginShape"])


def _array(name: str, value: Any) -> np.ndarray:
    if isinstance(value, tuple) and len(value) == 2:  # a tensor: its own name comes first
        value = value[1]
    if not isinstance(value, _Array) or value.array is None:
        kind = type(value).__name__.lstrip("_")
        raise _NotArrays(f"{name[:100]!r} is a {kind}, expected arrays by name")
    return value.array


class _Dtype:
    """A dtype; the order of its bytes comes later."""

    def __init__(self, name: str, align: int, copy: int):
        if not _NUMBERS.fullmatch(name):
            raise _NotArrays(f"holds an array of dtype {name[:100]!r}, expected numbers")
        self.dtype = np.dtype(name)

    def build(self, version: int, order: Any, *rest: Any) -> None:
        if rest != _PLAIN:
            raise ValueError("a dtype of unknown form")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """An array; what is in it comes later."""

    array: Optional[np.ndarray] = None

    def __init__(self, kind: "_Global", shape: tuple[int], code: bytes):
        pass

    def build(
        self, version: int, shape: tuple[int, ...], dtype: _Dtype, fortran: bool, data: Any
    ) -> None:
        if isinstance(data, str):  # Python 2 has no other bytes
            data = data.encode("latin1")
        if len(shape) > _MOST_DIMENSIONS or not all(type(size) is int for size in shape):
            raise ValueError("a shape of unknown form")
        if len(data) != math.prod(shape) * dtype.dtype.itemsize:
            raise ValueError(f"{len(data)} bytes of an array of shape {shape}")
        array = np.ndarray(shape, dtype.dtype, data, order="F" if fortran else "C")
        self.array = array.astype(dtype.dtype.newbyteorder("="), copy=False)


def _latin1(text: str, encoding: str) -> bytes:
    """How protocol 2 has bytes."""
    return text.encode("latin1")


_CALLS = {
    "_codecs.encode": _latin1,
    "__builtin__.bytes": lambda: b"",
    "__builtin__.tuple": lambda values: values,  # it is one already
    "builtins.tuple": lambda values: values,
    "collections.OrderedDict": lambda: {},
    "numpy.core.multiarray._reconstruct": _Array,
    "numpy._core.multiarray._reconstruct": _Array,
    "numpy.dtype": _Dtype,
    "numpy.ndarray": None,  # an argument of `_reconstruct`
}


class _Global:
    """A function or class that a file names."""

    def __init__(self, module: str, name: str):
        full = f"{_only(str, module)}.{_only(str, name)}"
        if full not in _CALLS:
            raise _NotArrays(f"asks to call {full[:100]!r}, expected arrays by name")
        self.call = _CALLS[full]


class _Stack(list):
    """What the instructions work on.

    Attributes:
        marks: where groups of values begin.
        memo: values that are used again.
    """

    def __init__(self) -> None:
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def take(self, n: int) -> list[Any]:
        """The last n values."""
        if not 0 <= n <= len(self):
            raise ValueError("values are missing")
        taken = self[len(self) - n :]
        del self[len(self) - n :]
        return taken

    def take_group(self) -> list[Any]:
        """The values of the last group."""
        return self.take(len(self) - self.marks.pop())

    def keep(self, place: Optional[int]) -> None:
        """Remember the last value, under the next number if none is given."""
        self.memo[len(self.memo) if place is None else place] = self[-1]

    def extend_list(self, values: list[Any]) -> None:
        _only(list, self[-1]).extend(values)

    def extend_dict(self, values: list[Any]) -> None:
        names = (_only(str, name) for name in values[::2])
        _only(dict, self[-1]).update(zip(names, values[1::2]))

    def call(self, called: Any, arguments: Any) -> None:
        self.append(_only(_Global, called).call(*arguments))


def _only(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"a {type(value).__name__} in place of a {kind.__name__}")
    return value


# The instructions of protocols 2 to 4 that arrays by name take, by their names in `pickletools`.
_INSTRUCTIONS: dict[str, Callable[[_Stack, Any], Any]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda stack, argument: None),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"), list.append),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), list.append),
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), list.append),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), list.append),
    "NONE": list.append,  # which has no argument: None
    "NEWTRUE": lambda stack, _: stack.append(True),
    "NEWFALSE": lambda stack, _: stack.append(False),
    "EMPTY_TUPLE": lambda stack, _: stack.append(()),
    "EMPTY_LIST": lambda stack, _: stack.append([]),
    "EMPTY_DICT": lambda stack, _: stack.append({}),
    "TUPLE1": lambda stack, _: stack.append(tuple(stack.take(1))),
    "TUPLE2": lambda stack, _: stack.append(tuple(stack.take(2))),
    "TUPLE3": lambda stack, _: stack.append(tuple(stack.take(3))),
    "MARK": lambda stack, _: stack.marks.append(len(stack)),
    "TUPLE": lambda stack, _: stack.append(tuple(stack.take_group())),
    "APPEND": lambda stack, _: stack.extend_list(stack.take(1)),
    "APPENDS": lambda stack, _: stack.extend_list(stack.take_group()),
    "SETITEM": lambda stack, _: stack.extend_dict(stack.take(2)),
    "SETITEMS": lambda stack, _: stack.extend_dict(stack.take_group()),
    "BINPUT": _Stack.keep,
    "LONG_BINPUT": _Stack.keep,
    "MEMOIZE": _Stack.keep,
    "BINGET": lambda stack, place: stack.append(stack.memo[place]),
    "LONG_BINGET": lambda stack, place: stack.append(stack.memo[place]),
    "GLOBAL": lambda stack, both: stack.append(_Global(*both.split(" ", 1))),
    "STACK_GLOBAL": lambda stack, _: stack.append(_Global(*stack.take(2))),
    "REDUCE": lambda stack, _: stack.call(*stack.take(2)),
    "BUILD": lambda stack, _: [stack[-2].build(*stack[-1]), stack.pop()],
}


class _File(io.BufferedReader):
    """A file of which no more is read than there is, whatever length it claims of a piece."""

    def __init__(self, path: Path):
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, n: int) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().read(n if n < _LONG else min(n, self._size - self.tell()))


_STEPS = {
    opcode.code.encode("latin1"): (opcode.arg.reader if opcode.arg else None, follow)
    for opcode in pickletools.opcodes
    if (follow := _INSTRUCTIONS.get(opcode.name))
}


def _unpickle(file: _File) -> Any:
    stack, code = _Stack(), b""
    while code != b".":
        code = file.read(1)
        if code not in _STEPS:
            raise ValueError(f"the instruction {code!r} is not one of an array")
        read_argument, follow = _STEPS[code]
        follow(stack, read_argument(file) if read_argument else None)
    return stack.pop()
