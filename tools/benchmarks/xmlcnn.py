"""Tables of benchmark.py for XML-CNN: against PyTorch, and with very many labels."""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peer_processes import printed_json, run_peer

_SHAPE = {"emb_dim": 128, "window": 3, "n_filters": 256, "hidden_dim": 512, "n_words": 20_000}
_LENGTH, _LABELS_PER_ROW = 100, 5


def measure_labels(n_labels: int, batch_size: int, steps: int, **chosen: Any) -> dict[str, Any]:
    """Training steps of XML-CNN on generated rows, in this process.

    Args:
        n_labels: number of labels.
        batch_size: rows per batch.
        steps: how many are measured, after one that warms up.
        chosen: `optimizer`, and hyper-parameters of the net.

    Returns:
        Median seconds per training step and per top-5 inference step; peak resident memory.
    """
    import numpy as np
    import paddle

    from textzoo.config.checking import signature_fields
    from textzoo.config.model_folder import load_model_folder
    from textzoo.config.schema import Optimizer
    from textzoo.running.dygraph import DygraphRun
    from textzoo.text.ragged import Ragged

    optimizer = Optimizer.model_validate(chosen.pop("optimizer"))
    folder = load_model_folder(Path(__file__).resolve().parents[2] / "models" / "xmlcnn")
    arguments = {name: default for name, (_, default) in signature_fields(folder.net).items()}
    arguments.update(
        vocab_text_size=_SHAPE["n_words"],
        vocab_label_size=n_labels,
        emb_dim=_SHAPE["emb_dim"],
        windows=[_SHAPE["window"]],
        n_filters=_SHAPE["n_filters"],
        hidden_dim=_SHAPE["hidden_dim"],
        hidden_dropout=0.0,
        **chosen,
    )
    paddle.seed(0)
    model = folder.dygraph_model(arguments)
    model.n_best = 5
    run = DygraphRun(model, model.create_model(), optimizer)
    random = np.random.default_rng(0)
    n_rows = batch_size * (steps + 1)
    columns = {
        name: Ragged(
            random.integers(highest, size=n_rows * per_row).astype(np.int32),
            np.arange(n_rows + 1) * per_row,
        )
        for name, highest, per_row in (
            ("words", _SHAPE["n_words"], _LENGTH),
            ("labels", n_labels, _LABELS_PER_ROW),
        )
    }
    training, inference = [], []
    for step in range(steps + 1):
        rows = np.arange(step * batch_size, (step + 1) * batch_size)
        started = time.perf_counter()
        run.train_step([model.train_feeds(columns, rows, random)], 1e-3)
        training.append(time.perf_counter() - started)
        started = time.perf_counter()
        if step < 3:
            run.infer_step(model.infer_feeds(columns, rows))
            inference.append(time.perf_counter() - started)
    return {
        "seconds_per_step": float(np.median(training[1:])),
        "inference_seconds_per_step": float(np.median(inference[1:])),
        "peak_megabytes": _peak_megabytes(),
    }


def against_torch(peer: Path, sizes: list[int], steps: int) -> list[dict[str, Any]]:
    """Training steps of XML-CNN against the same net in PyTorch with dense targets.

    Each formulation runs in a process of its own, one after the other, with as many threads.
    """
    threads = int(os.environ["OMP_NUM_THREADS"])
    shape = {**_SHAPE, "length": _LENGTH, "labels_per_row": _LABELS_PER_ROW}
    adam, adagrad = ({"class": name, "learning_rate": 1e-3} for name in ("Adam", "Adagrad"))
    figures = []
    for n_labels in sizes:
        facts = [n_labels, 64, steps, threads, shape]
        rows = {"PyTorch, dense targets, Adam": run_peer(peer, "xmlcnn.py", facts)}
        ways = {"TextZoo, bce, Adam": {"optimizer": adam}}
        if n_labels >= 10_000:
            sampled = {"loss": "sampled", "n_negatives": 5000}
            ways["TextZoo, sampled, Adam"] = {"optimizer": adam, **sampled}
            ways["TextZoo, sampled, sparse, Adagrad"] = {
                "optimizer": adagrad, "sparse": True, **sampled
            }  # fmt: skip
        for name, chosen in ways.items():
            rows[name] = _run_ours(n_labels, 64, steps, chosen)
        figures += [{"labels": n_labels, "formulation": name, **row} for name, row in rows.items()]
    return figures


def full_and_sampled(sizes: list[int], steps: int) -> list[dict[str, Any]]:
    """Training and inference steps of XML-CNN with very many labels, full and sampled loss."""
    adam, adagrad = ({"class": name, "learning_rate": 1e-3} for name in ("Adam", "Adagrad"))
    ways = {
        "bce, Adam": {"optimizer": adam},
        "sampled, sparse, Adagrad": {
            "optimizer": adagrad, "sparse": True, "loss": "sampled", "n_negatives": 10_000
        },
    }  # fmt: skip
    return [
        {"labels": n, "formulation": name, **_run_ours(n, 32, steps, chosen)}
        for n in sizes
        for name, chosen in ways.items()
    ]


def _run_ours(n_labels: int, batch_size: int, steps: int, chosen: dict[str, Any]) -> dict[str, Any]:
    facts = json.dumps({"n_labels": n_labels, "batch_size": batch_size, "steps": steps, **chosen})
    return printed_json([sys.executable, __file__, facts])


def _peak_megabytes() -> float:
    per_megabyte = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_megabyte


if __name__ == "__main__":
    from textzoo.devices import import_paddle

    import_paddle()
    print(json.dumps(measure_labels(**json.loads(sys.argv[1]))))
