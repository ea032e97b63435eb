import numpy as np
import paddle
import pytest
from harness.tagspace_net import N_NGRAMS, N_TAGS, N_WORDS, hyper_parameters


@pytest.fixture(scope="module")
def net_module(tagspace):
    return __import__(tagspace.net.__module__, fromlist=["warp_weights"])


def make_net(tagspace, **chosen):
    """A net whose weights, biases too, are all random and large enough to matter."""
    net = tagspace.net(**hyper_parameters(tagspace, **chosen))
    random = np.random.default_rng(1)
    for name, tensor in net.state_dict().items():
        values = random.normal(0, 0.7, tensor.shape).astype("float32")
        if name == "text_embedding.weight":
            values[N_WORDS] = 0  # padding
        tensor.set_value(values)
    net.eval()
    return net


def random_texts(n, shortest=1, longest=9, seed=2):
    random = np.random.default_rng(seed)
    return [random.integers(0, N_WORDS, random.integers(shortest, longest + 1)) for _ in range(n)]


def padded(texts, fill=0):
    lengths = np.array([len(text) for text in texts])
    tokens = np.full((len(texts), lengths.max()), fill, np.int64)
    for row, text in zip(tokens, texts):
        row[: len(text)] = text
    return paddle.to_tensor(tokens), paddle.to_tensor(lengths)


def score(net, texts, **others):
    return net(*padded(texts), **others).numpy()


def weights_of(net):
    return {name: tensor.numpy().astype("float64") for name, tensor in net.state_dict().items()}


# ------------------------------------------------------------------ the net, in NumPy with loops


def numpy_text(w, words, win_size):
    """Section 3 of the paper with PaddleRec's two tanh: convolve, tanh, maximum, tanh, linear."""
    emb_dim = w["text_embedding.weight"].shape[1]
    filters = w["filters"].reshape(win_size, emb_dim, -1)
    before = (win_size - 1) // 2
    responses = []
    for place in range(len(words)):
        response = w["filter_bias"].copy()
        for j in range(win_size):
            if 0 <= place - before + j < len(words):
                vector = w["text_embedding.weight"][words[place - before + j]]
                response += vector @ filters[j]
        responses.append(np.tanh(response))
    return np.tanh(np.max(responses, axis=0)) @ w["hid_fc.weight"] + w["hid_fc.bias"]


def numpy_scores(w, texts, win_size=3, cosine=False):
    vectors = np.array([numpy_text(w, words, win_size) for words in texts])
    tags = w["tag_embedding.weight"]
    if cosine:
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        tags = tags / np.linalg.norm(tags, axis=1, keepdims=True)
    return vectors @ tags.T


