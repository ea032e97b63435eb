import math

import numpy as np
import paddle
import pytest

from textzoo.config.schema import EncoderSettings
from textzoo.errors import UserError
from textzoo.nets.architecture import Architecture, chosen_architecture
from textzoo.nets.encoder import Encoder, _dropout, build_encoder
from textzoo.nets.pooling import pool

SMALL = {
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
}
VARIANTS = [
    {},
    {"norm_first": True},
    {"embedding_size": 4, "share_layers": True},
    {"use_task_id": True, "hidden_act": "relu"},
    {"hidden_act": "gelu_new"},
]
N_TOKENS = 20


def make_encoder(**changed):
    encoder = Encoder(Architecture(**{**SMALL, **changed}), N_TOKENS)
    random = np.random.default_rng(0)
    for tensor in encoder.state_dict().values():
        tensor.set_value(random.normal(0, 0.5, tensor.shape).astype("float32"))
    encoder.eval()
    return encoder


def random_texts(n=6, seed=1):
    random = np.random.default_rng(seed)
    return [random.integers(0, N_TOKENS, random.integers(1, 12)) for _ in range(n)]


def padded(texts, longest=None, fill=0):
    lengths = np.array([len(text) for text in texts])
    token_ids = np.full((len(texts), longest or lengths.max()), fill, np.int64)
    for row, text in zip(token_ids, texts):
        row[: len(text)] = text
    return paddle.to_tensor(token_ids), paddle.to_tensor(lengths)


# ------------------------------------------------------------------ NumPy, one text at a time


def layer_norm(w, name, x, epsilon=1e-12):
    centred = x - x.mean(-1, keepdims=True)
    return (
        centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) * w[f"{name}.weight"]
        + w[f"{name}.bias"]
    )


def activation(name, x):
    if name == "relu":
        return np.maximum(x, 0)
    if name == "gelu_new":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def numpy_attention(w, name, x, heads):
    width = x.shape[1]
    size = width // heads
    qkv = x @ w[f"{name}.qkv.weight"] + w[f"{name}.qkv.bias"]
    query, key, value = np.split(qkv, 3, axis=1)
    mixed = np.zeros_like(x)
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = query[:, part] @ key[:, part].T / math.sqrt(size)
        weights = np.exp(scores - scores.max(1, keepdims=True))
        mixed[:, part] = weights / weights.sum(1, keepdims=True) @ value[:, part]
    return mixed @ w[f"{name}.attention_output.weight"] + w[f"{name}.attention_output.bias"]


def numpy_encoder(w, a, text):
    x = w["word_embeddings.weight"][text] + w["position_embeddings.weight"][: len(text)]
    x = x + w["token_type_embeddings.weight"][0]
    if a.use_task_id:
        x = x + w["task_type_embeddings.weight"][0]
    x = layer_norm(w, "embedding_norm", x)
    if a.embedding_size:
        x = x @ w["embedding_projection.weight"] + w["embedding_projection.bias"]
    for i in range(a.num_hidden_layers):
        name = f"layers.{0 if a.share_layers else i}"

        def attend(x, name=name):
            return numpy_attention(w, name, x, a.num_attention_heads)

        def feed_forward(x, name=name):
            hidden = x @ w[f"{name}.intermediate.weight"] + w[f"{name}.intermediate.bias"]
            hidden = activation(a.hidden_act, hidden)
            return hidden @ w[f"{name}.output.weight"] + w[f"{name}.output.bias"]

        if a.norm_first:
            x = x + attend(layer_norm(w, f"{name}.attention_norm", x))
            x = x + feed_forward(layer_norm(w, f"{name}.output_norm", x))
        else:
            x = layer_norm(w, f"{name}.attention_norm", x + attend(x))
            x = layer_norm(w, f"{name}.output_norm", x + feed_forward(x))
    return layer_norm(w, "final_norm", x) if a.norm_first else x


@pytest.mark.parametrize("changed", VARIANTS)
def test_every_token_s_vector_equals_numpy_whatever_the_padding(changed):
    encoder = make_encoder(**changed)
    w = {name: t.numpy().astype("float64") for name, t in encoder.state_dict().items()}
    texts = random_texts()
    together = encoder(*padded(texts, longest=15, fill=7)).numpy()
    for text, vectors in zip(texts, together):
        expected = numpy_encoder(w, encoder.architecture, text)
        np.testing.assert_allclose(vectors[: len(text)], expected, atol=2e-5)


