"""Training on pairs with sentence-transformers, for benchmark.py: facts in, figures out as JSON."""

import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer, losses
from sentence_transformers.models import Dense, Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast


class HardestNegativeLoss(torch.nn.Module):
    """The margin between each text's own and its nearest other of the batch, by cosines."""

    def __init__(self, model: SentenceTransformer, margin: float):
        super().__init__()
        self._model, self._margin = model, margin

    def forward(self, features: list[dict], labels: torch.Tensor) -> torch.Tensor:
        """The mean over a batch of the features of queries and of titles."""
        queries, titles = (self._model(each)["sentence_embedding"] for each in features)
        cosines = queries @ titles.T
        own = torch.eye(len(cosines), dtype=torch.bool)
        hardest = cosines.masked_fill(own, -1e9).max(dim=1).values
        return torch.relu(self._margin - cosines.diagonal() + hardest).mean()


def main() -> None:
    """Train for some steps; print pairs per second and memory, and embed the held-out pairs."""
    facts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(facts["threads"])
    torch.manual_seed(facts["seed"])
    model = _pretrained(facts) if "pretrained" in facts else _of_sizes(facts)
    model.train()
    settings = facts["loss"]
    if "margin" in settings:
        loss_of = HardestNegativeLoss(model, **settings)
    else:
        loss_of = losses.MultipleNegativesRankingLoss(model, **settings)
    optimizer = torch.optim.AdamW(model.parameters(), lr=facts["learning_rate"])
    pairs = facts["train"]
    random.Random(facts["seed"]).shuffle(pairs)
    size, seconds = facts["batch_size"], []
    if facts["by_length"]:  # those of the steps, cut into batches of like length
        pairs = sorted(pairs[: size * facts["steps"]], key=lambda texts: sum(map(len, texts)))
        batches = [pairs[step * size :][:size] for step in range(facts["steps"])]
        random.Random(facts["seed"]).shuffle(batches)
        pairs = [texts for batch in batches for texts in batch]
    tokenize = getattr(model, "preprocess", None) or model.tokenize
    for step in range(facts["steps"]):
        started = time.perf_counter()
        batch = pairs[step * size : (step + 1) * size]
        features = [tokenize(list(texts)) for texts in zip(*batch)]
        with torch.autocast("cpu", torch.bfloat16, enabled=facts["bfloat16"]):
            loss = loss_of(features, torch.zeros(size))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    embeddings = [model.encode(list(texts)).tolist() for texts in zip(*facts["held_out"])]
    # The first step warms up.
    print(json.dumps({"pairs_per_second": size * (len(seconds) - 1) / sum(seconds[1:]),
        "megabytes": peak, "embeddings": embeddings}))  # fmt: skip


def _of_sizes(facts: dict) -> SentenceTransformer:
    """A transformer from random weights, its mean, a projection of it, length 1."""
    with tempfile.TemporaryDirectory() as folder:
        BertTokenizerFast(facts["vocab"]).save_pretrained(folder)
        BertModel(BertConfig(vocab_size=facts["vocab_size"], **facts["sizes"])).save_pretrained(
            folder
        )
        transformer = Transformer(folder, max_seq_length=facts["max_len"])
    width = facts["sizes"]["hidden_size"]
    projection = Dense(width, facts["output_emb_size"], activation_function=torch.nn.Identity())
    modules = [transformer, Pooling(width, "mean"), projection, Normalize()]
    return SentenceTransformer(modules=modules, device="cpu")


def _pretrained(facts: dict) -> SentenceTransformer:
    """A folder's transformer without dropout, its mean, length 1."""
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    transformer = Transformer(
        facts["pretrained"], max_seq_length=facts["max_len"], config_kwargs=none
    )
    width = transformer.get_embedding_dimension()
    return SentenceTransformer(
        modules=[transformer, Pooling(width, "mean"), Normalize()], device="cpu"
    )


if __name__ == "__main__":
    main()