@pytest.mark.parametrize("win_size", [1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("similarity", ["inner", "cosine"])
def test_scores_equal_numpy(tagspace, win_size, similarity):
    net = make_net(tagspace, win_size=win_size, score=similarity, tag_dim=3)
    texts = random_texts(12)
    expected = numpy_scores(weights_of(net), texts, win_size, similarity == "cosine")
    np.testing.assert_allclose(score(net, texts), expected, atol=2e-6)


def test_texts_shorter_than_the_window_equal_numpy(tagspace):
    net = make_net(tagspace, win_size=5)
    texts = [np.array(words) for words in ([3], [3, 7], [7, 3, 1], [14])]
    np.testing.assert_allclose(
        score(net, texts), numpy_scores(weights_of(net), texts, 5), atol=2e-6
    )
    np.testing.assert_allclose(score(net, texts[:1]), score(net, texts)[:1], atol=1e-6)


@pytest.mark.parametrize("fill", [0, 7, N_WORDS - 1])
def test_a_text_s_scores_do_not_depend_on_its_batch_or_padding(tagspace, fill):
    net = make_net(tagspace)
    texts = random_texts(8)
    alone = np.concatenate([score(net, [text]) for text in texts])
    tokens, lengths = padded([*texts, np.zeros(30, int)], fill)
    together = net(tokens, lengths).numpy()[:-1]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_padding_never_wins_even_when_every_response_is_very_negative(tagspace):
    net = make_net(tagspace)
    bias = net.state_dict()["filter_bias"]
    bias.set_value(np.full(bias.shape, -3, "float32"))
    texts = random_texts(4)
    tokens, lengths = padded([*texts, np.zeros(20, int)])
    expected = numpy_scores(weights_of(net), texts)
    np.testing.assert_allclose(net(tokens, lengths).numpy()[:-1], expected, atol=2e-6)


def test_the_width_of_the_shared_space_defaults_to_that_of_words(tagspace):
    assert list(make_net(tagspace).tag_embedding.weight.shape) == [N_TAGS, 4]
    assert list(make_net(tagspace, tag_dim=9).tag_embedding.weight.shape) == [N_TAGS, 9]


# ------------------------------------------------------------------ n-grams and dropout


def random_ngrams(n, seed=4):
    random = np.random.default_rng(seed)
    return [random.integers(0, N_NGRAMS, random.integers(1, 12)) for _ in range(n)]


def test_the_mean_of_n_grams_is_added_to_a_text(tagspace):
    net = make_net(tagspace, ngram_dim=3, vocab_ngram_size=N_NGRAMS)
    texts, lists = random_texts(6), random_ngrams(6)
    ngrams, counts = padded(lists, fill=5)
    w = weights_of(net)
    means = np.array([w["ngram_embedding.weight"][ids].mean(axis=0) for ids in lists])
    added = means @ w["ngram_fc.weight"] @ w["tag_embedding.weight"].T
    expected = numpy_scores(w, texts) + added
    found = score(net, texts, ngrams=ngrams, ngram_counts=counts)
    np.testing.assert_allclose(found, expected, atol=3e-6)


def test_n_grams_without_a_vocabulary_are_refused(tagspace):
    with pytest.raises(ValueError, match="ngram_dim: needs n-grams"):
        tagspace.net(**hyper_parameters(tagspace, ngram_dim=3, vocab_ngram_size=0))


@pytest.mark.parametrize("dropout", ["word_dropout", "filter_dropout", "ngram_dropout"])
def test_dropout_acts_in_training_only(tagspace, dropout):
    sizes = {"ngram_dim": 3, "vocab_ngram_size": N_NGRAMS}
    plain, net = make_net(tagspace, **sizes), make_net(tagspace, **{**sizes, dropout: 0.5})
    texts, (ngrams, counts) = random_texts(6, shortest=4), padded(random_ngrams(6))
    expected = score(plain, texts, ngrams=ngrams, ngram_counts=counts)
    np.testing.assert_array_equal(score(net, texts, ngrams=ngrams, ngram_counts=counts), expected)
    net.train()
    one, two = (score(net, texts, ngrams=ngrams, ngram_counts=counts) for _ in range(2))
    assert (one != expected).any()
    assert (one != two).any()


def test_filter_dropout_keeps_the_expected_score(tagspace):
    net, texts = make_net(tagspace, filter_dropout=0.3), random_texts(1)
    expected = score(net, texts)
    net.train()
    paddle.seed(0)
    many = score(net, texts * 4000)
    # The mean of 4,000 draws lies within 5 of its standard deviations.
    error = np.abs(many.mean(axis=0) - expected) / (many.std(axis=0) / np.sqrt(len(many)))
    assert error.max() < 5


# ------------------------------------------------------------------ losses


def numpy_loss(w, net, feeds):
    """The mean loss, row by row with loops; `net` is the hyper-parameters."""
    total = 0.0
    scores = numpy_scores(w, feeds["texts"], net["win_size"])
    for row, positive in enumerate(feeds["positive"]):
        s = scores[row]
        if net["loss"] == "softmax":
            total += np.log(np.exp(s).sum()) - s[positive]
        elif net["negatives"] == "hardest":
            others = [s[t] for t in range(N_TAGS) if not feeds["own"][row][t]]
            total += max(0, net["margin"] - s[positive] + max(others))
        else:
            drawn = feeds["negatives"][row]
            violations = [max(0, net["margin"] - s[positive] + s[t]) for t in drawn]
            if net["negatives"] == "random":
                total += sum(violations) / len(violations)
                continue
            for tries, violation in enumerate(violations, start=1):
                if violation > 0:
                    rank = max(1, (N_TAGS - 1) // tries)
                    total += sum(1 / i for i in range(1, rank + 1)) * violation
                    break
    return total / len(feeds["positive"])


LOSSES = [
    {"loss": "softmax"},
    {"negatives": "random"},
    {"negatives": "hardest"},
    {"negatives": "warp"},
]


def random_feeds(net, n=25):
    random = np.random.default_rng(5)
    own = np.zeros((n, N_TAGS), "float32")
    for row in own:
        row[random.permutation(N_TAGS)[: random.integers(1, 4)]] = 1
    feeds = {"texts": random_texts(n), "positive": np.array([row.argmax() for row in own])}
    if net["loss"] == "margin" and net["negatives"] == "hardest":
        feeds["own"] = own
    elif net["loss"] == "margin":
        feeds["negatives"] = np.array(
            [random.choice(np.flatnonzero(row == 0), net["max_samples"]) for row in own]
        )
    return feeds


def paddle_loss(net, feeds):
    tokens, lengths = padded(feeds["texts"])
    others = {name: paddle.to_tensor(array) for name, array in feeds.items() if name != "texts"}
    return net.loss(tokens, lengths, **others)


@pytest.mark.parametrize("chosen", LOSSES)
def test_losses_equal_numpy(tagspace, chosen):
    settings = hyper_parameters(tagspace, **chosen)
    net, feeds = make_net(tagspace, **chosen), random_feeds(settings)
    expected = numpy_loss(weights_of(net), settings, feeds)
    assert expected > 0.05
    assert float(paddle_loss(net, feeds)) == pytest.approx(expected, abs=3e-6)


@pytest.mark.parametrize("chosen", LOSSES)
def test_gradients_equal_finite_differences_of_numpy(tagspace, chosen):
    settings = hyper_parameters(tagspace, **chosen)
    net, feeds = make_net(tagspace, **chosen), random_feeds(settings)
    paddle_loss(net, feeds).backward()
    w, random, step, largest = weights_of(net), np.random.default_rng(6), 1e-6, 0.0
    for name, parameter in net.named_parameters():
        for place in random.integers(0, w[name].size, 6):
            ends = []
            for sign in (1, -1):
                moved = {**w, name: w[name].copy()}
                moved[name].flat[place] += sign * step
                ends.append(numpy_loss(moved, settings, feeds))
            expected = (ends[0] - ends[1]) / (2 * step)
            found = parameter.grad.numpy().flat[place]
            assert found == pytest.approx(expected, abs=5e-5, rel=1e-3), (name, place)
            largest = max(largest, abs(expected))
    assert largest > 0.05


@pytest.mark.parametrize("chosen", [{"negatives": "random"}, {"negatives": "warp"}])
def test_a_margin_that_is_kept_costs_nothing(tagspace, chosen):
    net = make_net(tagspace, margin=0.1, **chosen)
    texts = random_texts(3)
    order = np.argsort(-score(net, texts), axis=1)
    tags = net.tag_embedding.weight
    tags.set_value(tags.numpy() * 1000)  # now no two scores are within the margin
    feeds = {"texts": texts, "positive": order[:, 0], "negatives": order[:, 1:5]}
    assert float(paddle_loss(net, feeds)) == 0
    feeds = {"texts": texts, "positive": order[:, 5], "negatives": order[:, 1:5]}
    assert float(paddle_loss(net, feeds)) > 1


def test_padding_learns_nothing(tagspace):
    net, feeds = make_net(tagspace), random_feeds(hyper_parameters(tagspace))
    paddle_loss(net, feeds).backward()
    gradient = net.text_embedding.weight.grad.numpy()
    assert (gradient[N_WORDS] == 0).all()
    unused = set(range(N_WORDS)) - set(np.concatenate(feeds["texts"]).tolist())
    assert (gradient[sorted(unused)] == 0).all()


def test_warp_takes_the_first_violation_and_not_the_first_draw(tagspace):
    net = make_net(tagspace, negatives="warp", margin=0.1)
    texts = random_texts(6)
    order = np.argsort(-score(net, texts), axis=1)
    tags = net.tag_embedding.weight
    tags.set_value(tags.numpy() * 1000)  # now no two scores are within the margin
    scores = score(net, texts).astype("float64")
    rows = np.arange(6)
    # The positive ranks third; the draws are two it beats, then the second best, then the best.
    feeds = {"texts": texts, "positive": order[:, 2], "negatives": order[:, [4, 5, 1, 0]]}
    violations = 0.1 - scores[rows, order[:, 2]] + scores[rows, order[:, 1]]
    # Found at the third try: rank floor((6 - 1) / 3) = 1, which weighs 1.
    assert float(paddle_loss(net, feeds)) == pytest.approx(violations.mean(), rel=1e-5)
    feeds["negatives"] = order[:, [4, 0, 1, 1]]
    violations = 0.1 - scores[rows, order[:, 2]] + scores[rows, order[:, 0]]
    # At the second: rank 2, which weighs 1 + 1/2.
    assert float(paddle_loss(net, feeds)) == pytest.approx(1.5 * violations.mean(), rel=1e-5)


def test_warp_weights_by_hand(net_module):
    # 5 tags: tries 1 to 6 imply ranks 4, 2, 1, 1, 0 and 0, of which the last count as 1.
    expected = [1 + 1 / 2 + 1 / 3 + 1 / 4, 1 + 1 / 2, 1, 1, 1, 1]
    np.testing.assert_allclose(net_module.warp_weights(5, 6), expected, rtol=1e-6)
    np.testing.assert_array_equal(net_module.warp_weights(2, 3), [1, 1, 1])


def test_warp_weights_of_many_tags_are_harmonic_numbers(net_module):
    weights = net_module.warp_weights(100_001, 20)
    assert weights[0] == pytest.approx(np.log(100_000) + np.euler_gamma, abs=1e-4)
    assert weights[19] == pytest.approx(np.log(5_000) + np.euler_gamma, abs=2e-4)
    assert (np.diff(weights) < 0).all()
