import numpy as np
import paddle
import pytest
from conftest import ROOT
from sklearn.metrics import log_loss

from textzoo.config.checking import signature_fields
from textzoo.config.model_folder import load_model_folder
from textzoo.config.schema import Embedding, Optimizer
from textzoo.running.dygraph import DygraphRun
from textzoo.running.static import Example, StaticRun

N_WORDS, N_LABELS, N_NGRAMS = 15, 9, 40
WIDTH = 6  # of what the output layer takes


@pytest.fixture(scope="module")
def xmlcnn():
    return load_model_folder(ROOT / "models" / "xmlcnn")


@pytest.fixture(scope="module")
def feeding(xmlcnn):
    return __import__(xmlcnn.dygraph_model.__module__, fromlist=["sample_candidates"])


def hyper_parameters(xmlcnn, **chosen):
    sizes = {"vocab_text_size": N_WORDS, "vocab_label_size": N_LABELS, "emb_dim": 4}
    defaults = {name: default for name, (_, default) in signature_fields(xmlcnn.net).items()}
    small = {"windows": [2, 3], "n_filters": 5, "hidden_dim": WIDTH}
    return {**defaults, **sizes, **small, **chosen}


def make(xmlcnn, **chosen):
    """A model and its net, whose weights, biases too, are all random and large enough to matter."""
    model = xmlcnn.dygraph_model(hyper_parameters(xmlcnn, **chosen))
    net = model.create_model()
    random = np.random.default_rng(1)
    for name, tensor in net.state_dict().items():
        values = random.normal(0, 0.7, tensor.shape).astype("float32")
        if name == "text_embedding.weight":
            values[-1] = 0  # padding
        tensor.set_value(values)
    net.eval()
    return model, net


class Lists:
    """A column of the cache, made from lists."""

    def __init__(self, rows):
        self.rows = rows

    def padded(self, numbers, fill=0):
        rows = [self.rows[i] for i in numbers]
        padded = np.full((len(rows), max(map(len, rows))), fill, np.int64)
        for row, values in zip(padded, rows):
            row[: len(values)] = values
        return padded, np.array(list(map(len, rows)))


def random_columns(n=12, longest=9, seed=2):
    random = np.random.default_rng(seed)
    return {
        "words": Lists([random.integers(0, N_WORDS, 1 + i % longest).tolist() for i in range(n)]),
        "labels": Lists([random.permutation(N_LABELS)[: 1 + i % 4].tolist() for i in range(n)]),
        "ngrams": Lists([random.integers(0, N_NGRAMS, 1 + i % 7).tolist() for i in range(n)]),
    }


def tensors(feeds):
    return {name: paddle.to_tensor(array) for name, array in feeds.items()}


def logits_of(model, net, columns, rows):
    return net(**tensors(model.infer_feeds(columns, np.array(rows)))).numpy()


# ------------------------------------------------------------------ the net, in NumPy with loops


def numpy_logits(w, words, windows, n_chunks, hidden_dim):
    """Sections 3.1 to 3.4 of the paper for one text."""
    embedded = w["text_embedding.weight"][words]
    pooled = []
    for i, window in enumerate(windows):
        filters = w[f"convolutions.{i}.weight"].reshape(window, embedded.shape[1], -1)
        bias = w[f"convolutions.{i}.bias"]
        responses = []
        for place in range(len(words)):
            response = bias.copy()
            for j in range(window):
                neighbour = place - (window - 1) // 2 + j
                if 0 <= neighbour < len(words):
                    response += embedded[neighbour] @ filters[j]
            responses.append(np.maximum(response, 0))
        for chunk in range(n_chunks):
            start = chunk * len(words) // n_chunks
            end = max(start + 1, (chunk + 1) * len(words) // n_chunks)
            pooled.append(np.max(responses[start:end], axis=0))
    features = np.concatenate(pooled)
    if hidden_dim:
        features = np.maximum(features @ w["hidden_fc.weight"] + w["hidden_fc.bias"], 0)
    return w["label_weight"] @ features + w["label_bias"][:, 0]


@pytest.mark.parametrize("windows", [[1], [2, 3], [4, 12]])
@pytest.mark.parametrize("n_chunks", [1, 2, 5])
@pytest.mark.parametrize("hidden_dim", [0, WIDTH])
def test_logits_equal_numpy(xmlcnn, windows, n_chunks, hidden_dim):
    chosen = {"windows": windows, "n_chunks": n_chunks, "hidden_dim": hidden_dim}
    model, net = make(xmlcnn, **chosen)
    columns = random_columns()
    weights = {k: v.numpy().astype("float64") for k, v in net.state_dict().items()}
    expected = [numpy_logits(weights, words, **chosen) for words in columns["words"].rows]
    np.testing.assert_allclose(
        logits_of(model, net, columns, range(12)), expected, atol=2e-5, rtol=1e-5
    )


@pytest.mark.parametrize("n_chunks", [1, 3, 8])
def test_a_text_does_not_depend_on_what_it_is_batched_with(xmlcnn, n_chunks):
    model, net = make(xmlcnn, n_chunks=n_chunks, ngram_dim=3, vocab_ngram_size=N_NGRAMS)
    columns = random_columns()
    together = logits_of(model, net, columns, range(12))
    for row in range(12):
        alone = logits_of(model, net, columns, [row])
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-5, atol=1e-5)


