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


# Keys, values and what their refusal says; of optimizers the class and its arguments.
WRONG_TYPES = [
    ("runner.epochs", "'3'", "received '3' (str), expected int"),
    ("runner.epochs", "true", "received True (bool), expected int"),
    ("runner.epochs", "2.0", "received 2.0 (float), expected int"),
    ("runner.epochs", "", "received None (NoneType), expected int"),
    ("runner.use_gpu", "1", "received 1 (int), expected true or false"),
    ("runner.use_gpu", "'yes'", "received 'yes' (str), expected true or false"),
    ("runner.valid_fraction", "1", "received 1 (int), expected float, >= 0, < 1"),
    ("runner.valid_fraction", "'0.1'", "received '0.1' (str), expected float"),
    ("runner.max_grad_norm", "0.0", "received 0.0 (float), expected float, > 0 or null"),
    ("runner.train_data_dir", "7", "received 7 (int), expected a path or null"),
    ("runner.metrics", "accuracy", "received 'accuracy' (str), expected a list of text"),
    ("runner.seed", "-1", "received -1 (int), expected int, >= 0"),
    ("hyper_parameters.hid_dim", "'8'", "received '8' (str), expected int"),
    ("hyper_parameters.hid_dim", "1e3", "received 1000.0 (float), expected int"),
    ("hyper_parameters.deep", "0", "received 0 (int), expected true or false"),
    ("hyper_parameters.n_words", "x", "received 'x' (str), expected int or null"),
    ("hyper_parameters.optimizer.warmup", "-0.1", "received -0.1 (float), expected float, >="),
    ("hyper_parameters.optimizer.schedule", "step", "expected one of constant | linear |"),
]
WRONG_OPTIMIZERS = [
    ("Adamm", {}, "hyper_parameters.optimizer.class: received 'Adamm', expected one of"),
    ("LBFGS", {}, "hyper_parameters.optimizer.class: received 'LBFGS', expected one of"),
    ("lr", {}, "hyper_parameters.optimizer.class: received 'lr', expected one of"),
    ("SGD", {"momentum": 0.9}, "hyper_parameters.optimizer.momentum: unknown key"),
    ("Adam", {"grad_clip": 1.0}, "hyper_parameters.optimizer.grad_clip: unknown key"),
    ("Adam", {"parameters": []}, "hyper_parameters.optimizer.parameters: unknown key"),
    ("Adam", {"beta1": 2.0}, "hyper_parameters.optimizer.beta1: received 2.0 (float), exp"),
]
# Of each model.
OUT_OF_RANGE = [
    ("tagspace", "runner.seed=18446744073709551616", "expected int, >= 0, < 4294967296"),
    ("tagspace", "runner.epochs=2147483648", "expected int, >= 0, <= 2147483647"),
    ("tagspace", "runner.processes=2000", "expected one of auto or int, > 0, <= 1024"),
    ("tagspace", "runner.propensity_a=.inf", "received inf (float), expected float, >= 0"),
    ("tagspace", "runner.propensity_b=1e30", "expected float, >= 0, <= 1000000.0"),
    ("tagspace", "index.ef=18446744073709551616", "expected int, > 0, <= 2147483647"),
    ("tagspace", "hyper_parameters.optimizer.learning_rate=.inf", "> 0, finite"),
    ("tagspace", "hyper_parameters.optimizer.warmup=1e30", ">= 0, <= 2147483647"),
    ("tagspace", "hyper_parameters.optimizer.weight_decay=-1", "expected float, >= 0 or"),
    ("tagspace", "hyper_parameters.word_dropout=1.5", "expected float, >= 0, < 1"),
    ("tagspace", "hyper_parameters.win_size=0", "received 0 (int), expected int, > 0"),
    ("tagspace", "hyper_parameters.vocab_text_size=-5", "expected int, > 0 or null"),
    ("tagspace", "reader.ngram_buckets=-1", "received -1 (int), expected int, >= 0"),
    ("tagspace", "reader.max_words=0", "received 0 (int), expected int, > 0 or null"),
    ("xmlcnn", "hyper_parameters.hidden_dim=-1", "received -1 (int), expected int, >= 0"),
    ("xmlcnn", "hyper_parameters.windows=[]", "a list of int, > 0, length >= 1"),
    ("xmlcnn", "hyper_parameters.windows=[2, 0]", "received 0 (int), expected a list of"),
    ("xmlcnn", "hyper_parameters.n_chunks=0", "received 0 (int), expected int, > 0"),
    ("multilabel", "hyper_parameters.dropout=1.0", "expected float, >= 0, < 1"),
    ("multilabel", "hyper_parameters.gradient_penalty=-1.0", "expected float, >= 0"),
    ("multilabel", "hyper_parameters.encoder.layer_norm_eps=1.5", "expected float, > 0, < 1"),
    ("multilabel", "hyper_parameters.encoder.num_hidden_layers=5000", "<= 1024"),
    ("multilabel", "reader.max_len=2", "expected int, >= 3"),
    ("batchneg", "hyper_parameters.margin=.inf", "expected float, >= -2, <= 2, finite"),
    ("batchneg", "hyper_parameters.scale=0", "received 0 (int), expected float, > 0"),
    ("batchneg", "reader.ngram_max=0", "expected int, > 0, <= 64"),
    ("hardestneg", "hyper_parameters.margin=0", "expected float, > 0, <= 2"),
    ("xmlcnn", "hyper_parameters.linear.label_means=1e30", ">= 0, <= 1000"),
    ("xmlcnn", "hyper_parameters.linear.label_names=-1", ">= 0, <= 1000"),
    ("xmlcnn", "hyper_parameters.linear.character_weight=0", "expected float, > 0, <= 100"),
    ("hardestneg", "index.mine_margin=-.inf", "expected float, >= -2, <= 2 or null"),
    ("hardestneg", "index.mine_relative_margin=1", "expected float, >= 0, < 1 or null"),
    ("batchneg", "index.mine_min_score=2.5", "expected float, >= -2, <= 2 or null"),
    ("batchneg", "index.mine_sampling=hardest", "expected one of top | random"),
    ("batchneg", "reader.max_negatives=0", "expected int, > 0"),
    ("multilabel", "hyper_parameters.optimizer.layer_decay=0", "expected float, > 0, <= 1"),
]
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
