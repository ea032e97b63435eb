import json
from pathlib import Path
from typing import Optional

import pytest
import yaml
from harness.configs import (
    MINIMAL,
    WRONG_OPTIMIZERS,
    WRONG_TYPES,
    Net,
    Reader,
    load,
    problems,
)

from textzoo.config.checking import check, differences, schema_of, signature_fields
from textzoo.config.layers import read_layers
from textzoo.errors import UserError

# ------------------------------------------------------------------ what is refused, and how


def test_every_problem_is_listed_at_once_with_its_full_key(write_config):
    path = write_config(
        """
        runner: {epoch: 3, print_interval: ten, bad_lines: drop, train_batch_size: 0}
        reader: {pattern: 5, patern: x}
        hyper_parameters:
          hid_dims: 4
          loss: hinge
          optimizer: {class: Adam, beta3: 0.9}
        """
    )
    found = problems(path)
    keys = {line.split(": ")[0]: line for line in found}
    assert set(keys) == {
        "runner.epoch",
        "runner.print_interval",
        "runner.bad_lines",
        "runner.train_batch_size",
        "reader.pattern",
        "reader.patern",
        "hyper_parameters.hid_dims",
        "hyper_parameters.loss",
        "hyper_parameters.optimizer.beta3",
        "hyper_parameters.optimizer.learning_rate",
    }
    assert len(found) == len(keys)
    assert "unknown key; did you mean runner.epochs?" in keys["runner.epoch"]
    assert "received 'ten' (str), expected int, > 0" in keys["runner.print_interval"]
    assert "received 'drop' (str), expected one of error | skip" in keys["runner.bad_lines"]
    assert "received 0 (int), expected int, > 0" in keys["runner.train_batch_size"]
    assert "received 5 (int), expected text" in keys["reader.pattern"]
    assert "did you mean reader.pattern?" in keys["reader.patern"]
    assert "did you mean hyper_parameters.hid_dim?" in keys["hyper_parameters.hid_dims"]
    assert (
        "received 'hinge' (str), expected one of margin | softmax"
        in (keys["hyper_parameters.loss"])
    )
    assert (
        "did you mean hyper_parameters.optimizer.beta" in (keys["hyper_parameters.optimizer.beta3"])
    )
    assert keys["hyper_parameters.optimizer.learning_rate"].startswith(
        "hyper_parameters.optimizer.learning_rate: missing; expected float, > 0"
    )


def test_an_unknown_key_unlike_any_other_shows_the_valid_keys(write_config):
    path = write_config({**MINIMAL, "reader": {"zzz": 1}})
    assert problems(path) == ["reader.zzz: unknown key; valid here: pattern, stop_words"]


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ("master: 10.0.0.1:6170", "nodes: 1"),
        ("threshold_shrinkage: 10.0", "threshold: 0.5"),
        ("valid_corpus_texts: 9", "corpus_file: null"),
    ],
)
def test_a_key_that_does_nothing_without_another_is_refused(write_config, given, needed):
    (key, _, value), other = given.partition(": "), needed.partition(":")[0]
    path = write_config(MINIMAL)
    (said,) = problems(path, [f"runner.{key}={value}"])
    assert f"runner.{key}: received " in said and f"without runner.{other}, expected" in said
    both = [f"runner.{pair.replace(': ', '=')}" for pair in (given, needed)]
    assert load(path, both).runner  # a later layer has taken it back
    default = {"master": "null", "threshold_shrinkage": "0.0"}.get(key, "0")
    assert load(path, [f"runner.{key}={default}"]).runner


def test_an_unknown_block_is_named(write_config):
    path = write_config({**MINIMAL, "runer": {}})
    assert problems(path) == ["runer: unknown key; did you mean runner?"]


def test_missing_blocks_are_named(write_config):
    found = problems(write_config("reader: {}"))
    assert [line.split(";")[0] for line in found] == [
        "runner: missing",
        "hyper_parameters: missing",
    ]


@pytest.mark.parametrize("block", ["runner", "hyper_parameters", "reader"])
@pytest.mark.parametrize("value", [None, 3, ["epochs"]])
def test_a_block_that_is_no_mapping_is_refused(write_config, block, value):
    (line,) = problems(write_config({**MINIMAL, block: value}))
    assert line.startswith(f"{block}: received {value!r}")


def test_a_value_in_place_of_a_block_is_told_the_block_that_has_no_effect(write_config):
    null_linear = {**MINIMAL, "hyper_parameters": {**MINIMAL["hyper_parameters"], "linear": None}}
    (line,) = problems(write_config(null_linear))
    assert line == (
        "hyper_parameters.linear: received None (NoneType), expected a block of keys, such as "
        "hyper_parameters.linear.features=none"
    )


def test_a_block_in_place_of_a_value_is_refused(write_config):
    (line,) = problems(write_config({**MINIMAL, "runner": {"epochs": {"a": 1}}}))
    assert line.startswith("runner.epochs: received a block of keys (dict), expected int")


