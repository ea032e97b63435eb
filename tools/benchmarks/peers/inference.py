"""Embedding texts with PyTorch, for benchmark.py: facts in, figures out as JSON."""

import json
import statistics
import sys
import time
from pathlib import Path

import torch
from transformers import BertConfig, BertModel


def main() -> None:
    """Embed given batches of token ids by the mean of their tokens, in both precisions."""
    facts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(facts["threads"])
    config = BertConfig(vocab_size=facts["vocab_size"], **facts["sizes"])
    batches = []
    for rows in facts["batches"]:
        texts = [torch.tensor(row) for row in rows]
        tokens = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        batches.append((tokens, (torch.arange(tokens.shape[1]) < lengths.unsqueeze(1)).float()))
    n_rows = sum(len(rows) for rows in facts["batches"])
    figures = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        net = BertModel(config, add_pooling_layer=False).to(dtype).eval()
        seconds = []
        with torch.inference_mode():
            for _ in range(1 + facts["repeats"]):  # the first one warms up
                started = time.perf_counter()
                for tokens, mask in batches:
                    hidden = net(tokens, attention_mask=mask.to(dtype)).last_hidden_state
                    (hidden * mask.to(dtype).unsqueeze(2)).sum(1) / mask.sum(1, keepdim=True)
                seconds.append(time.perf_counter() - started)
        figures[name] = n_rows / statistics.median(seconds[1:])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
