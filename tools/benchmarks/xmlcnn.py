"""XML-CNN against the same net in PyTorch with dense targets, by number of labels."""

import argparse
import os
from pathlib import Path
from typing import Any

from benchmarks.arguments import COUNT, PEER
from benchmarks.peer_processes import run_peer
from benchmarks.xmlcnn_steps import ADAGRAD, ADAM, SHAPE, measure_apart, print_steps

_BATCH_SIZE = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a peer, for the numbers of labels, and for the number of steps."""
    parser.add_argument("--peer", type=Path, required=True, help=PEER)
    parser.add_argument("--sizes", type=COUNT, nargs="+", default=[90, 100_000])
    parser.add_argument("--steps", type=COUNT, default=10)


def table(peer: Path, sizes: list[int], steps: int) -> list[dict[str, Any]]:
    """Print and return seconds and memory of both, for each number of labels."""
    print("XML-CNN, batches of 64 generated texts of 100 words, dynamic graph")
    figures = against_torch(peer, sizes, steps)
    print_steps(figures)
    return figures


def against_torch(peer: Path, sizes: list[int], steps: int) -> list[dict[str, Any]]:
    """Training steps of XML-CNN against the same net in PyTorch with dense targets.

    Each formulation runs in a process of its own, one after the other, with as many threads.
    """
    threads = int(os.environ["OMP_NUM_THREADS"])
    sampled = {"loss": "sampled", "n_negatives": 5000}
    figures = []
    for n_labels in sizes:
        facts = [n_labels, _BATCH_SIZE, steps, threads, SHAPE]
        rows = {"PyTorch, dense targets, Adam": run_peer(peer, "xmlcnn.py", facts)}
        ways: dict[str, dict[str, Any]] = {"TextZoo, bce, Adam": {"optimizer": ADAM}}
        if n_labels >= 10_000:
            ways["TextZoo, sampled, Adam"] = {"optimizer": ADAM, **sampled}
            ways["TextZoo, sampled, sparse, Adagrad"] = {
                "optimizer": ADAGRAD, "sparse": True, **sampled
            }  # fmt: skip
        for name, chosen in ways.items():
            rows[name] = measure_apart(n_labels, _BATCH_SIZE, steps, chosen)
        figures += [{"labels": n_labels, "formulation": name, **row} for name, row in rows.items()]
    return figures
