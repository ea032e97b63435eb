import io
import os

import numpy as np
import paddle
import pytest

from textzoo.data.cache import Cache
from textzoo.errors import UserError
from textzoo.nets.architecture import Architecture
from textzoo.nets.encoder import Encoder
from textzoo.running import frozen_states
from textzoo.running.frozen_states import keep_states
from textzoo.text.ragged import Ragged

SIZES = {
    "num_hidden_layers": 3,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
GIGABYTE = 10**9


def make_encoder(frozen=2, **changed):
    encoder = Encoder(Architecture(**{**SIZES, **changed}), 20, frozen)
    random = np.random.default_rng(0)
    for tensor in encoder.state_dict().values():
        tensor.set_value(random.normal(0, 0.5, tensor.shape).astype("float32"))
    return encoder


@pytest.fixture
def texts():
    random = np.random.default_rng(1)
    lists = [random.integers(0, 20, random.integers(1, 12)).tolist() for _ in range(50)]
    return Ragged.of([*lists, lists[0], [1], [1, 0]])  # one twice; one that ends with padding's id


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", "error")


def states(encoder, texts, rows, train):
    """The states of some texts, behind one another."""
    ids, lengths = texts.padded(np.array(rows))
    (encoder.train if train else encoder.eval)()
    found = encoder(paddle.to_tensor(ids), paddle.to_tensor(lengths)).numpy()
    return np.concatenate([own[:length] for own, length in zip(found, lengths)])


ROWS = [3, 50, 51, 52, 7]


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("frozen", [0, 1, 3])
@pytest.mark.parametrize("changed", [{}, {"norm_first": True}, {"embedding_size": 4}])
def test_layers_above_see_what_the_frozen_ones_gave(texts, cache, changed, frozen, train):
    encoder = make_encoder(frozen, **changed)
    expected = states(encoder, texts, ROWS, train)
    keep_states(encoder, [texts], cache, GIGABYTE)
    for parameter in encoder.parameters():
        if not parameter.trainable:
            parameter.set_value(np.full(parameter.shape, np.nan, "float32"))  # they are not run
    np.testing.assert_allclose(states(encoder, texts, ROWS, train), expected, atol=0.02)


def test_other_texts_are_computed(texts, cache):
    encoder = make_encoder()
    more = Ragged.of([[3, 4], [5, 6, 7, 8]])
    expected = states(encoder, more, [0, 1], train=True)
    keep_states(encoder, [texts], cache, GIGABYTE)
    np.testing.assert_array_equal(states(encoder, more, [0, 1], train=True), expected)


def test_they_are_computed_once_and_anew_with_other_weights(texts, cache, monkeypatch):
    encoder, again, other = make_encoder(), make_encoder(), make_encoder()
    weight = other.layers[1].output.bias
    weight.set_value(weight + paddle.arange(8, dtype="float32"))
    keep_states(encoder, [texts], cache, GIGABYTE)
    kept = states(encoder, texts, ROWS, train=True)
    keep_states(other, [texts], cache, GIGABYTE)
    assert (states(other, texts, ROWS, train=True) != kept).any()
    trained = again.layers[2].output.bias  # of what is learned above them they know nothing
    trained.set_value(trained + paddle.arange(8, dtype="float32"))
    monkeypatch.setattr(frozen_states, "_computed", None)
    keep_states(again, [texts], cache, GIGABYTE)
    trained.set_value(trained - paddle.arange(8, dtype="float32"))
    np.testing.assert_allclose(states(again, texts, ROWS, train=True), kept, atol=1e-6)


def test_what_is_kept_does_not_depend_on_the_columns_a_text_is_in(texts, cache):
    one, two = make_encoder(), make_encoder()
    keep_states(one, [texts], cache, GIGABYTE)
    keep_states(two, [texts, texts], cache, GIGABYTE)
    assert len(list(cache.folder.iterdir())) == 1


@pytest.mark.parametrize("missing", [0, 1])
def test_no_more_is_kept_than_the_budget(texts, cache, caplog, missing):
    caplog.set_level("INFO")
    encoder = make_encoder()
    n_tokens = len(texts.values) - len(texts.chosen(np.array([50])).values)
    keep_states(encoder, [texts], cache, n_tokens * SIZES["hidden_size"] * 2 - missing)
    assert (encoder.kept is None) == bool(missing)
    assert ("more than runner.frozen_cache_gb" in caplog.text) == bool(missing)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a full device")
def test_a_full_disk_is_told_and_leaves_nothing(texts, cache, monkeypatch):
    monkeypatch.setattr(
        frozen_states, "open", lambda path, mode: io.FileIO("/dev/full", mode), raising=False
    )
    encoder = make_encoder()
    with pytest.raises(UserError, match=r"runner\.cache_dir: cannot write .*No space left"):
        keep_states(encoder, [texts], cache, GIGABYTE)
    assert encoder.kept is None and not list(cache.folder.iterdir())


def test_numbers_that_16_bits_do_not_hold_are_refused(texts, cache):
    encoder = make_encoder(norm_first=True)
    weight = encoder.layers[1].output.bias
    weight.set_value(weight + 70_000.0)
    with pytest.raises(UserError, match=r"runner\.frozen_cache_gb: .* expected 0"):
        keep_states(encoder, [texts], cache, GIGABYTE)
    assert not list(cache.folder.iterdir())
