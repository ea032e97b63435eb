import itertools
from pathlib import Path

import numpy as np
import paddle
import pytest

from textzoo.config.checking import signature_fields
from textzoo.config.model_folder import load_model_folder
from textzoo.config.schema import EncoderSettings, Optimizer
from textzoo.errors import UserError
from textzoo.losses import multilabel
from textzoo.running.dygraph import DygraphRun
from textzoo.running.static import Example, StaticRun
from textzoo.text.ragged import Ragged

ROOT = Path(__file__).resolve().parents[2]
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
    small = {"encoder": EncoderSettings(**encoder), "lstm_dim": 4, "n_filters": 4}
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
    return Ragged(np.concatenate(rows).astype(np.int32), offsets)


def make_net(folder, **chosen):
    paddle.seed(1)
    return folder.net(**hyper_parameters(folder, **chosen))


def batch_of(folder, rows=9, **chosen):
    arguments = hyper_parameters(folder, **chosen)
    model = folder.dygraph_model(arguments)
    feeds = model.train_feeds(make_columns(model.kind == "levels"), np.arange(rows), None)
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
    feeds = model.train_feeds(make_columns(model.kind == "levels"), np.arange(9), None)
    dygraph = DygraphRun(model, net, optimizer)
    losses = losses_of_steps(dygraph, feeds)
    assert losses[-1] < losses[0]

    static_model = folder.static_model(arguments)
    example = Example(inference={}, training=feeds)
    if "bilstm" in head and arguments["gradient_penalty"]:
        with pytest.raises(UserError, match=r"gradient_penalty: .* dynamic graph only"):
            StaticRun(static_model, static_model.create_model, initial, example, optimizer)
        return
    static = StaticRun(static_model, static_model.create_model, initial, example, optimizer)
    assert losses_of_steps(static, feeds) == pytest.approx(losses, rel=1e-5)
    ours, theirs = dygraph.parameters(), static.parameters()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=2e-4, err_msg=name)


DEEP = {**TINY, "embedding_size": None, "num_hidden_layers": 3, **NO_DROPOUT}


def both_runs(folder, optimizer, encoder):
    """Runs in both graphs that start alike, and a batch to train them on."""
    chosen = {"encoder": {**DEEP, **encoder}, "dropout": 0.0}
    arguments = hyper_parameters(folder, **chosen)
    with paddle.utils.unique_name.guard():
        net = make_net(folder, **chosen)
    initial = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    models = folder.dygraph_model(arguments), folder.static_model(arguments)
    feeds = models[0].train_feeds(make_columns(False), np.arange(9), None)
    example = Example(inference={}, training=feeds)
    static = StaticRun(models[1], models[1].create_model, initial, example, optimizer)
    return DygraphRun(models[0], net, optimizer), static, feeds, initial


@pytest.mark.parametrize("accumulated", [1, 2])
def test_each_layer_has_its_own_learning_rate_in_both_graphs(folder, accumulated):
    """One step of SGD: a weight moves by rate x factor x gradient, the factors set by hand."""
    plain, decayed = (
        Optimizer.model_validate({"class": "SGD", "learning_rate": 1.0, **more})
        for more in ({}, {"layer_decay": 0.8})
    )
    factors = {"layers.2": 0.8, "layers.1": 0.64, "layers.0": 0.512, "": 0.4096}
    run, _, feeds, initial = both_runs(folder, plain, {})
    run.train_step([feeds] * accumulated, 1.0)
    gradients = {name: initial[name] - after for name, after in run.parameters().items()}
    *runs, feeds, _ = both_runs(folder, decayed, {})
    for run in runs:
        run.train_step([feeds] * accumulated, 0.5)
        for name, after in run.parameters().items():
            place = next((place for place in factors if f"encoder.{place}" in name), None)
            factor = 1 if place is None else factors[place]
            expected = initial[name] - 0.5 * factor * gradients[name]
            np.testing.assert_allclose(after, expected, atol=2e-6, err_msg=name)
    assert all(np.abs(gradient).max() > 1e-4 for gradient in gradients.values())


