import pytest

from textzoo.config.layers import read_layers
from textzoo.starting.config_text import config_text
from textzoo.starting.settings import Chosen

VALUES = [
    *("tags", "../my data/x's.csv", "C:/tags.csv", "a: b", "# no", "true", "Null", "1e3", "007"),
    *("\\w+|[^\\w\\s]", "标签", "", " ", "~", "-", "@x", "recall@10", ".inf", ".5"),
    *("line\nend", "\u2028", "../a_b/c-1.csv", "/data/x.tsv", ".hidden"),
    *("a${b}c", "$x", "$$"),
    *(True, False, None, 0, 1, 0.05, 1e-05, 3e20, [1, 2], ["a, b", ";", "x"], []),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_what_is_written_is_read_again(tmp_path, value):
    config = tmp_path / "config.yaml"
    blocks = {
        "runner": {"x": Chosen(value, "a reason: 95 % # of\u2028\x85\n\0it"), "y": {"z": value}}
    }
    config.write_text(config_text(["a title\nx: 1"], blocks), encoding="utf-8")
    assert read_layers(config, []).blocks == {"runner": {"x": value, "y": {"z": value}}}


def test_reasons_stand_behind_values_and_empty_blocks_nowhere():
    blocks = {"runner": {"epochs": Chosen(0, "few rows"), "seed": 1}, "reader": {}}
    assert config_text(["title", "", "  do"], blocks) == (
        "# title\n#\n#   do\n\nrunner:\n  epochs: 0  # few rows\n  seed: 1\n"
    )
