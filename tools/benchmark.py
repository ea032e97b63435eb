"""Measure the zoo against other ways to do the same: python tools/benchmark.py TABLE."""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textzoo.devices import import_paddle
from textzoo.errors import UserError

ROOT = Path(__file__).resolve().parent.parent


def tagspace(steps: int, peer_steps: int) -> dict[str, Any]:
    """Training steps of TagSpace with PaddleRec's hyper-parameters, on AG News.

    The peer is the same net with its convolution as `conv1d` and its pooling as `paddle.max`,
    as PaddleRec writes them. Both start from the same weights and see the same batches.
    """
    import paddle
    import paddle.nn.functional as F

    from textzoo.batching import training_batches
    from textzoo.building import build_run, load_config, net_arguments
    from textzoo.train import load_data
    from textzoo.training import seed_step

    path = ROOT / "models" / "tagspace" / "config_paddlerec.yaml"
    config, folder = load_config(path, [])
    data = load_data(config, folder, None)
    arguments = net_arguments(config, data.reader)
    columns = data.train_rows.columns
    text_len = config.reader["max_len"]
    lengths = columns["words"].lengths(data.train)
    batches = training_batches(lengths, config.runner.train_batch_size, config.runner.seed, 0)

    class Conv1dAndMax(folder.net):
        def embed_text(self, tokens, lengths):
            # PaddleRec pads every text to text_len.
            tokens = F.pad(tokens, [0, 0, 0, text_len - tokens.shape[1]])
            is_padding = paddle.arange(text_len).unsqueeze(0) >= lengths.unsqueeze(1)
            words = self.text_embedding(
                paddle.where(is_padding, paddle.full_like(tokens, self._padding_id), tokens)
            )
            window, width = self._win_size, words.shape[2]
            filters = self.filters.reshape([window, width, -1]).transpose([2, 1, 0])
            words = F.pad(words, [(window - 1) // 2, window // 2], data_format="NLC")
            responses = paddle.tanh(F.conv1d(words, filters, self.filter_bias, data_format="NLC"))
            # tanh is never below -1, so a padding of -2 never wins.
            responses = paddle.where(is_padding.unsqueeze(-1), paddle.full([1], -2.0), responses)
            return self.hid_fc(paddle.tanh(paddle.max(responses, axis=1)))

    def measure(net_class: type, n_steps: int) -> dict[str, Any]:
        run = build_run("dygraph", config, folder, arguments, config.optimizer)
        run.net.__class__ = net_class
        losses, seconds, rows = [], [], 0
        for step, batch in enumerate(batches[: n_steps + 1]):
            random = seed_step(config.runner.seed, step)
            started = time.perf_counter()
            feeds = run.model.train_feeds(columns, data.train[batch], random)
            losses.append(run.train_step([feeds], config.optimizer.learning_rate))
            if step:  # the first step warms up
                seconds.append(time.perf_counter() - started)
                rows += len(batch)
        return {
            "losses": losses,
            "seconds_per_step": statistics.median(seconds),
            "rows_per_second": rows / sum(seconds),
        }

    ours, peer = measure(folder.net, steps), measure(Conv1dAndMax, peer_steps)
    ours_again = measure(folder.net, steps)
    both = [ours["rows_per_second"], ours_again["rows_per_second"]]
    rows_per_second = statistics.mean(both)
    difference = max(abs(a - b) for a, b in zip(ours.pop("losses"), peer.pop("losses")))
    print("TagSpace, PaddleRec's hyper-parameters, AG News, dynamic graph")
    _table(
        ["formulation", "steps", "s/step (median)", "rows/s", "ratio"],
        [
            ["conv1d + max", peer_steps, f"{peer['seconds_per_step']:.3f}",
             f"{peer['rows_per_second']:.1f}", "1"],
            ["TextZoo", 2 * steps, f"{ours['seconds_per_step']:.4f}", f"{rows_per_second:.0f}",
             f"{rows_per_second / peer['rows_per_second']:.0f}"],
        ],
    )  # fmt: skip
    print(f"largest difference between their losses over {peer_steps + 1} steps: {difference:.1e}")
    return {
        "ours": {**ours, "rows_per_second": rows_per_second},
        "peer": peer,
        "ratio": rows_per_second / peer["rows_per_second"],
        "largest_loss_difference": difference,
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import numpy
    import paddle

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "threads": os.environ["OMP_NUM_THREADS"],
        "python": platform.python_version(),
        "paddlepaddle": paddle.__version__,
        "numpy": numpy.__version__,
    }


def _table(header: list[str], rows: list[list[Any]]) -> None:
    cells = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


TABLES: dict[str, Callable[..., dict[str, Any]]] = {"tagspace": tagspace}


def main() -> int:
    """Print one table, and write it as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--steps", type=int, default=100, help="steps of ours (default: 100)")
    parser.add_argument("--peer-steps", type=int, default=5, help="steps of the peer (default: 5)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    import_paddle()
    print("machine:", json.dumps(machine()))
    try:
        figures = TABLES[arguments.table](arguments.steps, arguments.peer_steps)
    except UserError as mistake:
        print(f"benchmark.py: {mistake}", file=sys.stderr)
        return 2
    if arguments.json:
        content = {"machine": machine(), arguments.table: figures}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
