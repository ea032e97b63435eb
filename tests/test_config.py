import json
from pathlib import Path
from typing import Literal, Optional

import pytest
import yaml

from textzoo.config import check, differences, read_layers, schema_of, signature_fields
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


@pytest.fixture
def write(tmp_path):
    def write(content, name="config.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def load(path, overrides=()):
    return check(path, read_layers(path, list(overrides)), Net, Reader)


def problems(path, overrides=()):
    """The lines below the first of the message that a config is refused with."""
    with pytest.raises(UserError) as failure:
        load(path, overrides)
    first, *lines = str(failure.value).split("\n  ")
    assert first == f"{path}: {len(lines)} problem(s):"
    return lines


# ------------------------------------------------------------------ what is refused, and how


def test_every_problem_is_listed_at_once_with_its_full_key(write):
    path = write(
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


def test_an_unknown_key_unlike_any_other_shows_the_valid_keys(write):
    path = write({**MINIMAL, "reader": {"zzz": 1}})
    assert problems(path) == ["reader.zzz: unknown key; valid here: pattern, stop_words"]


def test_an_unknown_block_is_named(write):
    path = write({**MINIMAL, "runer": {}})
    assert problems(path) == ["runer: unknown key; did you mean runner?"]


def test_missing_blocks_are_named(write):
    found = problems(write("reader: {}"))
    assert [line.split(";")[0] for line in found] == [
        "runner: missing",
        "hyper_parameters: missing",
    ]


@pytest.mark.parametrize("block", ["runner", "hyper_parameters", "reader"])
@pytest.mark.parametrize("value", [None, 3, ["epochs"]])
def test_a_block_that_is_no_mapping_is_refused(write, block, value):
    (line,) = problems(write({**MINIMAL, block: value}))
    assert line.startswith(f"{block}: received {value!r}")


def test_a_block_in_place_of_a_value_is_refused(write):
    (line,) = problems(write({**MINIMAL, "runner": {"epochs": {"a": 1}}}))
    assert line.startswith("runner.epochs: received a block of keys (dict), expected int")


@pytest.mark.parametrize(
    ("class_name", "arguments", "expected"),
    [
        ("Adamm", {}, "hyper_parameters.optimizer.class: received 'Adamm', expected one of"),
        ("LBFGS", {}, "hyper_parameters.optimizer.class: received 'LBFGS', expected one of"),
        ("lr", {}, "hyper_parameters.optimizer.class: received 'lr', expected one of"),
        ("SGD", {"momentum": 0.9}, "hyper_parameters.optimizer.momentum: unknown key"),
        ("Adam", {"grad_clip": 1.0}, "hyper_parameters.optimizer.grad_clip: unknown key"),
        ("Adam", {"parameters": []}, "hyper_parameters.optimizer.parameters: unknown key"),
        ("Adam", {"beta1": 2.0}, "hyper_parameters.optimizer: Adam does not accept"),
        ("Momentum", {"momentum": "high"}, "hyper_parameters.optimizer: Momentum does not accept"),
        ("SGD", {"weight_decay": "x"}, "hyper_parameters.optimizer: SGD does not accept"),
    ],
)
def test_optimizer_arguments_are_checked_against_the_class(write, class_name, arguments, expected):
    optimizer = {"class": class_name, "learning_rate": 0.1, **arguments}
    (line,) = problems(write({"runner": {}, "hyper_parameters": {"optimizer": optimizer}}))
    assert line.startswith(expected)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
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
    ],
)
def test_types_are_not_converted(write, key, value, expected):
    (line,) = problems(write(MINIMAL), [f"{key}={value}"])
    assert line.startswith(f"{key}: ")
    assert expected in line


def test_a_wrong_item_of_a_list_is_named(write):
    (line,) = problems(write(MINIMAL), ["runner.metrics=[mrr, 3]"])
    assert line.startswith("runner.metrics")
    assert "received 3 (int)" in line


def test_each_key_of_a_union_type_is_reported_once(write):
    (line,) = problems(write(MINIMAL), ["runner.resume=5"])
    assert line.startswith("runner.resume: received 5 (int), expected one of auto | none or a path")


def test_an_int_is_accepted_for_a_float(write):
    config = load(write(MINIMAL), ["hyper_parameters.drop=1", "runner.max_grad_norm=5"])
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
        *("n_words", "hid_dim", "drop", "loss", "deep", "tag_dim", "optimizer")
    }
    assert set(reader.model_fields) == {"pattern", "stop_words"}


def test_defaults_come_from_the_constructors(write):
    config = load(write(MINIMAL))
    assert config.reader == {"pattern": r"\w+", "stop_words": None}
    # n_words is supplied by the data and was not stated; tag_dim is None by its own default.
    assert config.hyper_parameters == {
        **{"hid_dim": 8, "drop": 0.5, "loss": "margin", "deep": False, "tag_dim": None}
    }