@pytest.mark.parametrize("frozen", [0, 1, 3])
@pytest.mark.parametrize("accumulated", [1, 2])
def test_frozen_layers_are_neither_changed_nor_run_backwards_in_both_graphs(
    folder, frozen, accumulated
):
    optimizer = Optimizer.model_validate(
        {"class": "AdamW", "learning_rate": 0.1, "weight_decay": 0.1, "layer_decay": 0.9}
    )
    dygraph, static, feeds, initial = both_runs(folder, optimizer, {"freeze_layers": frozen})
    losses = [
        [run.train_step([feeds] * accumulated, 0.1) for _ in "12"] for run in (dygraph, static)
    ]
    assert losses[0] == losses[1]
    for run in (dygraph, static):
        changed = {
            name for name, after in run.parameters().items() if (after != initial[name]).any()
        }
        layers = {f"encoder.layers.{i}" for i in range(frozen, 3)}
        assert {name.rpartition(".")[0].rpartition(".")[0] for name in changed} == {"", *layers}
        states = {name.partition("/")[2] for name in run.optimizer_state()}
        assert states == changed
    backwards = [op.name() for op in static._training.global_block().ops].count(
        "pd_op.softmax_grad"
    )
    assert backwards == 3 - frozen  # one attention a layer
    assert dygraph.net.encoder(
        *map(paddle.to_tensor, (feeds["tokens"], feeds["lengths"]))
    ).stop_gradient == (frozen == 3)


@pytest.mark.parametrize("regulariser", ["fgm", "gradient penalty"])
def test_a_gradient_of_frozen_embeddings_is_refused(folder, regulariser):
    with pytest.raises(ValueError, match="freeze_layers: leaves no gradient of the embeddings"):
        make_net(folder, encoder={**DEEP, "freeze_layers": 0}, **REGULARISERS[regulariser])


# ------------------------------------------------------------------ the net


def n_parameters(layer):
    return sum(int(np.prod(p.shape)) for p in layer.parameters() if not p.stop_gradient)


def test_heads_have_the_parameter_counts_of_the_reference(folder):
    """Keras, albert-tiny (312 wide), BiLSTM 2 x 128, windows 3/4/5, 55 labels."""
    wide = {"hidden_size": 312, "num_attention_heads": 12, "num_hidden_layers": 0}
    sizes = {"encoder": wide, "head_input": "cls", "vocab_label_size": 55}
    sizes.update(lstm_dim=128, n_filters=None)
    nets = {head: make_net(folder, head=head, **sizes) for head in HEADS}
    assert n_parameters(nets["bilstm"].head) == 451_584
    assert n_parameters(nets["bilstm_attention"].head) == 451_584 + 66_048
    convolutions = [n_parameters(layer) for layer in nets["textcnn"].head.convolutions]
    assert convolutions == [292_344, 389_688, 487_032]
    assert n_parameters(nets["linear"].head) == 0
    outputs = {head: n_parameters(net.output) for head, net in nets.items()}
    assert outputs == {
        "linear": 312 * 55 + 55,
        "bilstm": 14_135,
        "bilstm_attention": 14_135,
        "textcnn": 51_535,
    }


@pytest.mark.parametrize("head_input", ["sequence", "cls"])
@pytest.mark.parametrize("head", HEADS)
def test_logits_do_not_depend_on_padding(folder, head, head_input):
    net = make_net(folder, head=head, head_input=head_input)
    net.eval()
    feeds = batch_of(folder)
    together = net(feeds["tokens"], feeds["lengths"]).numpy()
    assert np.ptp(together, axis=0).min() > 0
    for row, n in enumerate(feeds["lengths"].tolist()):
        alone = net(feeds["tokens"][row : row + 1, :n], feeds["lengths"][row : row + 1])
        np.testing.assert_allclose(alone.numpy()[0], together[row], atol=1e-5)


