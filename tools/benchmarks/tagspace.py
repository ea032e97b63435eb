"""Training steps of TagSpace against PaddleRec's formulation."""

import argparse
import statistics
import time
from typing import Any

from benchmarks import MODELS
from benchmarks.arguments import COUNT
from benchmarks.printing import print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the numbers of steps."""
    parser.add_argument("--steps", type=COUNT, default=100, help="steps of ours")
    parser.add_argument("--peer-steps", type=COUNT, default=5, help="steps of the peer")


def table(steps: int, peer_steps: int) -> dict[str, Any]:
    """Print and return the speed of both formulations, and how far their losses are apart."""
    figures = against_conv1d(steps, peer_steps)
    ours, peer = figures["ours"], figures["peer"]
    print("TagSpace, PaddleRec's hyper-parameters, AG News, dynamic graph")
    print_table(
        ["formulation", "steps", "s/step (median)", "rows/s", "ratio"],
        [
            ["conv1d + max", peer_steps, f"{peer['seconds_per_step']:.3f}",
             f"{peer['rows_per_second']:.1f}", "1"],
            ["TextZoo", 2 * steps, f"{ours['seconds_per_step']:.4f}",
             f"{ours['rows_per_second']:.0f}", f"{figures['ratio']:.0f}"],
        ],
    )  # fmt: skip
    print(f"largest difference between their losses: {figures['largest_loss_difference']:.1e}")
    return figures


def against_conv1d(steps: int, peer_steps: int) -> dict[str, Any]:
    """Training steps of TagSpace with PaddleRec's hyper-parameters, on AG News.

    The peer is the same net with its convolution as `conv1d` and its pooling as `paddle.max`,
    as PaddleRec writes them. Both start from the same weights and see the same batches.
    """
    from textzoo.config.loading import load_config
    from textzoo.data.batching import training_batches
    from textzoo.data.dataset import Dataset
    from textzoo.running.building import build_run
    from textzoo.training.loop import seed_step

    config, folder = load_config(MODELS / "tagspace" / "config_paddlerec.yaml", [])
    data = Dataset(config, folder).for_training()
    columns = data.train_rows.columns
    lengths = columns["words"].lengths(data.train)
    batches = training_batches(lengths, config.runner.train_batch_size, config.runner.seed, 0)

    def measure(net_class: type, n_steps: int) -> dict[str, Any]:
        run = build_run("dygraph", config, folder, data.reader, config.optimizer)
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

    conv1d_and_max = _conv1d_and_max(folder.net, config.reader["max_len"])
    ours, peer = measure(folder.net, steps), measure(conv1d_and_max, peer_steps)
    ours_again = measure(folder.net, steps)
    both = [ours["rows_per_second"], ours_again["rows_per_second"]]
    rows_per_second = statistics.mean(both)
    difference = max(abs(a - b) for a, b in zip(ours.pop("losses"), peer.pop("losses")))
    return {
        "peer": peer,
        "ours": {**ours, "rows_per_second": rows_per_second},
        "ratio": rows_per_second / peer["rows_per_second"],
        "largest_loss_difference": difference,
    }


def _conv1d_and_max(net: Any, text_len: int) -> Any:
    """TagSpace's net with its filters as PaddleRec computes them, on texts padded to text_len."""
    import paddle
    import paddle.nn.functional as F

    class Conv1dAndMax(net):
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

    return Conv1dAndMax