def test_a_size_that_the_data_supplies_may_be_stated(write):
    config = load(write(MINIMAL), ["hyper_parameters.n_words=100"])
    assert config.hyper_parameters["n_words"] == 100


def test_a_required_argument_that_the_data_does_not_supply_must_be_stated(write):
    class NoSupplies(Reader):
        supplies = ()

    path = write(MINIMAL)
    with pytest.raises(UserError, match=r"hyper_parameters\.n_words: missing; expected int"):
        check(path, read_layers(path, []), Net, NoSupplies)


# ------------------------------------------------------------------ overrides


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("runner.metrics=[accuracy, recall@3]", ["accuracy", "recall@3"]),
        ("runner.metrics=['a=b']", ["a=b"]),
        ("reader.pattern=a=b=c", "a=b=c"),
        ("reader.pattern=", None),
        ("reader.pattern='7'", "7"),
        ("runner.epochs=3", 3),
        ("runner.max_grad_norm=1e-3", 0.001),
        ("runner.max_grad_norm=5E5", 500000.0),
        ("runner.max_grad_norm=+1.5e+2", 150.0),
        ("runner.use_gpu=true", True),
        ("a.b.c.d=1", 1),
    ],
)
def test_override_values_are_yaml(write, override, expected):
    value = read_layers(write("{}"), [override]).blocks
    for part in override.partition("=")[0].split("."):
        value = value[part]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("text", ["1e-3x", "e5", "1e", "a1e-3"])
def test_texts_that_only_look_like_numbers_stay_texts(write, text):
    assert read_layers(write("{}"), [f"reader.pattern={text}"]).blocks["reader"]["pattern"] == text


def test_an_override_goes_before_the_file_and_the_last_one_wins(write):
    path = write({**MINIMAL, "runner": {"epochs": 1, "seed": 5}})
    runner = load(path, ["runner.epochs=2", "runner.epochs=3"]).runner
    assert (runner.epochs, runner.seed) == (3, 5)


def test_an_override_may_hold_a_whole_block(write):
    config = load(write(MINIMAL), ["hyper_parameters.optimizer={learning_rate: 0.5}"])
    assert (config.optimizer.class_name, config.optimizer.learning_rate) == ("Adam", 0.5)


@pytest.mark.parametrize(
    "override", ["runner.epochs", "=3", ".epochs=3", "runner.=3", "runner..epochs=3", ""]
)
def test_a_malformed_override_is_refused(write, override):
    with pytest.raises(UserError, match="expected key=value"):
        read_layers(write(MINIMAL), [override])


def test_an_override_that_is_no_yaml_is_refused(write):
    with pytest.raises(UserError, match=r"-o runner\.metrics=\[a: the value is not valid YAML"):
        read_layers(write(MINIMAL), ["runner.metrics=[a"])


def test_a_typo_in_an_override_is_refused(write):
    assert problems(write(MINIMAL), ["runner.epoch=3"]) == [
        "runner.epoch: unknown key; did you mean runner.epochs?"
    ]


# ------------------------------------------------------------------ inheritance


def test_base_is_read_first_and_merged_key_by_key(write):
    write({"runner": {"epochs": 1, "seed": 1, "patience": 1}, **_adam(0.1)}, "a.yaml")
    write({"base": "a.yaml", "runner": {"epochs": 2, "seed": 2}}, "b.yaml")
    path = write({"base": "b.yaml", "runner": {"epochs": 3}, **_adam(0.3)}, "c.yaml")
    config = load(path)
    assert (config.runner.epochs, config.runner.seed, config.runner.patience) == (3, 2, 1)
    assert config.optimizer.learning_rate == 0.3


def test_base_paths_start_from_the_file_that_names_them(write):
    write(MINIMAL, "models/one/config.yaml")
    write({"base": "../one/config.yaml", "runner": {"epochs": 4}}, "models/two/middle.yaml")
    path = write({"base": "models/two/middle.yaml"}, "top.yaml")
    assert load(path).runner.epochs == 4


def test_a_config_that_inherits_from_itself_is_refused(write):
    write({"base": "b.yaml"}, "a.yaml")
    path = write({"base": "sub/../a.yaml"}, "b.yaml")
    (path.parent / "sub").mkdir()
    with pytest.raises(UserError, match="inherits from itself through `base`"):
        read_layers(path, [])


def test_base_must_be_a_path(write):
    with pytest.raises(UserError, match=r"base: received \['a.yaml'\], expected the path"):
        read_layers(write({"base": ["a.yaml"]}), [])


def test_a_missing_base_is_named(write):
    path = write({"base": "gone.yaml"})
    with pytest.raises(UserError, match=r"gone\.yaml: no such config file"):
        read_layers(path, [])


