"""How figures of several runs spread."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Several values of one metric.

    Attributes:
        values: one a run.
        mean: of them.
        std: their standard deviation, of a sample: divided by their number less 1.
        min, max: the least and the largest.
    """

    values: list[float]
    mean: float
    std: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """That of two values or more."""
        std = float(np.std(values, ddof=1))
        return cls(list(values), float(np.mean(values)), std, min(values), max(values))
