"""Training of multilabel in PyTorch, for benchmark.py: facts in, figures out as JSON."""

import json
import random
import sys
import time
from pathlib import Path

import torch
from transformers import AlbertConfig, AlbertModel


class Net(torch.nn.Module):
    """albert-tiny, the mean of its tokens, one logit per label."""

    def __init__(self, sizes: dict, n_labels: int):
        super().__init__()
        self.encoder = AlbertModel(AlbertConfig(**sizes), add_pooling_layer=False)
        self.output = torch.nn.Linear(sizes["hidden_size"], n_labels)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """`[batch, length]` ids and their mask -> `[batch, labels]`."""
        hidden = self.encoder(tokens, attention_mask=mask).last_hidden_state
        mean = (hidden * mask.unsqueeze(2)).sum(1) / mask.sum(1, keepdim=True)
        return self.output(torch.nn.functional.dropout(mean, 0.1))


def main() -> None:
    """Train for some steps on batches padded to their longest text, random or of like length."""
    facts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(facts["threads"])
    torch.manual_seed(facts["seed"])
    net = Net(facts["sizes"], facts["n_labels"])
    optimizer = torch.optim.AdamW(net.parameters(), lr=facts["learning_rate"])
    rows = facts["rows"]
    random.Random(facts["seed"]).shuffle(rows)
    size, seconds = facts["batch_size"], []
    if facts["by_length"]:  # those of the steps, cut into batches of like length
        rows = sorted(rows[: size * facts["steps"]], key=lambda row: len(row[0]))
        batches = [rows[step * size :][:size] for step in range(facts["steps"])]
        random.Random(facts["seed"]).shuffle(batches)
        rows = [row for batch in batches for row in batch]
    for step in range(facts["steps"]):
        started = time.perf_counter()
        batch = rows[step * size : (step + 1) * size]
        texts = [torch.tensor(tokens) for tokens, _ in batch]
        tokens = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
        lengths = torch.tensor([len(text) for text in texts])
        mask = (torch.arange(tokens.shape[1]) < lengths.unsqueeze(1)).float()
        targets = torch.zeros(size, facts["n_labels"])
        for target, (_, labels) in zip(targets, batch):
            target[labels] = 1
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(tokens, mask), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - started)
    # The first step warms up.
    print(json.dumps({"rows_per_second": size * (len(seconds) - 1) / sum(seconds[1:])}))


if __name__ == "__main__":
    main()
