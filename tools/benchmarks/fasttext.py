"""A config of tagspace against fastText: seconds to an accuracy on test rows."""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import MODELS
from benchmarks.arguments import COUNT, PEER
from benchmarks.peer_processes import run_peer
from benchmarks.printing import print_table
from benchmarks.watched_run import WatchedRun
from textzoo.errors import UserError

_RUNS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config, and for a peer and its numbers of epochs."""
    config = MODELS / "tagspace" / "config_fast.yaml"
    parser.add_argument("-m", "--model", type=Path, default=config)
    parser.add_argument("--peer", type=Path, required=True, help=PEER)
    parser.add_argument("--epochs", type=COUNT, nargs="+", default=[3, 4, 5])


def table(model: Path, peer: Path, epochs: list[int]) -> dict[str, dict[str, float]]:
    """Print and return accuracy and seconds of both."""
    figures = against_fasttext(model, peer, epochs)
    print(f"{model} and fastText, words as they are")
    columns = ["training_seconds", "whole_command_seconds", "whole_command_seconds_cached"]
    print_table(
        ["", "accuracy", "training, s", "whole command, s", "again, s"],
        [
            [
                name,
                f"{row['accuracy']:.4f}",
                *(f"{row[key]:.2f}" if key in row else "" for key in columns),
            ]
            for name, row in figures.items()
        ],
    )
    return figures


def against_fasttext(config: Path, peer: Path, epochs: list[int]) -> dict[str, dict[str, float]]:
    """A config of tagspace and fastText on the same words: seconds, and accuracy on test rows.

    Ours are those of the epoch, and of the whole of trainer.py with nothing in the cache and with
    everything; fastText's those of its training, in which it reads its text.
    """
    from textzoo.commands.infer import infer
    from textzoo.config.loading import build_reader, load_config
    from textzoo.data.dataset import Dataset
    from textzoo.data.encoding import Refusals, good_lines

    loaded, folder = load_config(config, [])
    reader, runner = build_reader(loaded, folder), loaded.runner
    facts: dict[str, Any] = {"threads": int(os.environ["OMP_NUM_THREADS"])}
    for part in ("train", "test"):
        rows = good_lines(Dataset(loaded, folder).files(part), reader, Refusals("error"))
        facts[part] = [[row.labels[0], row.words] for _, row in rows]
    figures = {}
    for n in epochs:
        best = best_run(peer, {**facts, "epochs": n})
        figures[f"fastText, {n} epochs, best of {_RUNS}"] = {
            "training_seconds": best["seconds"],
            "accuracy": best["accuracy"],
        }
    with tempfile.TemporaryDirectory() as name:
        place, seconds, speeds = Path(name), [], []
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


def best_run(peer: Path, facts: dict[str, Any]) -> dict[str, float]:
    """The most accurate of several runs of fastText.

    Its threads overwrite one another's updates: no two runs are alike, and some end with NaN.

    Raises:
        UserError: none of them came to its end.
    """
    runs, failures = [], []
    for _ in range(_RUNS):
        try:
            runs.append(run_peer(peer, "fasttext_tags.py", facts))
        except UserError as failure:
            failures.append(failure)
    if not runs:
        raise failures[-1]
    return max(runs, key=lambda run: run["accuracy"])
