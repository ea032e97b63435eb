"""Small nets of models of pairs, and embeddings for their losses."""

import numpy as np
import paddle

from textzoo.config.checking import signature_fields
from textzoo.config.schema import EncoderSettings


def make_net(folder, **chosen):
    defaults = {name: default for name, (_, default) in signature_fields(folder.net).items()}
    encoder = EncoderSettings(config="ngram", hidden_size=8)
    net = folder.net(
        **{**defaults, "vocab_size": 64, "max_len": 9, "encoder": encoder,
           "output_emb_size": 4, **chosen}
    )  # fmt: skip
    net.eval()
    return net


def vectors(n, seed):
    found = np.random.default_rng(seed).normal(size=(n, 4))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def mask(n, n_candidates, seed=5):
    excluded = np.random.default_rng(seed).random((n, n_candidates)) < 0.3
    excluded[np.arange(n), np.arange(n)] = False
    return excluded


def loss_of(net, queries, candidates, excluded):
    tensors = (paddle.to_tensor(x.astype("float32")) for x in (queries, candidates, excluded))
    return float(net.loss(*tensors))
