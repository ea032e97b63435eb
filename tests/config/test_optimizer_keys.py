"""What a config may say of its optimizer; what each class does with it: running/test_optimizer."""

import paddle
import pytest
from paddle import nn

from textzoo.config.optimizer_keys import (
    SPARSE_OPTIMIZERS,
    check_layer_decay,
    check_sparse,
    optimizer_classes,
    optimizer_problems,
)
from textzoo.config.schema import EncoderSettings, Optimizer
from textzoo.errors import UserError
from textzoo.nets.sentence_encoder import SentenceEncoder


class Mine(paddle.optimizer.SGD):
    def __init__(self, learning_rate, parameters, grad_clip=None, *, decay=0.1):
        if decay < 0:
            raise ValueError("decay is below 0")
        super().__init__(learning_rate, parameters, grad_clip=grad_clip)


def test_every_optimizer_of_paddle_and_the_models_own_can_be_chosen():
    known = optimizer_classes({"Mine": Mine})
    assert {"SGD", "Adam", "AdamW", "Adagrad", "Lamb"} <= set(known)
    assert known["Mine"] is Mine and known["Adam"] is paddle.optimizer.Adam
    assert not {"Optimizer", "LBFGS", "lr"} & set(known)
    assert "Mine" not in optimizer_classes({})


def test_a_class_that_is_not_there_is_answered_with_those_that_are():
    (problem,) = optimizer_problems("Mine", {})
    assert "optimizer.class: received 'Mine'" in problem and "Adam, AdamW" in problem
    assert optimizer_problems("Mine", {"decay": 0.2}, {"Mine": Mine}) == []


def test_unknown_keys_are_each_named_with_the_nearest():
    first, second = optimizer_problems("Mine", {"decoy": 1, "beta": 2}, {"Mine": Mine})
    assert "optimizer.decoy: unknown key" in first and "did you mean" in first
    assert "optimizer.beta: unknown key" in second and "decay" in second


@pytest.mark.parametrize("key", ["parameters", "grad_clip", "learning_rate"])
def test_what_a_run_sets_itself_is_no_key(key):
    (problem,) = optimizer_problems("Mine", {key: None}, {"Mine": Mine})
    assert f"optimizer.{key}: unknown key" in problem


def test_values_that_the_class_refuses_are_told():
    (problem,) = optimizer_problems("Mine", {"decay": -1}, {"Mine": Mine})
    assert "Mine does not accept" in problem and "decay is below 0" in problem


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("name", ["Adam", "AdamW", *SPARSE_OPTIMIZERS])
def test_sparse_gradients_need_an_optimizer_that_computes_them_rightly(name, sparse):
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Embedding(3, 2, sparse=sparse)))
    if not sparse or name in SPARSE_OPTIMIZERS:
        check_sparse(net, name)
        return
    with pytest.raises(UserError, match=rf"received {name}, but the gradients of 1\.0 are sparse"):
        check_sparse(net, name)


@pytest.mark.parametrize(
    ("encoder", "class_name", "says"),
    [
        ({"config": "ngram"}, "Adam", "this model has no layers of a transformer"),
        ({"config": "tiny", "num_hidden_layers": 0}, "Adam", "this model has no layers"),
        ({"config": "tiny", "share_layers": True}, "Adam", "all layers .* have the same weights"),
        ({"config": "tiny"}, "Rprop", "Rprop finds the steps of each weight itself"),
    ],
)
def test_a_rate_for_each_layer_needs_layers_and_rates(encoder, class_name, says):
    net = SentenceEncoder(10, 6, EncoderSettings(**encoder), "mean", 3)
    settings = {"class": class_name, "learning_rate": 0.1}
    check_layer_decay(net, Optimizer.model_validate(settings))
    decayed = Optimizer.model_validate({**settings, "layer_decay": 0.5})
    with pytest.raises(UserError, match=f"optimizer.layer_decay: received 0.5, expected 1: {says}"):
        check_layer_decay(net, decayed)
    check_layer_decay(
        SentenceEncoder(10, 6, EncoderSettings(config="tiny"), "mean", 3),
        Optimizer.model_validate({**settings, "class": "AdamW", "layer_decay": 0.5}),
    )
