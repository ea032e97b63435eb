"""What is searched where a config does not say it."""

import pytest
from conftest import ROOT
from harness.workspace import MODELS

from textzoo.config.loading import load_config
from textzoo.config.search import Between, Choices, searchable
from textzoo.tuning.defaults import default_search

RATE = "hyper_parameters.optimizer.learning_rate"


def searched(model, *overrides):
    path = ROOT / "models" / model / "config.yaml"
    return default_search(load_config(path, list(overrides))[0])


@pytest.mark.parametrize("model", MODELS)
def test_each_sample_has_keys_whose_ends_are_valid(model):
    spaces = searched(model)
    assert RATE in spaces and searchable(list(spaces)) == list(spaces)
    for end in (0, -1):
        values = {
            key: space.values[end] if isinstance(space, Choices) else (space.low, space.high)[end]
            for key, space in spaces.items()
        }
        load_config(
            ROOT / "models" / model / "config.yaml",
            [f"{key}={value}" for key, value in values.items()],
        )


def test_values_lie_around_those_of_the_config():
    overrides = [f"{RATE}=0.01", "runner.train_batch_size=10", "hyper_parameters.margin=0.4"]
    spaces = searched("tagspace", *overrides)
    assert spaces[RATE] == Between(0.0025, 0.04, log=True)
    assert spaces["runner.train_batch_size"] == Choices([5, 10, 20])
    assert spaces["hyper_parameters.margin"] == Between(0.1, 0.8)


@pytest.mark.parametrize(
    ("model", "override", "key"),
    [
        ("tagspace", "hyper_parameters.loss=softmax", "hyper_parameters.margin"),
        ("tagspace", "hyper_parameters.linear.features=none", "hyper_parameters.linear.idf_power"),
        ("xmlcnn", "hyper_parameters.hidden_dropout=0.0", "hyper_parameters.hidden_dropout"),
    ],
)
def test_a_key_without_effect_is_left_out(model, override, key):
    assert key in searched(model)
    assert key not in searched(model, override)


def test_without_a_net_it_is_the_linear_part():
    spaces = searched("tagspace", "runner.epochs=0", "hyper_parameters.linear.features=both")
    assert spaces["hyper_parameters.linear.ngram_max"] == Choices([1, 2, 3])
    assert all(key.startswith("hyper_parameters.linear.") for key in spaces)