def test_ngrams_add_their_sum_over_the_root_of_their_number(xmlcnn):
    model, net = make(xmlcnn, ngram_dim=3, vocab_ngram_size=N_NGRAMS)
    columns = random_columns()
    weight, table = net.label_weight.numpy(), net.ngram_embedding.weight.numpy()
    before = logits_of(model, net, columns, range(12))
    net.ngram_embedding.weight.set_value(0 * table)
    added = before - logits_of(model, net, columns, range(12))
    for row, ngrams in zip(added, columns["ngrams"].rows):
        expected = weight[:, WIDTH:] @ table[ngrams].sum(axis=0) / len(ngrams) ** 0.5
        np.testing.assert_allclose(row, expected, atol=1e-5)


# ------------------------------------------------------------------ chunks


def loss_of(model, net, columns, rows, seed=0):
    feeds = model.train_feeds(columns, np.array(rows), np.random.default_rng(seed))
    return float(model.train_forward(net, tensors(feeds)))


def targets_of(columns):
    targets = np.zeros((12, N_LABELS))
    for row, labels in zip(targets, columns["labels"].rows):
        row[labels] = 1
    return targets


def test_bce_equals_scikit_learn(xmlcnn):
    model, net = make(xmlcnn)
    columns = random_columns()
    logits = logits_of(model, net, columns, range(12)).astype("float64")
    targets, probabilities = targets_of(columns), 1 / (1 + np.exp(-logits))
    expected = N_LABELS * log_loss(targets.ravel(), probabilities.ravel())
    assert loss_of(model, net, columns, range(12)) == pytest.approx(expected, rel=1e-5)


def test_softmax_equals_numpy(xmlcnn):
    model, net = make(xmlcnn, loss="softmax")
    columns = random_columns()
    logits, targets = logits_of(model, net, columns, range(12)), targets_of(columns)
    losses = [
        np.log(1 + np.exp(z[t == 0]).sum()) + np.log(1 + np.exp(-z[t == 1]).sum())
        for z, t in zip(logits.astype("float64"), targets)
    ]
    assert loss_of(model, net, columns, range(12)) == pytest.approx(np.mean(losses), rel=1e-5)


def test_sampled_equals_bce_when_all_labels_are_drawn(xmlcnn):
    columns = random_columns()
    full = loss_of(*make(xmlcnn), columns, range(12))
    sampled = loss_of(*make(xmlcnn, loss="sampled", n_negatives=100), columns, range(12))
    assert sampled == pytest.approx(full, rel=1e-6)


def test_sampled_is_bce_on_average(xmlcnn):
    columns, rows = random_columns(), [0, 4]  # they have two labels: seven are sampled from
    full = loss_of(*make(xmlcnn), columns, rows)
    parts = make(xmlcnn, loss="sampled", n_negatives=2)
    losses = [loss_of(*parts, columns, rows, seed) for seed in range(400)]
    error = np.std(losses) / len(losses) ** 0.5
    assert error < 0.05 * full
    assert abs(np.mean(losses) - full) < 4 * error


@pytest.mark.parametrize("n_negatives", [1, 5, 1000])
def test_candidates_are_different_labels_that_stand_for_all(feeding, n_negatives):
    labels = np.array([[3, 7], [7, 7], [0, 99]])
    random = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        feeds = feeding.sample_candidates(labels, 100, n_negatives, random)
        candidates = feeds["candidates"]
        assert len(set(candidates.tolist())) == len(candidates) == 4 + min(n_negatives, 96)
        np.testing.assert_array_equal(candidates[feeds["positives"]], labels)
        assert feeds["candidate_weights"].sum() == pytest.approx(100)
        seen |= set(candidates.tolist())
    assert len(seen) > 80
    assert max(seen) < 100 and min(seen) >= 0


@pytest.mark.parametrize("loss", ["bce", "softmax", "sampled"])
def test_every_weight_learns(xmlcnn, loss):
    model, net = make(xmlcnn, loss=loss, ngram_dim=3, vocab_ngram_size=N_NGRAMS)
    feeds = model.train_feeds(random_columns(), np.arange(12), np.random.default_rng(0))
    model.train_forward(net, tensors(feeds)).backward()
    for name, parameter in net.named_parameters():
        assert np.abs(parameter.grad.numpy()).max() > 0, name


