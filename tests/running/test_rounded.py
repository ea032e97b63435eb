"""Weights in fewer bits, compared with Paddle's bfloat16 and with int8 by hand."""

import numpy as np
import paddle
import pytest

from textzoo.running.model import Model
from textzoo.running.rounded import in_8_bits, rounded_run
from textzoo.running.static import Example, StaticRun

RANDOM = np.random.default_rng(7)
TOKENS = {"tokens": np.array([[3, 1, 0], [63, 2, 2]])}


class Net(paddle.nn.Layer):
    """An embedding, a matrix and a filter of its own, a small matrix, a bias."""

    def __init__(self):
        super().__init__()
        self.embedding = paddle.nn.Embedding(64, 32)
        self.layers = paddle.nn.LayerList([paddle.nn.Linear(32, 40)])
        self.filters = self.create_parameter([40, 4, 8])
        self.small = paddle.nn.Linear(4, 2)

    def forward(self, tokens):
        hidden = self.layers[0](self.embedding(tokens).mean(axis=1))
        hidden = hidden + self.embedding.weight[0, :1]  # a weight that is used by itself
        return self.small(paddle.einsum("nd,dfg->nfg", hidden, self.filters).max(axis=2))


class OwnModel(Model):
    kind, text_column = "tags", "text"

    def infer_forward(self, net, feeds):
        return {"scores": net(feeds["tokens"])}


@pytest.fixture
def run():
    with paddle.utils.unique_name.guard():
        weights = {name: tensor.numpy() for name, tensor in Net().state_dict().items()}
    drawn = {name: RANDOM.normal(size=w.shape).astype("float32") for name, w in weights.items()}
    drawn["embedding.weight"] *= np.exp(RANDOM.normal(size=(64, 1))).astype("float32")
    return StaticRun(OwnModel({}), Net, drawn, Example(TOKENS, {}))


def in_bfloat16(array):
    return paddle.to_tensor(array).astype("bfloat16").astype("float32").numpy()


def by_row(array):
    units = np.abs(array).max(axis=1, keepdims=True) / 127
    return np.rint(array / units) * units


def restored(stored):
    return stored["int8"] * stored["units"]


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_the_net_computes_with_its_rounded_matrices(run, precision):
    before, weights = run.infer_step(TOKENS)["scores"], run.parameters()
    rounded = rounded_run(run, precision)
    stored = rounded.parameters()
    sizes = {name: array.dtype.itemsize for name, array in stored.items() if array.size >= 1024}
    size = {"bfloat16": 2, "int8": 1}[precision]
    assert sizes == {
        f"{name}_{precision}": size for name in ("embedding.weight", "layers.0.weight", "filters")
    }
    for name in ("layers.0.bias", "small.weight", "small.bias"):
        np.testing.assert_array_equal(stored[name], weights[name])
    found = rounded.infer_step(TOKENS)["scores"]
    for name in ("embedding.weight", "layers.0.weight", "filters"):
        own = weights[name]
        weights[name] = in_bfloat16(own) if precision == "bfloat16" else restored(in_8_bits(own))
    run.set_parameters(weights)
    np.testing.assert_allclose(found, run.infer_step(TOKENS)["scores"], rtol=1e-5, atol=1e-5)
    assert 1e-4 < np.abs(found - before).max() < 0.05 * np.abs(before).max()


def test_float32_is_the_run_itself(run):
    assert rounded_run(run, "float32") is run


def test_bfloat16_is_to_the_nearest(run):
    weights = run.parameters()
    exact = [1.0, 1 + 2**-8, 1 + 3 * 2**-8, -(1 + 2**-8 + 2**-20), 3e38, 1e-30, 0.0]
    weights["embedding.weight"][0, : len(exact)] = exact
    run.set_parameters(weights)
    bits = rounded_run(run, "bfloat16").parameters()["embedding.weight_bfloat16"]
    found = (bits.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(found, in_bfloat16(weights["embedding.weight"]))


def test_rows_of_different_size_have_units_of_their_own():
    array = (RANDOM.normal(size=(50, 30)) * np.exp(RANDOM.normal(size=(50, 1)))).astype("float32")
    array[3] = 0
    stored = in_8_bits(array)
    assert stored["int8"].dtype == np.int8 and stored["units"].shape == (50, 1)
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num(by_row(array))
    np.testing.assert_allclose(restored(stored), expected, rtol=1e-5)
    assert (np.abs(restored(stored) - array) <= stored["units"] * 0.5001).all()
    columns = in_8_bits(np.ascontiguousarray(array.T))  # as matrices of linear layers lie
    assert columns["units"].shape == (1, 50)
    np.testing.assert_array_equal(columns["int8"], stored["int8"].T)


def test_of_a_filter_one_axis_has_the_units():
    filters = (RANDOM.normal(size=(6, 5, 4)) * np.exp(2 * RANDOM.normal(size=(5, 1)))).astype("f4")
    stored = in_8_bits(filters)
    assert stored["units"].shape == (1, 5, 1)
    assert np.abs(restored(stored) - filters).max() <= 0.5001 * stored["units"].max()
