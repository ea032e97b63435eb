"""What is asked of a model, and of what it gives."""

from pathlib import Path

import numpy as np
import paddle
import pytest

from textzoo.errors import UserError
from textzoo.running.model import Model, check_loss, check_outputs


class Own(Model):
    """A model that says only what it has to."""


MODEL = Own({})


def test_a_loss_is_a_scalar():
    check_loss(MODEL, paddle.ones([3]).mean())
    for several in (paddle.ones([3]), paddle.ones([1])):
        with pytest.raises(UserError) as refused:
            check_loss(MODEL, several)
        message = str(refused.value)
        assert message.startswith(f"{Path(__file__)}: train_forward: received a loss of shape")
        assert f"[{len(several)}], expected a scalar" in message


def test_outputs_have_their_names_and_shapes():
    scores = {"scores": np.zeros((2, 5)), "more": np.zeros(1)}
    check_outputs(MODEL, scores, {"scores": (2, 5)})
    check_outputs(MODEL, scores, {"scores": (2, None)})
    for shape in ((3, 5), (2, 4), (2,), (2, 5, None)):
        with pytest.raises(UserError, match=r"infer_forward: received scores of shape \[2, 5\]"):
            check_outputs(MODEL, scores, {"scores": shape})
    with pytest.raises(UserError, match="received scores, more, expected embeddings"):
        check_outputs(MODEL, scores, {"embeddings": (2, None)})
    with pytest.raises(UserError, match="received nothing, expected scores"):
        check_outputs(MODEL, {}, {"scores": (2, 5)})


def test_what_a_model_does_not_say_is_as_most_have_it():
    assert (MODEL.kind, MODEL.of_the_batch, MODEL.word_embedding) == ("tags", (), None)
    assert MODEL.shards(None) == {} and MODEL.distinct_keys({}, np.arange(3)) is None
    weights = {"w": np.ones(2)}
    MODEL.initialise(weights, None)
    assert weights["w"].tolist() == [1, 1]
