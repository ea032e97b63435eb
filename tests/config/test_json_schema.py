"""What editors check a config by refuses what the commands refuse, and nothing else."""

import copy
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import jsonschema
import pytest
from conftest import ROOT
from harness.configs import MINIMAL, OUT_OF_RANGE, WRONG_OPTIMIZERS, WRONG_TYPES, Net, Reader
from harness.workspace import model_folders
from paddle.optimizer import SGD

from textzoo.config.checking import schema_of
from textzoo.config.json_schema import FILE, described_arguments, json_schema, schema_text
from textzoo.config.layers import read_layers
from textzoo.config.model_folder import load_model_folder
from textzoo.config.optimizer_keys import argument_types, optimizer_classes
from textzoo.config.schema import Optimizer

CONFIGS = sorted(ROOT.glob("models/*/config*.yaml"))
VALUES = (
    *(None, True, 0, 1, 7, -1, 2**31, 2**64, 0.5, 1.0, 1.5, -0.5, 1e30, float("inf")),
    *("", " ", "x", "auto", "none", [], [1], [0.5, 0.5], ["x"], [None], {}, {"x": 1}),
)
# An address, two names and a fold, which are judged by code.
WITHOUT_FORM = {"index.uri", "index.collection", "index.partition", "runner.left_out_fold"}
INHERITING = {"base": "other.yaml"}


def is_int(checker, value):
    return isinstance(value, int) and not isinstance(value, bool)


# Of JSON 2.0 is an integer, of YAML it is not.
Validator = jsonschema.validators.extend(
    jsonschema.Draft7Validator,
    type_checker=jsonschema.Draft7Validator.TYPE_CHECKER.redefine("integer", is_int),
)


def validator(schema):
    jsonschema.Draft7Validator.check_schema(schema)
    return Validator(schema)


class Checks(NamedTuple):
    """What checks the configs of a model.

    Attributes:
        editors: the JSON Schema.
        commands: the schema of blocks.
        smallest: a config that both accept.
    """

    editors: jsonschema.protocols.Validator
    commands: type
    smallest: dict

    def known(self):
        """The dotted keys that both know, each with its JSON Schema."""
        found = keys_of(self.editors.schema)
        return [(key, of) for key, of in found if key != "base" and not is_argument(key)]

    def accepts(self, key, value):
        """Whether the commands do."""
        try:
            self.commands.model_validate(blocks_with(self.smallest, key, value))
        except ValueError:
            return False
        return True


def checks_of(name):
    folder = load_model_folder(ROOT / "models" / name)
    schema = json_schema(folder.net, folder.reader, folder.dygraph_model.optimizers)
    smallest = copy.deepcopy(MINIMAL)
    if "encoder" in schema["properties"]["hyper_parameters"]["properties"]:
        smallest["hyper_parameters"]["encoder"] = {}
    return Checks(validator(schema), schema_of(folder.net, folder.reader), smallest)


def keys_of(schema, prefix=""):
    for name, of in schema["properties"].items():
        yield f"{prefix}{name}", of
        if "properties" in of:
            yield from keys_of(of, f"{prefix}{name}.")


def is_argument(key):
    """Whether it is of an optimizer's class, which the schema of blocks leaves open."""
    block, _, name = key.rpartition(".")
    return block.endswith("optimizer") and (name == "class" or name not in Optimizer.model_fields)


def words(schema):
    """The words that a key takes."""
    kinds = schema.get("anyOf", [schema])
    return [word for kind in kinds for word in kind.get("enum", [kind.get("const", "x")])]


def blocks_with(blocks, key, value):
    blocks = copy.deepcopy(blocks)
    *outer, last = key.split(".")
    block = blocks
    for part in outer:
        block = block.setdefault(part, {})
    block[last] = value
    return blocks


@pytest.fixture(scope="module")
def of_models():
    return {name: checks_of(name) for name in model_folders()}


@pytest.fixture(params=model_folders())
def checks(request, of_models):
    return of_models[request.param]


