import pytest

from textzoo.config.dotted import flat, flat_given, nested, override, with_value
from textzoo.config.layers import read_layers

BLOCKS = {"runner": {"epochs": 3}, "net": {"inner": {"a": [1, {"b": 2}], "c": None}}}


def test_blocks_are_the_same_after_there_and_back():
    assert flat(BLOCKS) == {"runner.epochs": 3, "net.inner.a": [1, {"b": 2}], "net.inner.c": None}
    assert nested(flat(BLOCKS)) == BLOCKS
    assert flat({"runner__epochs": 3}) == {"runner.epochs": 3}


def test_another_value_leaves_the_blocks_as_they_are():
    changed = with_value(BLOCKS, "net.inner.c", 1)
    assert changed["net"]["inner"] == {"a": [1, {"b": 2}], "c": 1}
    assert BLOCKS["net"]["inner"]["c"] is None
    assert with_value({"a": None}, "a.b", 1) == {"a": {"b": 1}}


VALUES = [1e-05, 3, True, None, "a#b: c", "${HOME}", "$$", "7", "", [2, 3], ["a, b"], "C:\\x 标签"]


@pytest.mark.parametrize("value", VALUES)
def test_an_override_is_read_as_the_value(write_config, value):
    read = read_layers(write_config("runner: {}"), [override("runner.x", value)])
    assert read.blocks == {"runner": {"x": value}}


def test_keys_of_blocks_are_joined_and_those_without_a_value_left_out():
    blocks = {"runner": {"epochs": 3, "seed": None}, "reader": {}, "model": "tagspace"}
    assert flat_given(blocks) == {"runner.epochs": 3, "model": "tagspace"}
