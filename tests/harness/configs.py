"""Small configs of a model that is not one of the zoo, and what loading them says."""

from typing import Literal, Optional

import pytest

from textzoo.config.checking import check
from textzoo.config.layers import read_layers
from textzoo.errors import UserError


class Net:
    def __init__(
        self,
        *,
        n_words: int,
        hid_dim: int = 8,
        drop: float = 0.5,
        loss: Literal["margin", "softmax"] = "margin",
        deep: bool = False,
        tag_dim: Optional[int] = None,
    ):
        raise AssertionError("checking a config must not construct the net")


class Reader:
    supplies = ("n_words",)

    def __init__(self, *, pattern: str = r"\w+", stop_words: Optional[list[str]] = None):
        raise AssertionError("checking a config must not construct the reader")


MINIMAL = {"runner": {}, "hyper_parameters": {"optimizer": {"class": "Adam", "learning_rate": 0.1}}}


def load(path, overrides=()):
    return check(path, read_layers(path, list(overrides)), Net, Reader)


def problems(path, overrides=()):
    """The lines below the first of the message that a config is refused with."""
    with pytest.raises(UserError) as failure:
        load(path, overrides)
    first, *lines = str(failure.value).split("\n  ")
    assert first == f"{path}: {len(lines)} problem(s):"
    return lines
