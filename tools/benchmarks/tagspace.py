"""Tables of benchmark.py for TagSpace: against PaddleRec's formulation, and with many rows."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.watched_run import WatchedRun

ROOT = Path(__file__).resolve().parents[2]


def against_conv1d(steps: int, peer_steps: int) -> dict[str, Any]:
    """Training steps of TagSpace with PaddleRec's hyper-parameters, on AG News.

    The peer is the same net with its convolution as `conv1d` and its pooling as `paddle.max`,
    as PaddleRec writes them. Both start from the same weights and see the same batches.
    """
    import paddle
    import paddle.nn.functional as F

    from textzoo.config.loading import load_config, net_arguments
    from textzoo.data.batching import training_batches
    from textzoo.data.dataset import load_data
    from textzoo.running.building import build_run
    from textzoo.training.loop import seed_step

    path = ROOT / "models" / "tagspace" / "config_paddlerec.yaml"
    config, folder = load_config(path, [])
    data = load_data(config, folder, None)
    arguments = net_arguments(config, data.reader)
    columns = data.train_rows.columns
    text_len = config.reader["max_len"]
    lengths = columns["words"].lengths(data.train)
    batches = training_batches(lengths, config.runner.train_batch_size, config.runner.seed, 0)

    class Conv1dAndMax(folder.net):
        def _convolution(self, tokens, lengths):
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
    return {
        "ours": {**ours, "rows_per_second": rows_per_second},
        "peer": peer,
        "ratio": rows_per_second / peer["rows_per_second"],
        "largest_loss_difference": difference,
    }


def one_epoch(folder: Path, sizes: list[int]) -> dict[int, dict[str, float]]:
    """One epoch of a small TagSpace on generated files of different lengths.

    Each is a run of trainer.py with nothing in the cache. Speed and memory should not depend on
    the number of rows.
    """
    figures = {}
    for n_rows in sizes:
        place = folder / str(n_rows)
        place.mkdir(parents=True, exist_ok=True)
        _generate_rows(place / "train.tsv", n_rows)
        overrides = [
            f"runner.train_data_dir={place / 'train.tsv'}",
            *("runner.resume=none", "runner.valid_fraction=0", "runner.epochs=1"),
            *("runner.train_batch_size=256", "runner.print_interval=20"),
            *("hyper_parameters.hid_dim=64", "hyper_parameters.win_size=3"),
        ]
        config = ROOT / "models" / "tagspace" / "config.yaml"
        with (
            tempfile.TemporaryDirectory(dir=place) as output,
            WatchedRun(config, overrides, Path(output)) as run,
        ):
            speeds = [report["rows_per_second"] for report in run.reports("train")]
            total = time.perf_counter() - run.started
        figures[n_rows] = {
            "rows_per_second": statistics.median(speeds),
            "peak_megabytes": run.megabytes["VmHWM"],
            "peak_own_megabytes": run.megabytes["RssAnon"],
            "total_seconds": total,
        }
    return figures


def _generate_rows(path: Path, n_rows: int) -> None:
    """Rows of 12 words of 50,000, some of which hint at the row's tag."""
    import numpy as np

    if path.is_file():
        return
    random = np.random.default_rng(0)
    names = np.array([f"w{i}" for i in range(50_000)])
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, n_rows, 100_000):
            n = min(100_000, n_rows - first)
            tags = random.integers(20, size=n)
            words = (50_000 * random.random((n, 12)) ** 3).astype(int)  # low numbers are frequent
            words[:, :2] = (words[:, :2] // 20 * 20 + tags[:, None]) % 50_000
            file.writelines(
                f"tag{tag}\t{' '.join(row)}\n" for tag, row in zip(tags, names[words].tolist())
            )