@pytest.mark.parametrize("changed", VARIANTS)
def test_packed_in_training_vectors_and_gradients_are_those_of_padded_texts(changed):
    without = {"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}
    encoder = make_encoder(**changed, **without)
    token_ids, lengths = padded(random_texts(), longest=15, fill=7)
    inside = paddle.arange(15) < lengths.unsqueeze(1)
    found = []
    for training in (False, True):
        encoder.train() if training else encoder.eval()
        hidden = encoder(token_ids, lengths)
        (pool(hidden, lengths, "mean") * paddle.arange(8.0) ** 2).sum().backward()
        gradients = {name: p.grad.numpy() for name, p in encoder.named_parameters()}
        encoder.clear_gradients()
        found.append((hidden[inside].numpy(), gradients))
    (hidden, gradients), (packed_hidden, packed_gradients) = found
    np.testing.assert_allclose(packed_hidden, hidden, atol=2e-6)
    for name, gradient in gradients.items():
        atol = 2e-5 * np.abs(gradient).max()
        np.testing.assert_allclose(packed_gradients[name], gradient, atol=atol, err_msg=name)


def test_dropout_hides_its_share_and_scales_the_others():
    layer = paddle.nn.Layer()
    dropped = _dropout(layer, paddle.ones([300, 400]), 0.25).numpy()
    assert set(np.unique(dropped)) == {0, np.float32(1 / 0.75)}
    assert abs((dropped == 0).mean() - 0.25) < 5 * (0.25 * 0.75 / dropped.size) ** 0.5
    layer.eval()
    assert (_dropout(layer, paddle.ones([3]), 0.25).numpy() == 1).all()


@pytest.mark.parametrize("training", [False, True])
def test_gradients_do_not_reach_padding(training):
    encoder = make_encoder(hidden_dropout_prob=0, attention_probs_dropout_prob=0)
    if training:
        encoder.train()
    token_ids, lengths = padded([np.array([3, 4]), np.array([5, 6, 7, 8])], fill=9)
    hidden = encoder(token_ids, lengths)
    pool(hidden, lengths, "mean").square().sum().backward()
    gradient = encoder.word_embeddings.weight.grad.numpy()
    assert np.abs(gradient[9]).max() < 1e-25  # Paddle's softmax has exp(-64) for its smallest
    assert gradient[3:9].any(axis=1).all()


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_pooling_equals_numpy(pooling):
    hidden = np.random.default_rng(3).normal(size=(3, 5, 4)).astype("float32")
    lengths = np.array([1, 3, 5])
    expected = [
        rows[0] if pooling == "cls" else rows[:n].mean(axis=0) for rows, n in zip(hidden, lengths)
    ]
    pooled = pool(paddle.to_tensor(hidden), paddle.to_tensor(lengths), pooling).numpy()
    np.testing.assert_allclose(pooled, expected, atol=1e-6)


def test_dropout_acts_in_training_only():
    encoder = make_encoder(hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5)
    inputs = padded(random_texts())
    np.testing.assert_array_equal(encoder(*inputs).numpy(), encoder(*inputs).numpy())
    encoder.train()
    assert np.abs(encoder(*inputs).numpy() - encoder(*inputs).numpy()).max() > 0.1


@pytest.mark.parametrize("dropout", ["hidden_dropout_prob", "attention_probs_dropout_prob"])
@pytest.mark.parametrize(("frozen", "differs"), [(None, True), (0, True), (1, True), (2, False)])
def test_what_frozen_layers_give_is_a_function_of_the_text(dropout, frozen, differs):
    encoder = Encoder(Architecture(**SMALL, **{dropout: 0.5}), N_TOKENS, frozen)
    encoder.train()
    inputs = padded(random_texts())
    first, second = (encoder(*inputs).numpy() for _ in range(2))
    assert (np.abs(first - second).max() > 0) == differs == encoder.has_dropout


@pytest.mark.parametrize("changed", VARIANTS)
@pytest.mark.parametrize("frozen", [None, 0, 1, 2])
def test_frozen_layers_get_no_gradients_and_the_others_get_theirs(changed, frozen):
    if frozen and changed.get("share_layers"):
        pytest.skip("has no layer of its own to freeze")
    without = {"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}
    architecture = Architecture(**{**SMALL, **changed, **without})
    paddle.seed(0)
    encoder = Encoder(architecture, N_TOKENS, frozen)
    paddle.seed(0)
    whole = Encoder(architecture, N_TOKENS)
    for net in (encoder, whole):
        net(*padded(random_texts())).square().mean().backward()
    fixed = [] if frozen is None else [f"layers.{i}." for i in range(frozen)]
    theirs = dict(whole.named_parameters())
    for name, parameter in encoder.named_parameters():
        below = frozen is not None and not name.startswith(("layers.", "final_norm."))
        if below or name.startswith(tuple(fixed)):
            assert not parameter.trainable and parameter.grad is None, name
        else:
            assert parameter.trainable
            np.testing.assert_array_equal(parameter.grad.numpy(), theirs[name].grad.numpy())


@pytest.mark.parametrize(
    ("encoder", "says"),
    [
        ({"freeze_layers": 3}, "received 3, but the encoder has 2 layers"),
        ({"freeze_layers": 0, "num_hidden_layers": 0}, "received 0, but the encoder has 0 layers"),
        ({"freeze_layers": 1, "share_layers": True}, "expected 0 or null: all layers"),
        ({"freeze_layers": 0, "config": "ngram"}, "needs a transformer, received config ngram"),
    ],
)
def test_layers_that_are_not_there_cannot_be_frozen(encoder, says):
    settings = EncoderSettings(**{"config": "tiny", **encoder})
    with pytest.raises(ValueError, match=f"encoder.freeze_layers: .*{says}"):
        build_encoder(settings, N_TOKENS, max_len=16)


def test_a_weight_has_so_many_layers_above_it():
    encoder = make_encoder(num_hidden_layers=3, norm_first=True, embedding_size=4)
    found = {encoder.layers_above(name) for name, _ in encoder.named_parameters()}
    assert found == {0, 1, 2, 3, 4}
    assert [encoder.layers_above(f"layers.{i}.qkv.weight") for i in range(3)] == [3, 2, 1]
    for name in ("word_embeddings.weight", "embedding_norm.bias", "embedding_projection.weight"):
        assert encoder.layers_above(name) == 4
    assert encoder.layers_above("final_norm.weight") == 0


def test_random_texts_do_not_look_alike_to_random_weights():
    """Random position embeddings alone would give their means cosines above 0.9."""
    paddle.seed(0)
    encoder = build_encoder(EncoderSettings(config="tiny", num_hidden_layers=4), 1000, max_len=16)
    encoder.eval()
    token_ids = paddle.to_tensor(np.random.default_rng(0).integers(0, 1000, (20, 16)))
    lengths = paddle.full([20], 16, "int64")
    means = pool(encoder(token_ids, lengths), lengths, "mean").numpy()
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert np.abs((means @ means.T)[~np.eye(20, dtype=bool)]).max() < 0.5


def test_shared_layers_have_one_set_of_weights():
    one = make_encoder(share_layers=True, num_hidden_layers=1)
    many = make_encoder(share_layers=True, num_hidden_layers=6)
    assert one.state_dict().keys() == many.state_dict().keys()


def test_static_graph_gives_what_dynamic_graph_gives():
    encoder = make_encoder(embedding_size=4)
    weights = {name: tensor.numpy() for name, tensor in encoder.state_dict().items()}
    token_ids, lengths = padded(random_texts())
    expected = encoder(token_ids, lengths).numpy()
    feed = {"token_ids": token_ids.numpy(), "lengths": lengths.numpy()}
    paddle.enable_static()
    try:
        program = paddle.static.Program()
        with paddle.static.program_guard(program, paddle.static.Program()):
            inputs = {
                "token_ids": paddle.static.data("token_ids", [None, None], "int64"),
                "lengths": paddle.static.data("lengths", [None], "int64"),
            }
            net = Encoder(encoder.architecture, N_TOKENS)
            net.eval()
            output = net(**inputs)
            scope = paddle.static.Scope()
            with paddle.static.scope_guard(scope):
                executor = paddle.static.Executor(paddle.CPUPlace())
                executor.run(paddle.static.default_startup_program())
                for name, variable in net.state_dict().items():
                    scope.find_var(variable.name).get_tensor().set(weights[name], paddle.CPUPlace())
                (found,) = executor.run(program, feed=feed, fetch_list=[output])
    finally:
        paddle.disable_static()
    np.testing.assert_array_equal(found, expected)


# ------------------------------------------------------------------ settings


def test_single_keys_override_a_preset():
    chosen = chosen_architecture(EncoderSettings(config="tiny", num_hidden_layers=7))
    assert (chosen.num_hidden_layers, chosen.hidden_size, chosen.hidden_act) == (7, 128, "gelu")


def test_a_width_that_cannot_be_divided_among_the_heads_is_refused():
    with pytest.raises(ValueError, match=r"hidden_size: received 130, .* multiple .* \(4\)"):
        chosen_architecture(EncoderSettings(config="tiny", hidden_size=130, num_attention_heads=4))


def test_texts_longer_than_the_positions_are_refused():
    with pytest.raises(ValueError, match=r"received 16, expected at least reader.max_len \(17\)"):
        build_encoder(EncoderSettings(config="tiny", max_position_embeddings=16), 9, max_len=17)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"model_type": "mpnet", "vocab_size": 9, "hidden_size": 8}', "received 'mpnet'"),
        ('{"model_type": "bert", "vocab_size": 9}', "hidden_size: missing"),
        (
            '{"model_type": "bert", "vocab_size": 9, "hidden_size": 8, "hidden_act": "swish", '
            '"position_embedding_type": "relative_key"}',
            "(?s)'relative_key', only 'absolute'.*received 'swish'",
        ),
        ("{", "cannot be read as JSON"),
    ],
)
def test_a_config_of_another_kind_of_encoder_is_refused(tmp_path, content, complaint):
    file = tmp_path / "config.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=complaint):
        chosen_architecture(EncoderSettings(config=file))
