"""The linear part by its number of labels, on generated rows: trained, exported, predicting."""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import MODELS, TOOLS
from benchmarks.arguments import COUNT
from benchmarks.printing import print_table
from benchmarks.watched_run import WatchedRun
from textzoo.errors import UserError

_WORDS, _LENGTH = 50_000, 60
_LABELS_PER_ROW, _OWN_WORDS = 3, 5  # words of a text that hint at one of its labels
_TEST_ROWS = 1_000
# The net is as small as can be: it is neither trained nor asked, but exported all the same.
_SETTINGS = [
    *("hyper_parameters.linear.features=words", "hyper_parameters.linear.ngram_max=1"),
    *("hyper_parameters.emb_dim=2", "hyper_parameters.windows=[1]", "hyper_parameters.n_chunks=1"),
    *("hyper_parameters.n_filters=2", "hyper_parameters.hidden_dim=0"),
    *("runner.epochs=0", "runner.valid_fraction=0"),
]  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the numbers of labels, and for the number of rows."""
    parser.add_argument("--sizes", type=COUNT, nargs="+", default=[1_179, 100_000])
    parser.add_argument("--rows", type=COUNT, default=15_000, help="or as many as labels, if more")


def table(sizes: list[int], rows: int) -> dict[int, dict[str, float]]:
    """Print and return seconds, memory, size and speed for each number of labels."""
    figures = {n: linear_of_labels(n, max(rows, n)) for n in sizes}
    print(f"linear part alone, generated rows of {_LENGTH} of {_WORDS:,} words, 3 labels each")
    print_table(
        ["labels", "rows", "trainer.py, s", "peak memory, MB", "export, MB", "texts/s", "P@1"],
        [
            [
                f"{n:,}",
                f"{row['rows']:,}",
                f"{row['seconds']:.0f}",
                f"{row['peak_megabytes']:.0f}",
                f"{row['export_megabytes']:.1f}",
                f"{row['texts_per_second']:.0f}",
                f"{row['precision_at_1']:.3f}",
            ]
            for n, row in figures.items()
        ],
    )
    return figures


def linear_of_labels(n_labels: int, n_rows: int) -> dict[str, float]:
    """Train the linear part alone by trainer.py, export it, and have it label texts."""
    from textzoo.serving.in_process import Tagger

    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        files = place / "train.tsv", place / "test.tsv"
        generate(n_labels, n_rows, *files)
        settings = [*_SETTINGS, f"runner.train_data_dir={files[0]}"]
        settings.append(f"runner.test_data_dir={files[1]}")
        config, output = MODELS / "xmlcnn" / "config.yaml", place / "output"
        with WatchedRun(config, settings, output) as run:
            list(run.reports("end"))
            seconds = time.perf_counter() - run.started
        exported = place / "exported"
        _export(config, [*settings, f"runner.model_save_path={output}"], exported)
        tagger = Tagger.load(exported, engine="paddle")
        rows = [line.split("\t") for line in files[1].read_text(encoding="utf-8").splitlines()]
        texts = [text for _, text in rows]
        tagger.predict(texts[:100])  # warms up
        started = time.perf_counter()
        found = tagger.predict(texts, top_k=1)
        speed = len(texts) / (time.perf_counter() - started)
        hits = [row["top"][0]["tag"] in labels.split(",") for row, (labels, _) in zip(found, rows)]
        size = sum(file.stat().st_size for file in exported.rglob("*") if file.is_file())
        return {
            "rows": n_rows,
            "seconds": seconds,
            "peak_megabytes": run.megabytes["VmHWM"],
            "export_megabytes": size / 1e6,
            "texts_per_second": speed,
            "precision_at_1": float(np.mean(hits)),
        }


def generate(n_labels: int, n_rows: int, train: Path, test: Path) -> None:
    """Rows of words, some of which hint at the row's labels; both are as frequent as Zipf says.

    Each label has five words of its own choice, and is in one training row at least if there are as
    many rows as labels.
    """
    random = np.random.default_rng(0)
    own_words = random.integers(_WORDS, size=(n_labels, _OWN_WORDS))
    for path, n in ((train, n_rows), (test, _TEST_ROWS)):
        labels = _zipf(random, n_labels, (n, _LABELS_PER_ROW))
        if path == train:
            labels[:, 0] = np.arange(n) % n_labels
        words = _zipf(random, _WORDS, (n, _LENGTH))
        hints = own_words[labels].reshape(n, -1)
        words[:, : hints.shape[1]] = hints
        with path.open("w", encoding="utf-8") as file:
            for own, row in zip(labels.tolist(), words.tolist()):
                names = ",".join(f"label{label}" for label in dict.fromkeys(own))
                file.write(f"{names}\t{' '.join(f'w{word}' for word in row)}\n")


def _zipf(random: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray:
    """Numbers below n, each as frequent as 1 / (1 + number)."""
    shares = np.cumsum(1 / np.arange(1, n + 1))
    return np.searchsorted(shares, random.random(shape) * shares[-1])


def _export(config: Path, settings: list[str], output: Path) -> None:
    command = [sys.executable, TOOLS / "export.py", "-m", config, "--output", output]
    done = subprocess.run(
        [*command, "--format", "paddle", "-o", *settings], capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        raise UserError(f"export.py failed:\n{done.stderr}")
