"""Training steps of XML-CNN in PyTorch, for benchmark.py: facts in, figures out as JSON."""

import json
import resource
import sys
import time
from pathlib import Path

import torch
from torch import nn


class Net(nn.Module):
    """One window, two pooled values per filter, a bottleneck, one logit per label."""

    def __init__(self, shape: dict, n_labels: int):
        super().__init__()
        self.embedding = nn.Embedding(shape["n_words"], shape["emb_dim"])
        self.convolution = nn.Conv1d(
            shape["emb_dim"], shape["n_filters"], shape["window"], padding=1
        )
        self.hidden = nn.Linear(2 * shape["n_filters"], shape["hidden_dim"])
        self.output = nn.Linear(shape["hidden_dim"], n_labels)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """`[batch, length]` ids -> `[batch, labels]`."""
        words = self.convolution(self.embedding(tokens).transpose(1, 2))
        pooled = nn.functional.adaptive_max_pool1d(words, 2).relu().flatten(1)
        return self.output(self.hidden(pooled).relu())


def main() -> None:
    """Train for some steps on generated texts with dense targets; find the best 5 labels."""
    facts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    n_labels, batch_size, steps, threads, shape = facts
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = Net(shape, n_labels)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    seconds, inference = [], []
    for _ in range(steps + 1):
        tokens = torch.randint(shape["n_words"], (batch_size, shape["length"]))
        labels = torch.randint(n_labels, (batch_size, shape["labels_per_row"]))
        started = time.perf_counter()
        targets = torch.zeros(batch_size, n_labels).scatter_(1, labels, 1.0)
        loss = nn.functional.binary_cross_entropy_with_logits(net(tokens), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - started)
    for _ in range(3):
        started = time.perf_counter()
        with torch.no_grad():
            net(tokens).topk(5)
        inference.append(time.perf_counter() - started)
    seconds = sorted(seconds[1:])  # the first step warms up
    figures = {
        "seconds_per_step": seconds[len(seconds) // 2],
        "inference_seconds_per_step": sorted(inference)[1],
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
