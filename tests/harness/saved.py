"""Checkpoints of made-up tensors, and what is to be read back of them."""

import json
from dataclasses import asdict

import numpy as np

from textzoo.files import digests
from textzoo.training.checkpoint import load_checkpoint, save_checkpoint
from textzoo.training.facts import FACTS, Progress, write_facts


def made_up_facts(step=0, **more):
    """What a run tells of itself."""
    config = {"runner": {"epochs": 2}, "reader": {}, "hyper_parameters": {}}
    progress = asdict(Progress(step=step))
    return {
        **{"model": "tagspace", "kind": "tags", "progress": progress},
        **{"data": {}, "config": config, **more},
    }


def write_vocabulary(folder):
    (folder / "words.txt").write_bytes("a\n\u2028\n標籤\n".encode())


def save_tensors(runs, name, step=0):
    parameters, state = tensors(step)
    facts = made_up_facts(step, 標籤=[1, None, 0.1])
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


def repair(path, change=lambda facts: None):
    """Change what a checkpoint says of itself, and make all of its checksums right."""
    facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
    del facts["facts_sha256"]
    there = digests(path, list(facts["sha256"]))
    facts["sha256"] = {name: digest for name, digest in there.items() if digest}
    change(facts)
    write_facts(path, facts)


def names(folder):
    return sorted(path.name for path in folder.iterdir())
