"""Inference on a CPU: Paddle's inference engine with oneDNN, or ONNX Runtime for 8-bit integers."""

import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import paddle

from textzoo.errors import UserError
from textzoo.running.engines import ONNX, PROGRAM, WEIGHTS, Engine, OnnxEngine, PaddleEngine
from textzoo.running.onnx_conversion import check_converter, convert, missing_converters, quantize
from textzoo.running.static import StaticRun
from textzoo.text.reader import Feeds

log = logging.getLogger("textzoo")

Precision = Literal["float32", "bfloat16", "int8", "auto"]
_MEASURED = 2.0  # seconds
_FARTHEST = 0.05  # from float32's outputs, for a precision to be chosen


class Predictor:
    """Gives the outputs that a run gives, from the program and weights that the run has now.

    In bfloat16, products are computed with 8 bits of precision; in int8, those with weights as
    8-bit integers, by ONNX Runtime. All else, and the outputs, are float32. How much the outputs of
    the first batch differ by that is logged.

    With `auto` the first batch is computed in each precision that this machine has, for two seconds
    together. The fastest is taken whose outputs differ by 0.05 at most from those of float32.

    Args:
        run: whose inference program to compile.
        precision: of matrix products.

    Raises:
        UserError: this processor cannot compute in bfloat16, or int8 needs packages that are not
            there.
    """

    def __init__(self, run: StaticRun, precision: Precision = "float32"):
        self.model = run.model
        self._outputs = run.output_names()
        if precision == "bfloat16" and not supports_bfloat16():
            raise UserError(
                "runner.infer_precision: this processor cannot compute in bfloat16; set "
                "-o runner.infer_precision=float32"
            )
        if precision == "int8":
            check_converter()
        wanted = _available() if precision == "auto" else ("float32", precision)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            run.save_inference(place / Path(PROGRAM).stem)
            self._engines = {name: _engine(place, name) for name in dict.fromkeys(wanted)}
        self._precision = precision

    def infer_step(self, feeds: Feeds) -> Feeds:
        """The model's outputs for one batch."""
        if len(self._engines) > 1:
            self._decide(feeds)
        (engine,) = self._engines.values()
        return dict(zip(self._outputs, engine(feeds)))

    def _decide(self, feeds: Feeds) -> None:
        """Log how the precisions differ, and keep the engine of the one that is taken."""
        found = {name: engine(feeds) for name, engine in self._engines.items()}
        farthest = dict.fromkeys(found, 0.0)
        for name, outputs in found.items():
            if name == "float32":
                continue
            for output, values, exact in zip(self._outputs, outputs, found["float32"]):
                if exact.dtype == np.float32:
                    difference = np.abs(values - exact)
                    farthest[name] = max(farthest[name], float(difference.max()))
                    log.info(
                        "%s: %s of %d texts differ from float32 by %.2g at most, %.2g in the mean",
                        *(name, output, len(values), difference.max(), difference.mean()),
                    )
        if self._precision == "auto":
            near = {
                name: partial(self._engines[name], feeds)
                for name, distance in farthest.items()
                if distance <= _FARTHEST
            }
            seconds = fastest_first(near, _MEASURED)
            taken = next(iter(seconds))
            told = (f"{name} {1e3 * own:.3g} ms" for name, own in seconds.items())
            log.info("runner.infer_precision: takes %s: a batch in %s", taken, ", ".join(told))
        else:
            taken = self._precision
        self._engines = {taken: self._engines[taken]}


def fastest_first(
    ways: Mapping[str, Callable[[], object]],
    budget: float,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The median seconds of each way to do the same, run in turns; the shortest comes first.

    Args:
        ways: by name; each has run before, so that it is warm.
        budget: seconds for all; each runs three times at least.
        clock: tells seconds.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    started = clock()
    n_turns = 0
    while n_turns < 3 or clock() - started < budget:
        for name, way in ways.items():
            before = clock()
            way()
            taken[name].append(clock() - before)
        n_turns += 1
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return dict(sorted(medians.items(), key=lambda item: item[1]))


def _available() -> tuple[Precision, ...]:
    """The precisions that this machine can compute in."""
    names: tuple[Precision, ...] = ("float32",)
    if supports_bfloat16():
        names += ("bfloat16",)
    return names if missing_converters() else (*names, "int8")


def _engine(place: Path, precision: str) -> Engine:
    """What computes the program of a folder."""
    if precision == "int8":
        return _in_8_bits(place)
    return PaddleEngine(place, bfloat16=precision == "bfloat16")


def _in_8_bits(place: Path) -> OnnxEngine:
    exact = place / "exact.onnx"
    convert(place / PROGRAM, place / WEIGHTS, exact)
    quantize(exact, place / ONNX)
    return OnnxEngine(place)


def supports_bfloat16() -> bool:
    """Whether this processor can compute in bfloat16."""
    return paddle.base.core.supports_bfloat16()
