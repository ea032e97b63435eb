import itertools
from pathlib import Path

import numpy as np
import paddle
import pytest

from textzoo.cache import Column
from textzoo.config import signature_fields
from textzoo.dygraph import DygraphRun
from textzoo.errors import UserError
from textzoo.model_folder import load_model_folder
from textzoo.schema import Encoder, Optimizer
from textzoo.static import StaticRun

ROOT = Path(__file__).resolve().parents[1]
N_TOKENS, N_LABELS, N_LEVELS, MAX_LEN = 30, 5, 3, 12
TINY = {
    "num_hidden_layers": 1,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "embedding_size": 6,
    "initializer_range": 0.3,
}
HEADS = ("linear", "bilstm", "bilstm_attention", "textcnn")
LOSSES = ("bce", "multilabel_softmax", "softmax")
REGULARISERS = {
    "none": {},
    "fgm": {"adversarial": "fgm"},
    "fgm alone": {"adversarial": "fgm", "adversarial_alone": True},
    "gradient penalty": {"gradient_penalty": 0.5},
    "r-drop": {"r_drop": 2.0},
    "all": {"adversarial": "fgm", "gradient_penalty": 0.5, "r_drop": 2.0},
}


@pytest.fixture(scope="module")
def folder():
    return load_model_folder(ROOT / "models" / "multilabel")


def hyper_parameters(folder, encoder=TINY, **chosen):
    sizes = {"vocab_size": N_TOKENS, "max_len": MAX_LEN, "vocab_label_size": N_LABELS}
    defaults = {name: default for name, (_, default) in signature_fields(folder.net).items()}
    small = {"encoder": Encoder(**encoder), "lstm_dim": 4, "n_filters": 4}
    values = {**defaults, **sizes, **small, **chosen}
    if values["loss"] == "softmax":
        values["n_levels"] = N_LEVELS
    return values


def make_columns(graded, n=9, seed=0):
    random = np.random.default_rng(seed)
    texts = [random.integers(1, N_TOKENS, random.integers(2, MAX_LEN)) for _ in range(n)]
    if graded:
        labels = [random.integers(0, N_LEVELS, N_LABELS) for _ in range(n)]
    else:
        labels = [random.permutation(N_LABELS)[: i % 4] for i in range(n)]  # none, one, several
    return {"tokens": column(texts), "labels": column(labels)}


def column(rows):
    offsets = np.cumsum([0, *map(len, rows)])
    return Column(np.concatenate(rows).astype(np.int32), offsets)


def make_net(folder, **chosen):
    paddle.seed(1)
    return folder.net(**hyper_parameters(folder, **chosen))


def batch_of(folder, rows=9, **chosen):
    arguments = hyper_parameters(folder, **chosen)
    model = folder.dygraph_model(arguments)
    feeds = model.train_feeds(make_columns(model.graded), np.arange(rows), None)
    return {name: paddle.to_tensor(array) for name, array in feeds.items()}


NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


# ------------------------------------------------------------------ both graphs


def losses_of_steps(run, feeds, n_steps=3):
    losses = []
    for _ in range(n_steps):
        paddle.seed(0)
        losses.append(run.train_step([feeds], 0.02))
    return losses


COMBINATIONS = [
    *itertools.product(HEADS, LOSSES, ["none", "all"]),
    *itertools.product(HEADS, ["bce"], ["fgm", "fgm alone", "gradient penalty", "r-drop"]),
]


@pytest.mark.parametrize(("head", "loss", "regulariser"), COMBINATIONS)
def test_every_combination_trains_alike_in_both_graphs(folder, head, loss, regulariser):
    chosen = {"head": head, "loss": loss, **REGULARISERS[regulariser]}
    arguments = hyper_parameters(folder, **chosen)
    model, optimizer = (
        folder.dygraph_model(arguments),
        Optimizer(**{"class": "SGD"}, learning_rate=1),
    )
    with paddle.utils.unique_name.guard():
        net = make_net(folder, **chosen)
    initial = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    feeds = model.train_feeds(make_columns(model.graded), np.arange(9), None)
    dygraph = DygraphRun(model, net, optimizer)
    losses = losses_of_steps(dygraph, feeds)
    assert losses[-1] < losses[0]

    static_model = folder.static_model(arguments)
    if "bilstm" in head and arguments["gradient_penalty"]:
        with pytest.raises(UserError, match=r"gradient_penalty: .* dynamic graph only"):
            StaticRun(static_model, static_model.create_model, initial, optimizer)
        return
    static = StaticRun(static_model, static_model.create_model, initial, optimizer)
    assert losses_of_steps(static, feeds) == pytest.approx(losses, rel=1e-5)
    ours, theirs = dygraph.parameters(), static.parameters()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=2e-4, err_msg=name)