# ------------------------------------------------------------------ inference, embeddings, config


@pytest.mark.parametrize("label_chunk", [1, 2, 4, 9, 100])
@pytest.mark.parametrize("n_best", [1, 5, 100])
def test_best_labels_in_chunks_are_those_of_a_sort(xmlcnn, label_chunk, n_best):
    model, net = make(xmlcnn, label_chunk=label_chunk)
    columns = random_columns()
    feeds = tensors(model.infer_feeds(columns, np.arange(12)))
    labels, logits = (part.numpy() for part in net.best(n_best, **feeds))
    all_logits = logits_of(model, net, columns, range(12))
    expected = np.argsort(-all_logits, axis=1, kind="stable")[:, :n_best]
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(logits, np.take_along_axis(all_logits, expected, axis=1), atol=1e-5)


def test_static_word_vectors_are_not_trained(xmlcnn, tmp_path):
    for mode, trains in (("static", False), ("non_static", True)):
        _, net = make(xmlcnn, embedding=Embedding(file=tmp_path, mode=mode))
        assert net.text_embedding.weight.trainable is trains


@pytest.mark.parametrize("n_batches", [1, 2])
def test_static_word_vectors_stay_as_they_are_in_both_graphs(xmlcnn, n_batches):
    """Two updates, the state of the optimizer carried over to the other graph between them."""
    chosen = hyper_parameters(xmlcnn, embedding=Embedding(file="x", mode="static"))
    settings = Optimizer.model_validate({"class": "Adam", "learning_rate": 0.1})
    model, static_model = xmlcnn.dygraph_model(chosen), xmlcnn.static_model(chosen)
    with paddle.utils.unique_name.guard():
        dygraph = DygraphRun(model, model.create_model(), settings)
    start = dygraph.parameters()
    random = np.random.default_rng(0)
    feeds = [model.train_feeds(random_columns(), np.arange(12), random)] * n_batches
    example = Example(inference={}, training=feeds[0])
    static = StaticRun(static_model, static_model.create_model, start, example, settings)
    for first, then in ((dygraph, static), (static, dygraph)):
        first.train_step(feeds, 0.1)
        then.set_parameters(first.parameters())
        then.set_optimizer_state(first.optimizer_state())
    for name, weight in dygraph.parameters().items():
        assert np.array_equal(weight, start[name]) == (name == "text_embedding.weight"), name


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"ngram_dim": 2}, "needs n-grams"),
        ({"embedding": Embedding(mode="static")}, "received static with no embedding.file"),
        ({"embedding": Embedding(file="x")}, "received rand with embedding.file x"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(xmlcnn, chosen, message):
    with pytest.raises(ValueError, match=message):
        xmlcnn.net(**hyper_parameters(xmlcnn, **chosen))


# ------------------------------------------------------------------ weights that depend on the data


def fitted(xmlcnn, lines, **settings):
    reader = xmlcnn.reader(**settings)
    reader.fit(map(reader.parse, lines), {})
    return reader


def test_each_label_starts_at_its_log_odds(xmlcnn):
    model, _ = make(xmlcnn)
    reader = fitted(xmlcnn, ["a\tx"] * 8 + ["b\tx"] * 2)
    weights = {"label_bias": np.zeros((2, 1), "float32")}
    model.initialise_labels(weights, reader)
    odds = [8.5 / 2.5, 2.5 / 8.5]
    np.testing.assert_allclose(np.exp(weights["label_bias"][:, 0]), odds, rtol=1e-5)


def test_rare_ngrams_start_long_and_labels_at_the_words_of_their_names(xmlcnn):
    lines = ["red cat,dog\tthe red cat", "dog\tthe dog", "dog\tthe dog", "a\tthe end"]
    reader = fitted(xmlcnn, lines, ngram_buckets=50)
    sizes = {**reader.sizes(), "ngram_dim": 64, "label_text": 3.0}
    model, net = make(xmlcnn, **sizes)
    weights = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    before = weights["ngram_embedding.weight"].copy()
    weights["label_weight"][:] = 0
    model.initialise(weights, reader)
    model.initialise_labels(weights, reader)
    table, ids = weights["ngram_embedding.weight"], reader.word_ids
    for word, n_rows in (("the", 4), ("dog", 2), ("cat", 1)):
        expected = np.log(5 / (1 + n_rows)) / np.log(5)
        np.testing.assert_allclose(table[ids[word]], expected * before[ids[word]], rtol=1e-5)
    rows = weights["label_weight"][:, -64:]
    vectors = table[[ids["red"], ids["cat"]]]
    expected = 3 * (vectors / (vectors**2).sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(rows[reader.label_names.index("red cat")], expected, rtol=1e-3)
    assert not rows[reader.label_names.index("a")].any()
