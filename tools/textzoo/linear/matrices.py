"""The type of a sparse matrix; arrays read from files that may be damaged."""

from pathlib import Path
from typing import Any

import numpy as np

SparseRows = Any  # scipy.sparse.csr_matrix of float32: SciPy brings no types


def read_array(file: Path, kind: str, n_axes: int = 1) -> np.ndarray:
    """An array of a `.npy` file; nothing in it is run.

    Args:
        file: what `numpy.save` wrote.
        kind: of its numbers, as in `numpy.dtype.kind`.
        n_axes: how many it has.

    Raises:
        ValueError: it is none, or another one.
    """
    try:
        with file.open("rb") as source:
            array = np.lib.format.read_array(source, allow_pickle=False)
    except Exception as failure:  # of NumPy, of whatever kind
        raise ValueError(f"{file.name}: {failure}") from None
    if array.ndim != n_axes or array.dtype.kind != kind:
        raise ValueError(f"{file.name}: has {array.ndim} axes of {array.dtype}")
    return array
