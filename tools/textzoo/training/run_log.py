"""What a run tells while it works: the bar or lines, the log file, metrics.jsonl, VisualDL."""

import contextlib
import json
import logging
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Optional

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from textzoo.config.schema import Runner
from textzoo.devices import process_rank
from textzoo.errors import UserError
from textzoo.files import write_text
from textzoo.logs import ProgressBar
from textzoo.training.checkpoint import BEST, has_best
from textzoo.training.facts import read_facts

log = logging.getLogger("textzoo")

METRICS = "metrics.jsonl"
_BEGINNING = b'{"kind": "'  # of each line


class RunLog:
    """Reports a training run. Use it as a context manager.

    Each report is a line of `metrics.jsonl`, with the seconds since this session began: a `session`
    begins, the loss of some steps in `train`, an `evaluation`, the `end`. On a terminal a bar shows
    the last one of training, otherwise it is a log line.
    """

    def __init__(self, runner: Runner, total_steps: int, step: int, is_resumed: bool = False):
        """Open the outputs; lines of `metrics.jsonl` after `step` belong to a run that was lost.

        At step 0 a run that is not resumed goes on from nothing: every line is of an earlier one.

        Raises:
            UserError: `use_visual` is on and VisualDL is not installed.
        """
        writes = process_rank() == 0
        self._path = runner.model_save_path / METRICS if writes else Path(os.devnull)
        _drop_lines_after(self._path, step if step or is_resumed else -1)
        # Without a buffer: a line that a full disk refuses is not tried again when closing.
        self._file = self._path.open("ab", buffering=0)
        self._visual = (
            _visual_writer(runner.model_save_path) if runner.use_visual and writes else None
        )
        self._bar = ProgressBar(
            total=total_steps,
            initial=step,
            unit="step",
            dynamic_ncols=True,
            disable=not (writes and sys.stderr.isatty()),
        )
        self._redirect = logging_redirect_tqdm([log])
        self._shown: dict[str, str] = {}
        self._began: Optional[float] = None
        self._step = step

    def __enter__(self) -> "RunLog":
        if not self._bar.disable:
            self._redirect.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        if self._began is not None:
            with contextlib.suppress(UserError):  # of a full disk, which something else tells of
                self._write("end", self._step, {})
        self._bar.close()
        if not self._bar.disable:
            self._redirect.__exit__(*failure)
        self._file.close()
        if self._visual:
            self._visual.close()

    def session(self, step: int, train_rows: int, valid_rows: int) -> None:
        """Note that a session begins, at a step: a run has one more for each time it is resumed."""
        self._began = time.monotonic()
        started = datetime.now().isoformat(sep=" ", timespec="seconds")
        facts = {"started": started, "train_rows": train_rows, "valid_rows": valid_rows}
        self._write("session", step, facts)

    def step(self) -> None:
        """Move the bar."""
        self._step += 1
        self._bar.update()

    def training(self, step: int, facts: dict[str, Any], seconds_left: float) -> None:
        """Report the mean loss since the last report."""
        self._write("train", step, facts)
        self._show(epoch=facts["epoch"], loss=f"{facts['loss']:.4f}")
        self._show(rows_per_s=f"{facts['rows_per_second']:.0f}")
        if self._bar.disable:
            log.info(
                "epoch %d  step %d/%d  loss %.5f  lr %.3g  %.0f rows/s  left %s",
                facts["epoch"],
                step,
                self._bar.total,
                facts["loss"],
                facts["learning_rate"],
                facts["rows_per_second"],
                tqdm.format_interval(seconds_left),
            )

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
        if self._visual and kind in ("train", "evaluation"):
            numbers = {k: v for k, v in facts.items() if not isinstance(v, list)}
            for name, value in numbers.items():
                self._visual.add_scalar(tag=f"{kind}/{name}", step=step, value=value)

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
        except (LookupError, TypeError, ValueError):  # such as the one that a kill has cut off
            continue
    write_text(path, "".join(kept))


def _visual_writer(folder: Path) -> Any:
    try:
        from visualdl import LogWriter  # pyright: ignore[reportMissingImports] (an extra)
    except ImportError:
        raise UserError(
            "runner.use_visual: needs VisualDL: pip install 'textzoo[visual]'"
        ) from None
    return LogWriter(logdir=str(folder / "visual"))