def test_cls_reads_the_first_token_s_vector_alone(folder):
    net = make_net(folder, head="linear", head_input="cls")
    net.eval()
    feeds = batch_of(folder)
    first = net.encoder(feeds["tokens"], feeds["lengths"])[:, 0]
    expected = net.output(first).numpy()
    np.testing.assert_allclose(net(feeds["tokens"], feeds["lengths"]).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("head", HEADS)
def test_twice_differentiable_layers_give_what_the_kernels_give(folder, head):
    encoder = {**TINY, **NO_DROPOUT}
    plain = make_net(folder, encoder=encoder, head=head, dropout=0.0)
    twice = make_net(folder, encoder=encoder, head=head, dropout=0.0, gradient_penalty=1.0)
    twice.set_state_dict(plain.state_dict())
    feeds = batch_of(folder)
    expected = plain(feeds["tokens"], feeds["lengths"]).numpy()
    received = twice(feeds["tokens"], feeds["lengths"]).numpy()
    np.testing.assert_allclose(received, expected, atol=1e-5)


def test_attention_is_a_weighted_mean(folder):
    attention = make_net(folder, head="bilstm_attention").head.pool
    hidden = paddle.randn([2, 4, 8])
    projection = attention.projection
    parts = (projection.weight, projection.bias, attention.context)
    w, b, context = (part.numpy() for part in parts)
    received = attention(hidden, paddle.to_tensor([4, 2])).numpy()
    for row, n in enumerate((4, 2)):
        h = hidden.numpy()[row, :n]
        scores = np.exp(np.tanh(h @ w + b) @ context[:, 0])
        np.testing.assert_allclose(received[row], scores / scores.sum() @ h, atol=1e-5)


@pytest.mark.parametrize("window", [1, 2, 3, 4, 5])
def test_textcnn_has_a_window_for_every_token(folder, window):
    head = make_net(folder, head="textcnn", windows=[window]).head
    (convolution,) = head.convolutions
    convolution.bias.set_value(paddle.randn([4]))
    hidden = np.random.default_rng(6).normal(size=(2, 6, 8)).astype("float32")
    received = head(paddle.to_tensor(hidden), paddle.to_tensor([6, 2])).numpy()
    w, b = convolution.weight.numpy(), convolution.bias.numpy()
    for row, n in enumerate((6, 2)):
        responses = [
            sum(
                w[:, :, j] @ hidden[row, place - window // 2 + j]
                for j in range(window)
                if 0 <= place - window // 2 + j < n
            )
            for place in range(n)
        ]
        expected = np.maximum(np.max(responses, axis=0) + b, 0)
        np.testing.assert_allclose(received[row], expected, atol=1e-5)


# ------------------------------------------------------------------ losses, by hand


@pytest.fixture(scope="module")
def losses():
    return multilabel


LOGITS = np.random.default_rng(3).normal(0, 2, (6, 4))
TARGETS = (np.random.default_rng(4).random((6, 4)) < 0.4).astype(float)
WEIGHT = np.array([1.0, 3.0, 0.5, 2.0])


def tensors(*arrays):
    return [paddle.to_tensor(array.astype("float32")) for array in arrays]


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_bce_weighs_positives_and_focuses(losses, gamma):
    p = 1 / (1 + np.exp(-LOGITS))
    positive = -TARGETS * WEIGHT * (1 - p) ** gamma * np.log(p)
    negative = -(1 - TARGETS) * p**gamma * np.log(1 - p)
    received = losses.bce(*tensors(LOGITS, TARGETS, WEIGHT), gamma).numpy()
    np.testing.assert_allclose(received, (positive + negative).sum(axis=1), rtol=1e-5)


def test_multilabel_softmax_is_su_s_equation(losses):
    own = np.log1p((TARGETS * WEIGHT * np.exp(-LOGITS)).sum(axis=1))
    others = np.log1p(((1 - TARGETS) * np.exp(LOGITS)).sum(axis=1))
    received = losses.multilabel_softmax(*tensors(LOGITS, TARGETS, WEIGHT)).numpy()
    np.testing.assert_allclose(received, own + others, rtol=1e-5)
    large = losses.multilabel_softmax(*tensors(1000 * LOGITS, TARGETS)).numpy()
    assert np.isfinite(large).all()


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_softmax_is_the_cross_entropy_of_each_label(losses, gamma):
    logits = LOGITS.reshape(6, 2, 2)
    targets = np.eye(2)[np.random.default_rng(5).integers(0, 2, (6, 2))]
    p = (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True) * targets).sum(-1)
    received = losses.softmax(*tensors(logits, targets), gamma).numpy()
    np.testing.assert_allclose(received, (-((1 - p) ** gamma) * np.log(p)).sum(1), rtol=1e-5)


def test_rare_labels_weigh_more(folder):
    arguments = hyper_parameters(folder, positive_weight_power=0.5)
    reader = type("Counts", (), {"label_counts": np.array([1, 4, 16, 0, 20]), "n_train_rows": 20})
    weights = {name: np.ones(5, "float32") for name in ("positive_weight", "output.bias")}
    folder.dygraph_model(arguments).initialise_labels(weights, reader)
    odds = np.array([19 / 1, 16 / 4, 4 / 16, 19 / 1, 1 / 20])
    np.testing.assert_allclose(weights["positive_weight"], np.sqrt(odds), rtol=1e-6)


@pytest.mark.parametrize("power", [0.0, 0.5])
def test_a_new_net_gives_labels_what_bce_is_least_with_for_all_rows_alike(folder, losses, power):
    counts = np.array([1, 4, 16])
    reader = type("Counts", (), {"label_counts": counts, "n_train_rows": 20})
    weight = ((20 - counts) / counts) ** power
    weights = {"output.bias": np.zeros(3, "float32")}
    if power:
        weights["positive_weight"] = np.zeros(3, "float32")
    arguments = hyper_parameters(folder, loss="bce", positive_weight_power=power)
    folder.dygraph_model(arguments).initialise_labels(weights, reader)
    targets = (np.arange(20)[:, None] < counts).astype("float32")

    def loss(bias):
        rows = np.repeat(bias[None], 20, axis=0).astype("float32")
        weighed = paddle.to_tensor(weight.astype("float32")) if power else None
        return float(losses.bce(*tensors(rows, targets), weighed).mean())

    least = loss(weights["output.bias"])
    for step in 0.1 * np.vstack([np.eye(3), -np.eye(3)]):
        assert loss(weights["output.bias"] + step) > least


@pytest.mark.parametrize("loss", ["multilabel_softmax", "softmax"])
def test_other_losses_start_from_no_bias(folder, loss):
    arguments = hyper_parameters(
        folder, loss=loss, **({"n_levels": 2} if loss == "softmax" else {})
    )
    reader = type("Counts", (), {"label_counts": np.array([1, 4]), "n_train_rows": 20})
    weights = {"output.bias": np.zeros(2, "float32")}
    folder.dygraph_model(arguments).initialise_labels(weights, reader)
    assert not weights["output.bias"].any()


@pytest.mark.parametrize("encoder", [TINY, {**TINY, **NO_DROPOUT}])
@pytest.mark.parametrize("loss", LOSSES)
def test_r_drop_is_the_mean_loss_of_two_passes_and_their_divergence(folder, losses, loss, encoder):
    chosen = {"loss": loss, "dropout": 0.4, "encoder": encoder}
    net, feeds = make_net(folder, r_drop=3.0, **chosen), batch_of(folder, **chosen)
    twice = {name: paddle.concat([part, part]) for name, part in feeds.items()}
    paddle.seed(8)
    received = float(net.loss(**feeds))
    paddle.seed(8)
    logits = net(twice["tokens"], twice["lengths"])
    z = logits.numpy().astype("float64").reshape(2, 9, -1)
    p = 1 / (1 + np.exp(-z))
    if loss == "softmax":
        levels = z.reshape(2, 9, N_LABELS, N_LEVELS)
        p = (np.exp(levels) / np.exp(levels).sum(-1, keepdims=True)).reshape(z.shape)
    divergence = ((p[0] - p[1]) * (z[0] - z[1])).sum(axis=1).mean()  # of both directions
    expected = float(getattr(losses, loss)(logits, twice["targets"]).mean()) + 3.0 * divergence / 4
    assert divergence > 0.01
    assert received == pytest.approx(expected, rel=1e-5)


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"loss": "multilabel_softmax", "focal_gamma": 2.0}, "focal_gamma: needs `loss: bce`"),
        ({"adversarial_alone": True}, "adversarial_alone: needs `adversarial: fgm`"),
        ({"loss": "softmax", "positive_weight_power": 1.0}, "positive_weight_power: needs"),
        ({"r_drop": 1.0, "dropout": 0.0, "encoder": {**TINY, **NO_DROPOUT}}, "every dropout is 0"),
        ({"encoder": {"config": "ngram"}}, "encoder.config: received ngram"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(folder, chosen, message):
    with pytest.raises(ValueError, match=message):
        make_net(folder, **chosen)


def test_a_loss_that_does_not_suit_the_rows_is_refused(folder):
    graded = hyper_parameters(folder, loss="bce", n_levels=4)
    with pytest.raises(ValueError, match="loss: received bce, expected softmax"):
        folder.dygraph_model(graded).create_model()
    with pytest.raises(ValueError, match=r"softmax needs levels: set reader\.n_levels"):
        folder.net(**{**graded, "loss": "softmax", "n_levels": 0})


def test_the_default_encoder_has_the_sizes_of_albert_tiny(folder):
    default = signature_fields(folder.net)["encoder"][1]
    net = folder.net(vocab_size=21128, max_len=512, vocab_label_size=2, encoder=default)
    assert sum(int(np.prod(p.shape)) for p in net.encoder.parameters()) == count_albert_tiny()


def count_albert_tiny():
    """From its config.json: embeddings 128 wide, one layer for all, 312 wide, inside 1,248."""
    embeddings = (21128 + 512 + 2) * 128 + 2 * 128
    projection = 128 * 312 + 312
    attention = 4 * (312 * 312 + 312) + 2 * 312
    feed_forward = 312 * 1248 + 1248 + 1248 * 312 + 312 + 2 * 312
    return embeddings + projection + attention + feed_forward