@pytest.fixture(scope="module")
def small():
    """What editors check the small model of the harness by."""
    return validator(json_schema(Net, Reader, {}))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_config_is_accepted(write_config, path):
    schema = validator(json.loads((path.parent / FILE).read_text(encoding="utf-8")))
    text, inherits = re.subn("^base: .*", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    own = read_layers(write_config(text), []).blocks
    for blocks in ({**own, **(INHERITING if inherits else {})}, read_layers(path, []).blocks):
        assert [problem.message for problem in schema.iter_errors(blocks)] == []


def test_each_key_takes_the_values_that_the_commands_take(checks):
    verdicts = Counter()
    for key, schema in checks.known():
        for value in () if key in WITHOUT_FORM else (*VALUES, *words(schema)):
            # What inherits is checked fast, its optimizer being elsewhere; blocks are to be whole.
            blocks = checks.smallest if "properties" in schema else INHERITING
            verdict = checks.accepts(key, value)
            assert checks.editors.is_valid(blocks_with(blocks, key, value)) == verdict, (key, value)
            verdicts[verdict] += 1
    assert min(verdicts[True], verdicts[False]) > 500


def test_a_variable_may_stand_for_all_but_lists_and_blocks(checks):
    for key, schema in checks.known():
        values = (True, 1, 7, 0.5, "x", "http://x", "1/2", *words(schema))
        takes_one = any(checks.accepts(key, value) for value in values)
        blocks = blocks_with(INHERITING, key, "${SOME:-x}")
        assert checks.editors.is_valid(blocks) == takes_one, key
    for key in ("class", "beta1", "amsgrad"):
        blocks = blocks_with(INHERITING, f"hyper_parameters.optimizer.{key}", "${SOME:-x}")
        assert checks.editors.is_valid(blocks)
    assert not checks.editors.is_valid(blocks_with(INHERITING, "runner.epochs", "$SOME"))


def test_every_key_is_described(checks):
    keys = dict(keys_of(checks.editors.schema))
    assert {"runner.epochs", "hyper_parameters.optimizer.beta1", "index.ef", "base"} <= keys.keys()
    undescribed = [key for key, schema in keys.items() if not schema.get("description")]
    assert undescribed == ["reader", "hyper_parameters"]
    assert keys["runner.epochs"]["default"] == 1
    assert "default" not in keys["runner.train_data_dir"]


def test_each_optimizer_has_its_own_arguments(small):
    arguments = {name: argument_types(of, False) for name, of in optimizer_classes({}).items()}
    keys = {key for types in arguments.values() for key in types}
    assert len(arguments) > 10 and len(keys) > 20
    for name, types in arguments.items():
        given = {"class": name, **dict.fromkeys(keys, "${SOME}")}
        blocks = blocks_with(INHERITING, "hyper_parameters.optimizer", given)
        refused = {problem.instance for problem in small.iter_errors(blocks)}
        assert refused - {"${SOME}"} == keys - types.keys(), name  # a list is no variable


def test_a_model_s_own_optimizer_is_one_of_them():
    class Mine(SGD):
        def __init__(self, learning_rate, parameters, grad_clip=None, *, decay=0.1):
            raise AssertionError("it must not be constructed")

    editors = validator(json_schema(Net, Reader, {"Mine": Mine}))
    for name, key, fits in (
        ("Mine", "decay", True),
        ("Mine", "beta1", False),
        ("SGD", "decay", False),
    ):
        optimizer = {"class": name, "learning_rate": 0.1, key: 0.5}
        blocks = {"runner": {}, "hyper_parameters": {"optimizer": optimizer}}
        assert editors.is_valid(blocks) == fits


@pytest.mark.parametrize(("key", "value", "_"), WRONG_TYPES)
def test_types_are_not_converted(small, write_config, key, value, _):
    assert small.is_valid(MINIMAL)
    assert not small.is_valid(read_layers(write_config(MINIMAL), [f"{key}={value}"]).blocks)


@pytest.mark.parametrize(("class_name", "arguments", "_"), WRONG_OPTIMIZERS)
def test_an_optimizer_is_checked_against_its_class(small, class_name, arguments, _):
    optimizer = {"class": class_name, "learning_rate": 0.1, **arguments}
    assert not small.is_valid({"runner": {}, "hyper_parameters": {"optimizer": optimizer}})


@pytest.mark.parametrize(("model", "override", "_"), OUT_OF_RANGE)
def test_a_value_out_of_its_range_is_refused(of_models, write_config, model, override, _):
    blocks = read_layers(write_config(of_models[model].smallest), [override]).blocks
    assert of_models[model].editors.is_valid(of_models[model].smallest)
    assert not of_models[model].editors.is_valid(blocks)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"runer": {}}, {"reader": {"zzz": 1}}, {"runner": {"epoch": 3}}, {"base": 3}),
        *({block: value} for block in ("runner", "reader") for value in (None, 3, ["epochs"])),
    ],
)
def test_an_unknown_key_and_what_is_no_block_are_refused(small, wrong):
    assert not small.is_valid({**MINIMAL, **wrong})
    assert not small.is_valid({**INHERITING, **wrong})


def test_what_is_missing_may_be_in_the_base(small):
    rate = {"optimizer": {"learning_rate": 0.1}}
    for blocks in ({}, {"runner": {}}, {"runner": {}, "hyper_parameters": rate}):
        assert not small.is_valid(blocks)
        assert small.is_valid({**INHERITING, **blocks})


def test_of_a_type_that_json_lacks_it_takes_any_value():
    class OwnNet(Net):
        def __init__(self, *, n_words: int, activation: Callable[[float], float] = abs):
            raise AssertionError("it must not be constructed")

    editors = validator(json_schema(OwnNet, Reader, {}))
    assert editors.is_valid(blocks_with(MINIMAL, "hyper_parameters.activation", "x"))
    assert not editors.is_valid(blocks_with(MINIMAL, "hyper_parameters.aktivation", "x"))


def test_arguments_are_described_by_the_docstring():
    class Described:
        """Title.

        Args:
            one: first,
                and more.
            two: `a: b`.

        Raises:
            E: x.
        """

    assert described_arguments(Described) == {"one": "first, and more.", "two": "`a: b`."}
    assert described_arguments(Net) == {}


def test_the_text_is_json_with_a_line_for_each_key():
    folder = load_model_folder(ROOT / "models" / "tagspace")
    text = schema_text(folder)
    schema = json.loads(text)
    assert schema == json_schema(folder.net, folder.reader, folder.dygraph_model.optimizers)
    lines = [line.lstrip() for line in text.splitlines()]
    for key, _ in keys_of(schema):
        place = f'"{key.rpartition(".")[2]}": {{'
        assert any(line.startswith(place) for line in lines), key
