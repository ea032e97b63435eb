"""What a run tells while it works: the bar or lines, the log file, metrics.jsonl, loggers."""

import contextlib
import json
import logging
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Optional

from tqdm.contrib.logging import logging_redirect_tqdm

from textzoo.config.schema import Runner
from textzoo.devices import process_rank
from textzoo.errors import UserError
from textzoo.files import write_text
from textzoo.logs import ProgressBar
from textzoo.progress import Work, interval, rate
from textzoo.training.checkpoint import BEST, has_best
from textzoo.training.facts import read_facts
from textzoo.training.loggers import Loggers

log = logging.getLogger("textzoo")

METRICS = "metrics.jsonl"
_BEGINNING = b'{"kind": "'  # of each line


class RunLog:
    """Reports a training run. Use it as a context manager.

    Each report is a line of `metrics.jsonl`, with the seconds since this session began: a `session`
    begins, the loss of some steps in `train`, an `evaluation`, the `end`. On a terminal a bar shows
    the last one of training, otherwise it is a log line; there is one at least every
    `runner.print_seconds`, which is in the log alone: lines of `metrics.jsonl` are of steps, so
    that a resumed run tells what a whole one does.
    """

    def __init__(
        self,
        runner: Runner,
        total_steps: int,
        step: int,
        is_resumed: bool = False,
        settings: Optional[dict[str, Any]] = None,
    ):
        """Open the outputs; lines of `metrics.jsonl` after `step` belong to a run that was lost.

        At step 0 a run that is not resumed goes on from nothing: every line is of an earlier one.

        Args:
            runner: the config's `runner` block.
            total_steps: of the whole run.
            step: that it goes on from.
            is_resumed: whether there was a run, whatever the step.
            settings: of the config, for loggers.
        """
        writes = process_rank() == 0
        self._path = runner.model_save_path / METRICS if writes else Path(os.devnull)
        _drop_lines_after(self._path, step if step or is_resumed else -1)
        # Without a buffer: a line that a full disk refuses is not tried again when closing.
        self._file = self._path.open("ab", buffering=0)
        self._loggers = None
        if writes and runner.logger_names:
            start = step or (None if is_resumed else 0)
            self._loggers = Loggers(runner, runner.model_save_path, settings or {}, start)
        self._bar = ProgressBar(
            total=total_steps,
            initial=step,
            unit="step",
            dynamic_ncols=True,
            disable=not (writes and sys.stderr.isatty()),
        )
        self._redirect = logging_redirect_tqdm([log])
        self.work = _Steps(step, total_steps)
        self._shown: dict[str, str] = {}
        self._began: Optional[float] = None
        self._step = step

    def __enter__(self) -> "RunLog":
        if self._bar.disable:
            self.work.__enter__()
        else:
            self._redirect.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        if self._began is not None:
            with contextlib.suppress(UserError):  # of a full disk, which something else tells of
                self._write("end", self._step, {})
        self._bar.close()
        if self._bar.disable:
            self.work.__exit__(*failure)
        else:
            self._redirect.__exit__(*failure)
        self._file.close()
        if self._loggers:
            self._loggers.close()

    def session(self, step: int, train_rows: int, valid_rows: int) -> None:
        """Note that a session begins, at a step: a run has one more for each time it is resumed."""
        self._began = time.monotonic()
        started = datetime.now().isoformat(sep=" ", timespec="seconds")
        facts = {"started": started, "train_rows": train_rows, "valid_rows": valid_rows}
        self._write("session", step, facts)

    def step(self, facts: Optional[dict[str, Any]] = None, seconds_left: float = 0.0) -> None:
        """Move the bar, and keep what `training` would tell now."""
        self._step += 1
        self._bar.update()
        if facts:
            self.work.now = (self._step, facts, seconds_left, time.monotonic())

    def training(self, step: int, facts: dict[str, Any], seconds_left: float) -> None:
        """Report the mean loss since the last report."""
        self._write("train", step, facts)
        self._show(epoch=facts["epoch"], loss=f"{facts['loss']:.4f}")
        self._show(rows_per_s=f"{facts['rows_per_second']:.0f}")
        if self._bar.disable:
            log.info("%s", _line(step, self._bar.total, facts, seconds_left))

    def evaluation(self, step: int, facts: dict[str, Any], best: bool) -> None:
        """Report metrics on the validation rows."""
        self._write("evaluation", step, facts)
        metrics = {k: f"{v:.4f}" for k, v in facts.items() if isinstance(v, float)}
        self._show(**dict(list(metrics.items())[:1]))
        words = "  ".join(f"{name} {value}" for name, value in metrics.items())
        log.info(
            "epoch %d  step %d  validation: %s%s", facts["epoch"], step, words, "  (best)" * best
        )

    def _write(self, kind: str, step: int, facts: dict[str, Any]) -> None:
        told = {"kind": kind, "step": step, **facts}
        if self._began is not None:
            told["seconds"] = round(time.monotonic() - self._began, 3)
        line = json.dumps(told) + "\n"
        try:
            self._file.write(line.encode())
        except OSError as failure:
            raise UserError(
                f"cannot write {self._path}: {failure.strerror}. The checkpoints are intact: make "
                "room and run the same command again"
            ) from None
        if self._loggers and kind in ("train", "evaluation"):
            self._loggers.scalars(step, {f"{kind}/{name}": fact for name, fact in facts.items()})

    def _show(self, **values: Any) -> None:
        self._shown.update(values)
        self._bar.set_postfix(self._shown, refresh=False)


