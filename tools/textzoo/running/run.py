"""What a run can do, whichever graph or engine computes it."""

from typing import Protocol

from textzoo.running.model import Model
from textzoo.text.reader import Feeds


class InferenceRun(Protocol):
    """Computes a net's outputs."""

    model: Model

    def infer_step(self, feeds: Feeds) -> Feeds:
        """The model's outputs for one batch, see `Model.infer_forward`.

        Raises:
            NotFinite: they are not finite.
        """
        ...


class Run(InferenceRun, Protocol):
    """A net with its optimizer, which trains as well.

    The training loop does not know which graph it drives.

    Attributes:
        shards: the weights whose rows are divided among processes, and how many each has in all;
            see `distributed.sharding`.
    """

    shards: dict[str, int]

    def train_step(self, micro_batches: list[Feeds], learning_rate: float) -> float:
        """One update from the gradients of one or several batches, averaged by rows.

        Returns:
            The loss, averaged in the same way.

        Raises:
            FloatingPointError: something else than the loss is not finite.
        """
        ...

    def settle(self) -> None:
        """Bring up to date what is behind, see `lazy_tables`; inference does as well.

        It may change the last bits of what later steps give: to be called at the same steps of a
        run that goes on from a checkpoint and of one that was never interrupted.
        """
        ...

    def parameters(self) -> Feeds:
        """Every weight and buffer by its name in the net; of divided ones this process's rows."""
        ...

    def set_parameters(self, values: Feeds) -> None:
        """Set every weight and buffer."""
        ...

    def optimizer_state(self) -> Feeds:
        """The optimizer's accumulators, as `<accumulator>/<parameter>`."""
        ...

    def set_optimizer_state(self, values: Feeds) -> None:
        """Set the accumulators to what `optimizer_state` of a run in either graph gave.

        Raises:
            ValueError: listing those that are missing, unexpected or misshapen.
        """
        ...


def misfits(expected: Feeds, received: Feeds) -> list[str]:
    """What keeps arrays from taking the place of others: each that differs in more than values."""
    problems = [f"missing: {name}" for name in expected if name not in received]
    problems += [f"unexpected: {name}" for name in received if name not in expected]
    for name in [name for name in expected if name in received]:
        ours, theirs = expected[name], received[name]
        if theirs.shape != ours.shape:
            problems.append(f"{name}: received {list(theirs.shape)}, expected {list(ours.shape)}")
        elif theirs.dtype != ours.dtype:
            problems.append(f"{name}: received {theirs.dtype}, expected {ours.dtype}")
    return problems
