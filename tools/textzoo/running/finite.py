"""What a net gives in inference, looked at before anyone goes by it."""

from collections.abc import Iterable

import numpy as np

from textzoo.errors import NotFinite


def check_finite(outputs: Iterable[np.ndarray]) -> None:
    """Refuse outputs with NaN or infinity: they rank nothing, and JSON has no such numbers.

    Raises:
        NotFinite: a number is not finite.
    """
    if not all(np.isfinite(values).all() for values in outputs):
        raise NotFinite(
            "an output of the net is not finite: its weights have diverged or are damaged; use "
            "another checkpoint, or train again with a lower "
            "hyper_parameters.optimizer.learning_rate"
        )