def reports(folder: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl` in the folder of a run."""
    text = (folder / METRICS).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def best_metrics(folder: Path) -> dict[str, float]:
    """The metrics of the best checkpoint on the validation rows; none if there are no such.

    Args:
        folder: of a run that has ended.
    """
    if not has_best(folder):
        return {}
    step = read_facts(folder / BEST)["progress"]["best_step"]
    told = [line for line in reports(folder) if line["kind"] == "evaluation"]
    found = next((line for line in reversed(told) if line["step"] == step), {})
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, (int, float)) and name not in ("step", "epoch", "seconds")
    }


class _Steps(Work):
    """The work of training: told of as in a report, with how long the step at work has taken.

    Attributes:
        now: the step, what is told of it, the seconds left, and when that was.
    """

    def __init__(self, step: int, total_steps: int):
        super().__init__(f"step {step}/{total_steps}", total_steps, "steps")
        self.now: Optional[tuple[int, dict[str, Any], float, float]] = None

    def line(self) -> str:
        """See `Work.line`."""
        if self.now is None:
            return f"{self.what}  at work for {interval(time.monotonic() - self.began)}"
        step, facts, seconds_left, told = self.now
        since = time.monotonic() - told
        line = _line(step, int(self.total or 0), facts, seconds_left)
        return f"{line}  (since then {interval(since)})" if since >= 1 else line


def _line(step: int, total: int, facts: dict[str, Any], seconds_left: float) -> str:
    return (
        f"epoch {facts['epoch']}  step {step}/{total}  loss {facts['loss']:.5f}  "
        f"lr {facts['learning_rate']:.3g}  {rate(facts['rows_per_second'], 'rows')}  "
        f"left {interval(seconds_left)}"
    )


def has_reports(content: bytes) -> bool:
    """Whether it is what a run leaves in `metrics.jsonl`: none, or one a line among any others.

    A first one may be cut off.
    """
    if b"\n" not in content and _BEGINNING.startswith(content[: len(_BEGINNING)]):
        return True
    return any(map(_is_report, content.split(b"\n")))


def _is_report(line: bytes) -> bool:
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(report, dict) and "kind" in report


def _drop_lines_after(path: Path, step: int) -> None:
    """Remove what was reported after the checkpoint that a run goes on from: that work is lost."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (LookupError, RecursionError, TypeError, ValueError):
            continue  # such as the one that a kill has cut off
    write_text(path, "".join(kept))
