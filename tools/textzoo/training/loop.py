"""The training loop, the same for every model and for both graphs."""

import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np
import paddle

from textzoo.config.schema import Optimizer, Runner
from textzoo.data.batching import training_batches
from textzoo.devices import process_rank
from textzoo.distributed.collectives import all_reduce_max
from textzoo.errors import NotFinite
from textzoo.metrics.names import is_better
from textzoo.running.optimizer import learning_rate
from textzoo.running.run import Run
from textzoo.text.reader import Feeds
from textzoo.training.facts import Progress
from textzoo.training.interruption import Interrupted, Interruption
from textzoo.training.run_log import RunLog

log = logging.getLogger("textzoo")

_RELEASE_STEPS = 200  # how often mapped pages of the data are given back


@dataclass
class Training:
    """A training run: its parts, and the loop over them.

    Attributes:
        run: what trains, in either graph.
        runner: the config's `runner` block.
        optimizer: the optimizer's settings, for the schedule.
        lengths: `[rows]` text lengths of the training rows.
        feeds: row numbers and a generator -> the arrays of one batch.
        release: gives back pages of the data that were read.
        validate: computes the validation metrics, or None.
        validate_first: computes those of the linear part alone, before the first step, or None.
        judged: is told the best metric of each evaluation, once `best` is saved; may end the run.
        best_metric: which of them chooses the best checkpoint.
        save: writes a checkpoint of the run under a name.
        progress: where the run stands.
        n_validation_rows: how many rows `validate` looks at.
        distinct_keys: `[rows, n]` keys that rows of one batch should not share, or None.
        settings: the config's keys with their values, for loggers.
    """

    run: Run
    runner: Runner
    optimizer: Optimizer
    lengths: np.ndarray
    feeds: Callable[[np.ndarray, np.random.Generator], Feeds]
    release: Callable[[], None]
    validate: Optional[Callable[[], dict[str, Any]]]
    best_metric: str
    save: Callable[[str], None]
    progress: Progress
    n_validation_rows: int = 0
    distinct_keys: Optional[np.ndarray] = None
    validate_first: Optional[Callable[[], dict[str, Any]]] = None
    judged: Optional[Callable[[float], None]] = None
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        runner = self.runner
        n_batches = math.ceil(len(self.lengths) / runner.train_batch_size)
        self.total_steps = runner.epochs * math.ceil(n_batches / runner.accumulate_steps)
        self._last_saved = "none yet"
        self._checked = -1  # the step whose weights are known to be finite
        self._interval = _Interval()

    def fit(self) -> None:
        """Train to the last epoch, or until patience ends.

        Raises:
            NotFinite: a loss, the norm of gradients or a weight is not finite.
            Interrupted: SIGINT or SIGTERM came; a checkpoint was saved first.
        """
        progress = self.progress
        is_resumed = progress.evaluated == 0  # after the linear part alone
        report = RunLog(self.runner, self.total_steps, progress.step, is_resumed, self.settings)
        with Interruption() as interruption, report:
            if progress.epoch < self.runner.epochs and not progress.stopped:
                report.session(progress.step, len(self.lengths), self.n_validation_rows)
            if self.validate_first and not progress.step and progress.evaluated < 0:
                self._judge(report, self.validate_first())
                if not self.runner.epochs:
                    self._save("step_0")
            if self.validate is None:  # these were for the linear part alone
                progress.threshold = progress.calibration = None
            while progress.epoch < self.runner.epochs and not progress.stopped:
                self._epoch(report, interruption)

    def _epoch(self, report: RunLog, interruption: Interruption) -> None:
        progress, runner = self.progress, self.runner
        batches = training_batches(
            self.lengths,
            runner.train_batch_size,
            runner.seed,
            progress.epoch,
            runner.length_pool,
            self.distinct_keys,
        )
        while progress.batch < len(batches) and not progress.stopped:
            end = progress.batch + runner.accumulate_steps
            self._step(batches[progress.batch : end], report)
            if progress.batch < len(batches):
                self._between_steps(report, interruption)
        if progress.batch < len(batches):  # stopped within the epoch
            return
        self._end_epoch(report)
        self._stop_if(all_reduce_max(interruption.signal_number))

    def _step(self, batches: list[np.ndarray], report: RunLog) -> None:
        progress, runner = self.progress, self.runner
        rate = learning_rate(self.optimizer, progress.step, self.total_steps)
        generator = seed_step(runner.seed, progress.step)
        started = time.perf_counter()
        feeds = [self.feeds(rows, generator) for rows in batches]
        try:
            loss = self.run.train_step(feeds, rate)
        except FloatingPointError:
            raise self._diverged("a gradient is not finite", progress.step) from None
        n_rows = sum(map(len, batches))
        self._interval.add(n_rows, time.perf_counter() - started)
        if not math.isfinite(loss):
            raise self._diverged(f"the loss is {loss}", progress.step)
        progress.step += 1
        progress.batch += len(batches)
        progress.rows += n_rows
        progress.loss_sum += loss * n_rows
        progress.unreported_rows += n_rows
        progress.unreported_loss_sum += loss * n_rows
        facts, left = self._interval_facts(rate)
        report.step(facts, left)
        if progress.step % runner.print_interval == 0:
            report.training(progress.step, facts, left)
            progress.unreported_rows, progress.unreported_loss_sum = 0, 0.0
            self._interval = _Interval()
        if progress.step % _RELEASE_STEPS == 0:
            self.release()

    def _diverged(self, problem: str, step: int) -> NotFinite:
        rate = learning_rate(self.optimizer, step, self.total_steps)
        return NotFinite(
            f"step {step}: {problem} at learning rate {rate:.3g}; last good checkpoint: "
            f"{self._last_saved}. Lower hyper_parameters.optimizer.learning_rate or set "
            "runner.max_grad_norm"
        )

    def _check_state(self) -> None:
        """Refuse weights that are not finite before they are judged or saved.

        What a step does to them shows in the loss of later ones at best.
        """
        step = self.progress.step
        if self._checked == step:
            return
        for read in (self.run.parameters, self.run.optimizer_state):
            for name, values in read().items():
                if not np.isfinite(values).all():
                    raise self._diverged(f"{name} is not finite", step - 1)
        self._checked = step

    def _interval_facts(self, rate: float) -> tuple[dict[str, Any], float]:
        """What is told of the steps since the last report, and the seconds that are left."""
        progress, interval = self.progress, self._interval
        left = interval.seconds / interval.steps * (self.total_steps - progress.step)
        facts = {
            "epoch": progress.epoch,
            "loss": progress.unreported_loss_sum / progress.unreported_rows,
            "learning_rate": rate,
            "rows_per_second": interval.rows / interval.seconds,
        }
        return facts, left

    def _between_steps(self, report: RunLog, interruption: Interruption) -> None:
        """What may be due after a step that does not end its epoch."""
        step, runner = self.progress.step, self.runner
        if runner.eval_steps and step % runner.eval_steps == 0:
            self._evaluate(report)
        due = runner.save_steps and step % runner.save_steps == 0
        # Read once: a signal that comes after this is for the next step to save and stop at.
        signal_number = all_reduce_max(interruption.signal_number)
        if due or self.progress.stopped:
            self.run.settle()
        if due or self.progress.stopped or signal_number:
            self._save(f"step_{step}")
        self._stop_if(signal_number)

    def _end_epoch(self, report: RunLog) -> None:
        progress = self.progress
        epoch, last = progress.epoch, progress.epoch + 1 == self.runner.epochs
        log.info(
            "epoch %d done: mean loss %.5f over %d rows",
            epoch,
            progress.loss_sum / progress.rows,
            progress.rows,
        )
        eval_steps = self.runner.eval_steps
        if not eval_steps or last or progress.step % eval_steps == 0:
            self._evaluate(report)
        progress.epoch, progress.batch, progress.rows, progress.loss_sum = epoch + 1, 0, 0, 0.0
        self.run.settle()
        self._save(str(epoch))

    def _evaluate(self, report: RunLog) -> None:
        """Compute the validation metrics and judge by them."""
        progress = self.progress
        if self.validate is None or progress.evaluated == progress.step:
            return
        self.run.settle()
        self._check_state()
        self._judge(report, self.validate())

    def _judge(self, report: RunLog, metrics: dict[str, Any]) -> None:
        """Keep the best weights, count towards patience."""
        progress = self.progress
        value = metrics[self.best_metric]
        progress.threshold = metrics.get("threshold")
        progress.calibration = metrics.get("calibration")
        progress.lexical_weight = metrics.get("lexical_weight")
        before = progress.best_value
        best = before is None or is_better(self.best_metric, value, before)
        progress.evaluated = progress.step
        if best:
            progress.best_metric, progress.best_value = self.best_metric, value
            progress.best_step, progress.worse = progress.step, 0
        else:
            progress.worse += 1
        report.evaluation(progress.step, {"epoch": progress.epoch, **metrics}, best)
        if best:  # reported before: a run may go on from it
            self.save("best")
        if self.judged:
            self.judged(value)
        if self.runner.patience and progress.worse >= self.runner.patience:
            progress.stopped = True
            log.info(
                "stopped: %d evaluation(s) without a better %s than %.4f of step %d",
                progress.worse,
                self.best_metric,
                progress.best_value,
                progress.best_step,
            )

    def _save(self, name: str) -> None:
        self._check_state()
        self.save(name)
        self._last_saved = str(self.runner.model_save_path / name)

    def _stop_if(self, signal_number: Optional[int]) -> None:
        if signal_number:
            log.info("interrupted; saved %s: the same command goes on from there", self._last_saved)
            raise Interrupted(signal_number)


def seed_step(seed: int, step: int) -> np.random.Generator:
    """Seed every generator for one step, so that a resumed run draws what a whole one draws.

    Paddle's own, which dropout draws from, differs between processes, as their rows do.

    Returns:
        The NumPy generator for the step's feeds.
    """
    sequence = np.random.SeedSequence([seed, step])
    state = int(sequence.generate_state(1)[0])
    random.seed(state)
    np.random.seed(state)
    paddle.seed(state + process_rank())
    return np.random.default_rng(sequence)


@dataclass
class _Interval:
    """What this process has done since the last report, to tell its speed."""

    steps: int = 0
    rows: int = 0
    seconds: float = 0.0

    def add(self, rows: int, seconds: float) -> None:
        self.steps += 1
        self.rows += rows
        self.seconds += seconds