def test_the_model_folder_is_the_nearest_one_with_a_net(write, tmp_path):
    write(MINIMAL, "models/one/config.yaml")
    write("", "models/one/net.py")
    mine = write({"base": "../models/one/config.yaml"}, "mine/config.yaml")
    assert read_layers(mine, []).model_folder.resolve() == tmp_path / "models" / "one"
    write("", "mine/net.py")
    assert read_layers(mine, []).model_folder.resolve() == tmp_path / "mine"


def test_the_model_folder_is_that_of_the_config_when_no_folder_has_a_net(write, tmp_path):
    assert read_layers(write(MINIMAL, "x/config.yaml"), []).model_folder == tmp_path / "x"


# ------------------------------------------------------------------ paths


def test_relative_paths_start_from_the_file_they_are_written_in(write, tmp_path, monkeypatch):
    base = {"runner": {"train_data_dir": "data/train", "test_data_dir": "data/test"}, **_adam(0.1)}
    write(base, "one/config.yaml")
    path = write(
        {"base": "../one/config.yaml", "runner": {"test_data_dir": "../here"}}, "two/config.yaml"
    )
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    overrides = ["runner.valid_data_dir=mine", "runner.resume=out/3", "runner.infer_ensemble=[a,b]"]
    runner = load(path, overrides).runner
    assert runner.train_data_dir == tmp_path / "one" / "data" / "train"
    assert runner.test_data_dir == tmp_path / "here"
    assert runner.valid_data_dir == elsewhere / "mine"
    assert runner.resume == elsewhere / "out" / "3"
    assert runner.infer_ensemble == [elsewhere / "a", elsewhere / "b"]
    # A default is in no file: it starts from the config that was named.
    assert runner.model_save_path == tmp_path / "two" / "output_model"


def test_absolute_paths_and_home_are_kept(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    absolute = tmp_path / "somewhere"
    overrides = [f"runner.train_data_dir={absolute}", "runner.test_data_dir=~/data"]
    runner = load(write(MINIMAL), overrides).runner
    assert runner.train_data_dir == absolute
    assert runner.test_data_dir == tmp_path / "home" / "data"


@pytest.mark.parametrize("word", ["auto", "none"])
def test_words_that_resume_knows_are_no_paths(write, word):
    assert load(write(MINIMAL), [f"runner.resume={word}"]).runner.resume == word


# ------------------------------------------------------------------ files that cannot be read


def test_a_key_given_twice_is_refused_with_its_line(write):
    path = write("runner:\n  epochs: 1\n  epochs: 2\n")
    with pytest.raises(UserError, match=r"the key 'epochs' is given twice[\s\S]*line 3"):
        read_layers(path, [])


@pytest.mark.parametrize(
    ("content", "received"), [("- a\n- b", "list"), ("just words", "str"), ("", "NoneType")]
)
def test_a_file_that_is_no_mapping_is_refused(write, content, received):
    path = write(content)
    with pytest.raises(UserError, match=f"received {received}, expected blocks"):
        read_layers(path, [])


def test_invalid_yaml_is_refused_with_its_line(write):
    with pytest.raises(UserError, match=r"is not valid YAML[\s\S]*line 2"):
        read_layers(write("runner:\n  epochs: [1\n"), [])


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes("runner: {}  # caf\xe9".encode("latin-1"))
    with pytest.raises(UserError, match=r"config\.yaml: is not UTF-8 \(byte 17\)"):
        read_layers(path, [])


def test_python_objects_in_yaml_are_not_constructed(write, tmp_path):
    target = tmp_path / "made"
    path = write(f"runner: !!python/object/apply:os.mkdir ['{target}']")
    with pytest.raises(UserError, match="is not valid YAML"):
        read_layers(path, [])
    assert not target.exists()


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="no such config file"):
        read_layers(tmp_path / "none.yaml", [])
    with pytest.raises(UserError, match="is a folder; expected a YAML file such as"):
        read_layers(tmp_path, [])


# ------------------------------------------------------------------ the resolved config


def test_the_resolved_config_is_complete_and_can_be_written(write):
    config = load(
        write(MINIMAL), ["runner.train_data_dir=x", "hyper_parameters.optimizer.beta1=0.5"]
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
            "beta1": 0.5,
        },
        **{"hid_dim": 8, "drop": 0.5, "loss": "margin", "deep": False, "tag_dim": None},
    }


def test_a_resolved_config_is_itself_a_config(write):
    resolved = load(write(MINIMAL), ["runner.epochs=7"]).resolved()
    assert load(write(resolved, "again.yaml")).resolved() == resolved


def test_differences_are_named_by_dotted_key():
    ours = {"runner": {"seed": 1, "epochs": 2}, "reader": {}}
    theirs = {"runner": {"seed": 3, "epochs": 2}, "reader": {"pattern": "x"}}
    assert differences(ours, theirs) == [
        "reader.pattern: 'x' there, None here",
        "runner.seed: 3 there, 1 here",
    ]
    assert differences(ours, ours) == []


def _adam(rate):
    return {"hyper_parameters": {"optimizer": {"class": "Adam", "learning_rate": rate}}}
