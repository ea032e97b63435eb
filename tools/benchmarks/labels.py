"""XML-CNN with very many labels: full and sampled loss, top-5 inference."""

import argparse
from typing import Any

from benchmarks.arguments import COUNT
from benchmarks.printing import print_lines
from benchmarks.xmlcnn_steps import ADAGRAD, ADAM, measure_apart, print_steps

_WAYS = {
    "bce, Adam": {"optimizer": ADAM},
    "sampled, sparse, Adagrad": {
        "optimizer": ADAGRAD, "sparse": True, "loss": "sampled", "n_negatives": 10_000
    },
}  # fmt: skip
_BATCH_SIZE = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the numbers of labels, and for the number of steps."""
    parser.add_argument("--sizes", type=COUNT, nargs="+", default=[670_091])
    parser.add_argument("--steps", type=COUNT, default=10)


def table(sizes: list[int], steps: int) -> list[dict[str, Any]]:
    """Print and return seconds and memory of both losses, for each number of labels."""
    print("XML-CNN, batches of 32 generated texts of 100 words, dynamic graph")
    figures = [
        {"labels": n, "formulation": name, **measure_apart(n, _BATCH_SIZE, steps, chosen)}
        for n in sizes
        for name, chosen in _WAYS.items()
    ]
    print_steps(figures)
    for way in _WAYS:
        rows = [row for row in figures if row["formulation"] == way]
        keys = ("seconds_per_step", "inference_seconds_per_step", "peak_megabytes")
        print_lines("labels", sizes, {f"{way}: {key}": [row[key] for row in rows] for key in keys})
    return figures
