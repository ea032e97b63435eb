"""Training of transformers against PyTorch, from random or pretrained weights, on real texts."""

import argparse
import json
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Optional

import numpy as np

from benchmarks import MODELS
from benchmarks.arguments import COUNT, PEER
from benchmarks.peer_processes import run_peer, transformers_sizes
from benchmarks.printing import print_table
from benchmarks.xmlcnn_steps import peak_megabytes

_NO_DROPOUT = [
    "hyper_parameters.encoder.hidden_dropout_prob=0.0",
    "hyper_parameters.encoder.attention_probs_dropout_prob=0.0",
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a peer, for the number of steps, for a seed, and for pretrained weights and pairs."""
    parser.add_argument("--peer", type=Path, required=True, help=PEER)
    parser.add_argument("--steps", type=COUNT, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--pretrained", type=Path, help="only BatchNeg, from this folder of Hugging Face's"
    )
    parser.add_argument("--prefix", default="", help="of all texts, for --pretrained")
    parser.add_argument("--pairs", type=Path, help="to train on, for --pretrained")


def table(
    peer: Path,
    steps: int,
    seed: int,
    pretrained: Optional[Path],
    prefix: str,
    pairs: Optional[Path],
) -> dict[str, dict[str, dict[str, float]]]:
    """Print and return the speed of both for each model, with its docstring as a heading."""
    figures = {}
    measures = [batchneg, hardestneg, multilabel]
    if pretrained:
        measures = [partial(from_pretrained, pretrained, prefix, pairs)]
    for measure in measures:
        measured = getattr(measure, "func", measure)
        print(measured.__doc__)
        figures[measured.__name__] = ways = measure(peer, steps, seed)
        keys = list(next(iter(ways.values())))
        cells = [[name, *(f"{way[key]:.3f}" for key in keys)] for name, way in ways.items()]
        print_table(["", *keys], cells)
    return figures


def batchneg(peer: Path, steps: int, seed: int) -> dict[str, dict[str, float]]:
    """BatchNeg against sentence-transformers: a 4-layer encoder, 64 pairs a batch, no dropout."""
    overrides = ["hyper_parameters.symmetric=false"]
    return _pairs_of_sizes("batchneg", overrides, {"scale": 20.0}, peer, steps, seed)


def hardestneg(peer: Path, steps: int, seed: int) -> dict[str, dict[str, float]]:
    """HardestNeg, of the same sizes, against its loss with sentence-transformers."""
    return _pairs_of_sizes("hardestneg", [], {"margin": 0.2}, peer, steps, seed)


def from_pretrained(
    folder: Path, prefix: str, pairs: Optional[Path], peer: Path, steps: int, seed: int
) -> dict[str, dict[str, float]]:
    """BatchNeg from pretrained weights against sentence-transformers: 64 pairs, no dropout."""
    overrides = [
        *(f"hyper_parameters.encoder.pretrained={folder}", "hyper_parameters.symmetric=false"),
        *(f"reader.{side}_prefix={json.dumps(prefix or None)}" for side in ("query", "title")),
        *([f"runner.train_data_dir={pairs}"] if pairs else []),
        "runner.valid_corpus_texts=0",
    ]
    run = _OurRun("batchneg", [*_common(seed), *overrides], "config_pretrained.yaml")
    facts = {"pretrained": str(folder.resolve()), "loss": {"scale": 20.0}}
    return _pairs(run, facts, prefix, peer, steps)


def _pairs_of_sizes(
    model: str, overrides: list[str], loss: dict[str, float], peer: Path, steps: int, seed: int
) -> dict[str, dict[str, float]]:
    """Training from random weights on the pairs of config_bigdata.yaml.

    Args:
        model: the folder of the zoo's model.
        overrides: of its config.
        loss: what the peer's loss has for a parameter.
        peer: its Python.
        steps: of training; the first warms up.
        seed: of the weights and of the batches.
    """
    run = _OurRun(
        model,
        [
            *_common(seed),
            *("reader.vocab_size=8000", "hyper_parameters.encoder.config=small"),
            *("hyper_parameters.output_emb_size=256",),
            *("hyper_parameters.optimizer.learning_rate=0.0005", *overrides),
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        run.data.reader.save(Path(folder))
        vocab = json.loads((Path(folder) / "tokenizer.json").read_text(encoding="utf-8"))
        tokens = vocab["model"]["vocab"]
        path = Path(folder) / "vocab.txt"
        path.write_text("\n".join(sorted(tokens, key=tokens.get)) + "\n", encoding="utf-8")
        facts = {
            "vocab": str(path),
            "vocab_size": len(tokens),
            "output_emb_size": 256,
            "loss": loss,
            "sizes": transformers_sizes(run.net.encoder.architecture),
        }
        return _pairs(run, facts, "", peer, steps)


def _common(seed: int) -> list[str]:
    """Overrides for training on pairs, whatever the weights start from."""
    return [
        *(f"runner.seed={seed}", "runner.train_batch_size=64", "runner.corpus_file=null"),
        *(*_NO_DROPOUT, "hyper_parameters.optimizer.class=AdamW"),
    ]


def _pairs(
    run: "_OurRun", facts: dict[str, Any], prefix: str, peer: Path, steps: int
) -> dict[str, dict[str, float]]:
    """Training, and finding held-out titles among all of them.

    The peer computes in both precisions that the processor has, on random batches and on batches of
    like length.
    """
    from textzoo.running.predictor import supports_bfloat16

    lines = run.train_path.read_text(encoding="utf-8").splitlines()
    texts = [[prefix + text for text in line.split("\t")[:2]] for line in lines]
    facts = {
        **_settings(run, run.config.runner.seed, steps),
        **facts,
        "max_len": run.config.reader.get("max_len", 64),
        "train": [texts[row] for row in run.data.train],
        "held_out": [texts[row] for row in run.data.valid],
    }
    figures = {}
    ways = {
        "sentence-transformers": {"bfloat16": False, "by_length": False},
        "the same, batches of like length": {"bfloat16": False, "by_length": True},
    }
    if supports_bfloat16():
        ways["the same in bfloat16"] = {"bfloat16": True, "by_length": False}
        ways["the same in bfloat16, batches of like length"] = {"bfloat16": True, "by_length": True}
    for name, way in ways.items():
        theirs = run_peer(peer, "pairs.py", {**facts, **way})
        recalls = _recalls(*map(np.array, theirs["embeddings"]))
        figures[name] = _row(theirs["pairs_per_second"], theirs["megabytes"], recalls)
    speed = run.train(steps)
    figures["TextZoo"] = _row(speed, peak_megabytes(), _recalls(*run.embeddings()))
    return figures


def _row(speed: float, megabytes: float, recalls: dict[str, float]) -> dict[str, float]:
    # The most memory that the process had until the last step.
    return {"rows_per_second": speed, "megabytes": megabytes, **recalls}


def multilabel(peer: Path, steps: int, seed: int) -> dict[str, dict[str, float]]:
    """Multilabel with its default encoder, albert-tiny, against PyTorch, on DuEE."""
    run = _OurRun(
        "multilabel",
        [
            f"runner.seed={seed}",
            *("hyper_parameters.encoder.config=small", "hyper_parameters.encoder.hidden_size=312"),
            *("hyper_parameters.encoder.num_hidden_layers=4", *_NO_DROPOUT),
            *("hyper_parameters.encoder.num_attention_heads=12",),
            *("hyper_parameters.encoder.embedding_size=128",),
            *("hyper_parameters.encoder.share_layers=true", "hyper_parameters.head=linear"),
            *("hyper_parameters.loss=bce", "hyper_parameters.word_dropout=0.0"),
            "hyper_parameters.dropout=0.1",
        ],
    )
    columns = run.columns
    rows = [
        [columns["tokens"].padded(row)[0][0].tolist(), columns["labels"].padded(row)[0][0].tolist()]
        for row in run.data.train[:, None]
    ]
    architecture = run.net.encoder.architecture
    all_sizes = {**transformers_sizes(architecture), "embedding_size": architecture.embedding_size}
    all_sizes["vocab_size"] = run.arguments["vocab_size"]
    facts = {**_settings(run, seed, steps), "rows": rows, "sizes": all_sizes}
    facts["n_labels"] = run.arguments["vocab_label_size"]
    figures = {
        name: run_peer(peer, "multilabel.py", {**facts, "by_length": by_length})
        for name, by_length in (("PyTorch", False), ("PyTorch, batches of like length", True))
    }
    return {**figures, "TextZoo": {"rows_per_second": run.train(steps)}}


class _OurRun:
    """A model of the zoo with one of its configs and overrides, in dynamic graph."""

    def __init__(self, model: str, overrides: list[str], config: str = "config_bigdata.yaml"):
        from textzoo.config.loading import load_config, net_arguments
        from textzoo.data.dataset import Dataset
        from textzoo.running.building import build_run, initialise

        self.config, folder = load_config(MODELS / model / config, overrides)
        dataset = Dataset(self.config, folder)
        self.train_path = dataset.path("train")
        self.data = dataset.for_training()
        self.columns = self.data.train_rows.columns
        self.arguments = net_arguments(self.config, self.data.reader)
        self.run = build_run(
            "dygraph", self.config, folder, self.data.reader, self.config.optimizer
        )
        initialise(self.run, self.config, self.data.reader)
        self.net = self.run.net

    def train(self, steps: int) -> float:
        """Rows per second over these steps but the first, which warms up."""
        from textzoo.data.batching import training_batches
        from textzoo.training.loop import seed_step

        model, runner = self.run.model, self.config.runner
        lengths = self.columns[model.text_column].lengths(self.data.train)
        keys = model.distinct_keys(self.columns, self.data.train)
        batches = training_batches(
            lengths, runner.train_batch_size, runner.seed, 0, runner.length_pool, keys
        )
        rows, seconds = 0, 0.0
        for step, batch in enumerate(batches[:steps]):
            random = seed_step(runner.seed, step)
            started = time.perf_counter()
            feeds = model.train_feeds(self.columns, self.data.train[batch], random)
            self.run.train_step([feeds], self.config.optimizer.learning_rate)
            if step:
                rows += len(batch)
                seconds += time.perf_counter() - started
        return rows / seconds

    def embeddings(self) -> list[np.ndarray]:
        """Of the held-out queries and of their titles."""
        return [
            np.concatenate(
                [
                    self.run.infer_step(dict(zip(("tokens", "lengths"), column.padded(rows))))[
                        "embeddings"
                    ]
                    for rows in np.array_split(self.data.valid, 20)
                ]
            )
            for column in (self.columns["query"], self.columns["title"])
        ]


def _settings(run: _OurRun, seed: int, steps: int) -> dict[str, Any]:
    runner = run.config.runner
    return {
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "seed": seed,
        "steps": steps,
        "batch_size": runner.train_batch_size,
        "learning_rate": run.config.optimizer.learning_rate,
    }


def _recalls(queries: np.ndarray, titles: np.ndarray) -> dict[str, float]:
    cosines = queries @ titles.T
    ranks = (cosines > cosines.diagonal()[:, None]).sum(axis=1)
    return {f"recall@{k}": float(np.mean(ranks < k)) for k in (1, 10)}
