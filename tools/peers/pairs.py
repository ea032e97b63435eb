"""Training on pairs with sentence-transformers, for benchmark.py: facts in, figures out as JSON."""

import json
import random
import sys
import tempfile
import time
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer, losses
from sentence_transformers.models import Dense, Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast


def main() -> None:
    """Train for some steps; print pairs per second, and embed the held-out pairs."""
    facts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(facts["threads"])
    torch.manual_seed(facts["seed"])
    with tempfile.TemporaryDirectory() as folder:
        BertTokenizerFast(facts["vocab"]).save_pretrained(folder)
        BertModel(BertConfig(vocab_size=facts["vocab_size"], **facts["sizes"])).save_pretrained(
            folder
        )
        transformer = Transformer(folder, max_seq_length=facts["max_len"])
    width = facts["sizes"]["hidden_size"]
    model = SentenceTransformer(
        modules=[
            transformer,
            Pooling(width, "mean"),
            Dense(width, facts["output_emb_size"], activation_function=torch.nn.Identity()),
            Normalize(),
        ],
        device="cpu",
    )
    model.train()
    loss_of = losses.MultipleNegativesRankingLoss(model, scale=facts["scale"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=facts["learning_rate"])
    pairs = facts["train"]
    random.Random(facts["seed"]).shuffle(pairs)
    tokenize = getattr(model, "preprocess", None) or model.tokenize
    size, seconds = facts["batch_size"], []
    for step in range(facts["steps"]):
        started = time.perf_counter()
        batch = pairs[step * size : (step + 1) * size]
        features = [tokenize(list(texts)) for texts in zip(*batch)]
        loss = loss_of(features, torch.zeros(size))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - started)
    embeddings = [model.encode(list(texts)).tolist() for texts in zip(*facts["held_out"])]
    # The first step warms up.
    print(json.dumps({"pairs_per_second": size * (len(seconds) - 1) / sum(seconds[1:]),
        "embeddings": embeddings}))  # fmt: skip


if __name__ == "__main__":
    main()
