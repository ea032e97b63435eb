"""Steps of XML-CNN by its number of labels, on generated rows, in a process of their own."""

import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks import MODELS, TOOLS
from benchmarks.peer_processes import printed_json
from benchmarks.printing import print_table

SHAPE = {
    **{"emb_dim": 128, "window": 3, "n_filters": 256, "hidden_dim": 512, "n_words": 20_000},
    **{"length": 100, "labels_per_row": 5},
}
ADAM, ADAGRAD = ({"class": name, "learning_rate": 1e-3} for name in ("Adam", "Adagrad"))


def print_steps(figures: list[dict[str, Any]]) -> None:
    """Print what `measure` returned, each with its `labels` and the name of its `formulation`."""
    print_table(
        ["labels", "formulation", "s/step (median)", "top-5 inference, s/step", "peak memory, MB"],
        [
            [
                f"{row['labels']:,}",
                row["formulation"],
                f"{row['seconds_per_step']:.3f}",
                f"{row['inference_seconds_per_step']:.3f}",
                f"{row['peak_megabytes']:.0f}",
            ]
            for row in figures
        ],
    )


def measure_apart(
    n_labels: int, batch_size: int, steps: int, chosen: dict[str, Any]
) -> dict[str, Any]:
    """The same as `measure`, in a new process, whose memory is that of this net alone."""
    facts = json.dumps({"n_labels": n_labels, "batch_size": batch_size, "steps": steps, **chosen})
    return printed_json([sys.executable, "-m", "benchmarks.xmlcnn_steps", facts], folder=TOOLS)


def measure(n_labels: int, batch_size: int, steps: int, **chosen: Any) -> dict[str, Any]:
    """Training steps of XML-CNN on generated rows, in this process.

    Args:
        n_labels: number of labels.
        batch_size: rows per batch.
        steps: how many are measured, after one that warms up.
        chosen: `optimizer`, and hyper-parameters of the net.

    Returns:
        Median seconds per training step and per top-5 inference step; peak resident memory.
    """
    random = np.random.default_rng(0)
    columns = _generated_rows(n_labels, batch_size * (steps + 1), random)
    run = _new_run(n_labels, chosen)
    training, inference = [], []
    for step in range(steps + 1):
        rows = np.arange(step * batch_size, (step + 1) * batch_size)
        started = time.perf_counter()
        run.train_step([run.model.train_feeds(columns, rows, random)], 1e-3)
        training.append(time.perf_counter() - started)
        started = time.perf_counter()
        if step < 3:
            run.infer_step(run.model.infer_feeds(columns, rows))
            inference.append(time.perf_counter() - started)
    return {
        "seconds_per_step": float(np.median(training[1:])),
        "inference_seconds_per_step": float(np.median(inference[1:])),
        "peak_megabytes": peak_megabytes(),
    }


def _generated_rows(n_labels: int, n_rows: int, random: np.random.Generator) -> dict[str, Any]:
    """Texts and labels that mean nothing, as the columns of XML-CNN's reader."""
    from textzoo.text.ragged import Ragged

    return {
        name: Ragged(
            random.integers(highest, size=n_rows * per_row).astype(np.int32),
            np.arange(n_rows + 1) * per_row,
        )
        for name, highest, per_row in (
            ("words", SHAPE["n_words"], SHAPE["length"]),
            ("labels", n_labels, SHAPE["labels_per_row"]),
        )
    }


def _new_run(n_labels: int, chosen: dict[str, Any]) -> Any:
    """The model of models/xmlcnn with random weights, in dynamic graph; it finds 5 labels."""
    import paddle

    from textzoo.config.checking import signature_fields
    from textzoo.config.model_folder import load_model_folder
    from textzoo.config.schema import Optimizer
    from textzoo.running.building import model_class
    from textzoo.running.dygraph import DygraphRun

    optimizer = Optimizer.model_validate(chosen["optimizer"])
    folder = load_model_folder(MODELS / "xmlcnn")
    arguments = {name: default for name, (_, default) in signature_fields(folder.net).items()}
    arguments.update(
        vocab_text_size=SHAPE["n_words"],
        vocab_label_size=n_labels,
        emb_dim=SHAPE["emb_dim"],
        windows=[SHAPE["window"]],
        n_filters=SHAPE["n_filters"],
        hidden_dim=SHAPE["hidden_dim"],
        hidden_dropout=0.0,
        **{name: value for name, value in chosen.items() if name != "optimizer"},
    )
    paddle.seed(0)
    model = model_class(folder)(arguments, n_best=5)
    return DygraphRun(model, model.create_model(), optimizer)


def peak_megabytes() -> float:
    """The most memory that this process has had."""
    import resource  # which Windows lacks

    per_megabyte = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_megabyte


if __name__ == "__main__":
    from textzoo.devices import import_paddle

    import_paddle()
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
