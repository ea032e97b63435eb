"""Checkpoints of made-up tensors, and what is to be read back of them."""

import numpy as np

from textzoo.training.checkpoint import load_checkpoint, save_checkpoint


def write_vocabulary(folder):
    (folder / "words.txt").write_bytes("a\n\u2028\n標籤\n".encode())


def save_tensors(runs, name, step=0):
    parameters, state = tensors(step)
    facts = {"model": "tagspace", "progress": {"step": step}, "標籤": [1, None, 0.1]}
    save_checkpoint(runs / name, parameters, state, write_vocabulary, facts)
    return runs / name


def tensors(seed=0):
    random = np.random.default_rng(seed)
    special = np.array([np.nan, np.inf, -0.0, 1e-45, 3.4e38], "float32")
    parameters = {
        "fc.weight": random.normal(size=(7, 5)).astype("float32"),
        "special": special,
        "count": np.array(3, "int64"),
    }
    state = {
        "moment1_0/fc.weight": random.normal(size=(7, 5)).astype("float32"),
        "beta1_pow_acc_0/fc.weight": np.array([0.9**seed], "float32"),
    }
    return parameters, state


def assert_bitwise_equal(actual, expected):
    assert list(actual) == list(expected)
    for name, value in expected.items():
        assert actual[name].dtype == value.dtype
        assert actual[name].shape == value.shape
        assert actual[name].tobytes() == value.tobytes(), name


def assert_whole(path, seed):
    """The checkpoint can be read, and holds what was saved with this seed."""
    parameters, state = tensors(seed)
    loaded = load_checkpoint(path)
    assert_bitwise_equal(loaded.parameters, parameters)
    assert_bitwise_equal(loaded.optimizer_state(), state)


def names(folder):
    return sorted(path.name for path in folder.iterdir())