@pytest.mark.parametrize(("class_name", "arguments", "expected"), WRONG_OPTIMIZERS)
def test_optimizer_arguments_are_checked_against_the_class(
    write_config, class_name, arguments, expected
):
    optimizer = {"class": class_name, "learning_rate": 0.1, **arguments}
    (line,) = problems(write_config({"runner": {}, "hyper_parameters": {"optimizer": optimizer}}))
    assert line.startswith(expected)


@pytest.mark.parametrize(("key", "value", "expected"), WRONG_TYPES)
def test_types_are_not_converted(write_config, key, value, expected):
    (line,) = problems(write_config(MINIMAL), [f"{key}={value}"])
    assert line.startswith(f"{key}: ")
    assert expected in line


def test_a_wrong_item_of_a_list_is_named(write_config):
    (line,) = problems(write_config(MINIMAL), ["runner.metrics=[mrr, 3]"])
    assert line.startswith("runner.metrics")
    assert "received 3 (int)" in line


def test_each_key_of_a_union_type_is_reported_once(write_config):
    (line,) = problems(write_config(MINIMAL), ["runner.resume=5"])
    assert line.startswith("runner.resume: received 5 (int), expected one of auto | none or a path")


def test_an_int_is_accepted_for_a_float(write_config):
    config = load(write_config(MINIMAL), ["hyper_parameters.drop=1", "runner.max_grad_norm=5"])
    assert config.hyper_parameters["drop"] == 1.0
    assert isinstance(config.hyper_parameters["drop"], float)
    assert config.runner.max_grad_norm == 5.0


# ------------------------------------------------------------------ the signature is the schema


def test_keyword_only_arguments_become_fields_and_others_do_not():
    class Example:
        def __init__(self, positional: int, *, a: int, b: Optional[str] = None, c: float = 2.0):
            pass

    assert signature_fields(Example) == {
        "a": (int, ...),
        "b": (Optional[str], None),
        "c": (float, 2.0),
    }


def test_the_schema_has_the_net_s_and_the_reader_s_arguments():
    fields = schema_of(Net, Reader).model_fields
    net, reader = fields["hyper_parameters"].annotation, fields["reader"].annotation
    assert set(net.model_fields) == {
        *("n_words", "hid_dim", "drop", "loss", "deep", "tag_dim", "optimizer", "linear")
    }
    assert set(reader.model_fields) == {"pattern", "stop_words"}


def test_defaults_come_from_the_constructors(write_config):
    config = load(write_config(MINIMAL))
    assert config.reader == {"pattern": r"\w+", "stop_words": None}
    # n_words is supplied by the data and was not stated; tag_dim is None by its own default.
    assert config.hyper_parameters == {
        **{"hid_dim": 8, "drop": 0.5, "loss": "margin", "deep": False, "tag_dim": None}
    }


def test_a_size_that_the_data_supplies_may_be_stated(write_config):
    config = load(write_config(MINIMAL), ["hyper_parameters.n_words=100"])
    assert config.hyper_parameters["n_words"] == 100


def test_a_required_argument_that_the_data_does_not_supply_must_be_stated(write_config):
    class NoSupplies(Reader):
        supplies = ()

    path = write_config(MINIMAL)
    with pytest.raises(UserError, match=r"hyper_parameters\.n_words: missing; expected int"):
        check(path, read_layers(path, []), Net, NoSupplies)


# ------------------------------------------------------------------ the resolved config


def test_the_resolved_config_is_complete_and_can_be_written(write_config):
    config = load(
        write_config(MINIMAL), ["runner.train_data_dir=x", "hyper_parameters.optimizer.beta1=0.5"]
    )
    resolved = config.resolved()
    assert json.loads(json.dumps(resolved)) == resolved
    assert yaml.safe_load(yaml.safe_dump(resolved)) == resolved
    assert set(resolved["runner"]) == set(type(config.runner).model_fields)
    assert resolved["runner"]["train_data_dir"] == str(Path("x").absolute())
    assert resolved["reader"] == {"pattern": r"\w+", "stop_words": None}
    assert resolved["hyper_parameters"] == {
        "optimizer": {
            "class": "Adam",
            "learning_rate": 0.1,
            "schedule": "constant",
            "warmup": 0.0,
            "layer_decay": None,
            "beta1": 0.5,
        },
        **{"hid_dim": 8, "drop": 0.5, "loss": "margin", "deep": False, "tag_dim": None},
    }


def test_a_resolved_config_is_itself_a_config(write_config):
    resolved = load(write_config(MINIMAL), ["runner.epochs=7"]).resolved()
    assert load(write_config(resolved, "again.yaml")).resolved() == resolved


def test_differences_are_named_by_dotted_key():
    ours = {"runner": {"seed": 1, "epochs": 2}, "reader": {}}
    theirs = {"runner": {"seed": 3, "epochs": 2}, "reader": {"pattern": "x"}}
    assert differences(ours, theirs) == [
        "reader.pattern: 'x' there, None here",
        "runner.seed: 3 there, 1 here",
    ]
    assert differences(ours, ours) == []
