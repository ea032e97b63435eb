"""Tables of benchmark.py that start trainer.py as a user does."""

import contextlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.peer_processes import run_peer
from benchmarks.watched_run import WatchedRun
from textzoo.errors import UserError

_RUNS = 5
_WARM_UP = 2  # reports of speed that are left out


def speed(
    config: Path,
    overrides: list[str],
    variables: dict[str, str],
    n_reports: int,
    script: str = "trainer.py",
) -> dict[str, Any]:
    """Training rows per second, the median of so many reports, and memory."""
    overrides = [*overrides, "runner.resume=none"]
    speeds: list[float] = []
    with (
        tempfile.TemporaryDirectory() as place,
        WatchedRun(config, overrides, Path(place), variables, script) as run,
    ):
        for report in run.reports("train"):
            speeds.append(report["rows_per_second"])
            if len(speeds) == _WARM_UP + n_reports:
                break
    if len(speeds) <= _WARM_UP:
        raise UserError(f"{config}: {len(speeds)} report(s) of speed: lower runner.print_interval")
    return {
        "rows_per_second": statistics.median(speeds[_WARM_UP:]),
        "reports": len(speeds) - _WARM_UP,
        "peak_megabytes_of_a_process": run.megabytes["VmHWM"] or None,
    }


def seconds_to_reach(config: Path, overrides: list[str], metric: str, value: float) -> dict:
    """Seconds from the start of trainer.py, with nothing in the cache, to a validation metric.

    Returns:
        `seconds` and the number of `steps`, None if it was not reached; `best`, the highest value.
    """
    best, found = 0.0, {"seconds": None, "steps": None}
    with (
        tempfile.TemporaryDirectory() as place,
        WatchedRun(config, overrides, Path(place)) as run,
    ):
        for report in run.reports("evaluation"):
            if metric not in report:
                raise UserError(f"{metric}: not among the metrics {', '.join(report)}")
            best = max(best, report[metric])
            if report[metric] >= value:
                seconds = time.perf_counter() - run.started
                found = {"seconds": seconds, "steps": report["step"]}
                break
    return {**found, "best": best}


def against_fasttext(config: Path, peer: Path, epochs: list[int]) -> dict[str, dict[str, float]]:
    """A config of tagspace and fastText on the same words: seconds, and accuracy on test rows.

    Ours are those of the epoch, and of the whole of trainer.py with nothing in the cache and with
    everything; fastText's those of its training, in which it reads its text.
    """
    from textzoo.commands.infer import infer
    from textzoo.config.loading import build_reader, load_config
    from textzoo.data.cache import Cache
    from textzoo.data.encoding import good_lines
    from textzoo.data.input_files import input_files

    loaded, folder = load_config(config, [])
    reader, runner = build_reader(loaded, folder), loaded.runner
    facts: dict[str, Any] = {"threads": int(os.environ["OMP_NUM_THREADS"])}
    for part, source in (("train", runner.train_data_dir), ("test", runner.test_data_dir)):
        files = input_files(source, f"runner.{part}_data_dir", Cache(runner.cache_dir, "error"))
        rows = good_lines(files, reader.parse, "error", [])
        facts[part] = [[row.labels[0], row.words] for _, _, row in rows]
    figures = {}
    for n in epochs:
        best = max(_fasttext_runs(peer, {**facts, "epochs": n}), key=lambda run: run["accuracy"])
        figures[f"fastText, {n} epochs, best of {_RUNS}"] = {
            "training_seconds": best["seconds"],
            "accuracy": best["accuracy"],
        }
    with tempfile.TemporaryDirectory() as name:
        place, seconds = Path(name), []
        for _ in range(2):  # the second one finds its text in the cache
            with WatchedRun(config, ["runner.resume=none"], place) as run:
                speeds = [report["rows_per_second"] for report in run.reports("train")]
                seconds.append(time.perf_counter() - run.started)
        infer(config, [f"runner.model_save_path={place}", f"runner.cache_dir={place / 'cache'}"])
        text = (place / "infer" / "infer_metrics.json").read_text(encoding="utf-8")
    n_rows = runner.epochs * len(facts["train"])
    figures["TextZoo"] = {
        "training_seconds": n_rows / statistics.median(speeds),
        "accuracy": json.loads(text)["accuracy"],
        "whole_command_seconds": seconds[0],
        "whole_command_seconds_cached": seconds[1],
    }
    return figures


def _fasttext_runs(peer: Path, facts: dict[str, Any]) -> Iterator[dict[str, float]]:
    """Its threads overwrite one another's updates: no two runs are alike, and some end with NaN."""
    for _ in range(_RUNS):
        with contextlib.suppress(UserError):
            yield run_peer(peer, "fasttext_tags.py", facts)
