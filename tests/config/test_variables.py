"""Variables of the environment in values; how they meet layers: as the YAML files say."""

import pytest
from harness.configs import MINIMAL, load, problems

from textzoo.config.layers import read_layers
from textzoo.config.variables import without_variables
from textzoo.errors import UserError


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name, value in {
        "SET": "some text",
        "EMPTY": "",
        "SEVEN": "7",
        "DOLLAR": "${SET} $$",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("UNSET", raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${SET}", "some text"),
        ("a/${SET}/${SEVEN}", "a/some text/7"),
        ("${UNSET:-x y}", "x y"),
        ("${EMPTY:-x}", "x"),
        ("${SET:-x}", "some text"),
        ("${UNSET:-a:-b/$}", "a:-b/$"),
        ("${UNSET:-$$1}", "$1"),
        ("$${SET}", "${SET}"),
        ("$$", "$"),
        ("$$$$a", "$$a"),
        ("$$${SEVEN}", "$7"),
        ("$", "$"),
        ("$SET", "$SET"),
        (r"\w+$", r"\w+$"),
        ("${DOLLAR}", "${SET} $$"),
    ],
)
@pytest.mark.parametrize("form", ["x: '{}'", 'x: "{}"', "x: {}", "x: >-\n  {}", "x: ['{}']"])
def test_a_variable_stands_for_its_value(write_config, text, expected, form):
    if "\\" in text and '"' in form:
        text = text.replace("\\", "\\\\")
    blocks = read_layers(write_config(f"a: {{}}\n{form.format(text)}\n"), []).blocks
    assert blocks["x"] == ([expected] if "[" in form else expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("${SEVEN}", 7), ("${SEVEN}.5", 7.5), ("1${SEVEN}", 17), ("${UNSET:-1e-3}", 0.001)),
        *(("${UNSET:-true}", True), ("${EMPTY}", None), ("${UNSET:-}", None), ("$$7", "$7")),
    ],
)
def test_the_type_is_read_from_what_it_stands_for_but_in_quotes(write_config, text, value):
    path = write_config(f"a:\n  x: {text}\n  y: '{text}'\n  z:\n  - {text}\n")
    a = read_layers(path, [f"a.v={text}", f"a.w='{text}'", f'a.u=["{text}"]']).blocks["a"]
    as_text = text.replace("${SEVEN}", "7").replace("${EMPTY}", "").replace("$$", "$")
    as_text = as_text.removeprefix("${UNSET:-").removesuffix("}")
    assert a == {"x": value, "v": value, "z": [value], "y": as_text, "w": as_text, "u": [as_text]}
    assert type(a["x"]) is type(a["v"]) is type(value)


def test_keys_have_no_variables(write_config):
    path = write_config('a: {"${SET}": 1, $$: 2}\n')
    assert read_layers(path, ["b.${SET}=3"]).blocks == {
        "a": {"${SET}": 1, "$$": 2},
        "b": {"${SET}": 3},
    }


def test_paths_and_base_have_variables(write_config, tmp_path, monkeypatch):
    monkeypatch.setenv("FOLDER", "data")
    monkeypatch.setenv("ELSEWHERE", str(tmp_path / "elsewhere"))
    write_config({**MINIMAL, "runner": {"epochs": 5}}, "data/other.yaml")
    runner = {"train_data_dir": "${FOLDER}/train", "test_data_dir": "${ELSEWHERE}/test"}
    config = load(write_config({"base": "${FOLDER}/other.yaml", "runner": runner}))
    assert config.runner.epochs == 5
    assert config.runner.train_data_dir == tmp_path / "data" / "train"
    assert config.runner.test_data_dir == tmp_path / "elsewhere" / "test"


def test_what_a_variable_stands_for_is_checked(write_config):
    path = write_config("runner:\n  epochs: ${SET}\nhyper_parameters: {optimizer: {class: Adam}}\n")
    found = problems(path, ["hyper_parameters.optimizer.learning_rate=${UNSET:-0.1}"])
    held = "received what a variable of the environment holds"
    assert found == [f"runner.epochs: {held} (str), expected int, >= 0"]


@pytest.mark.parametrize(
    "override",
    [
        "runner.seed=${SECRET}",
        "runner.left_out_fold=a${SECRET}b",
        "runner.loggers=['${SECRET}', mlflow]",
        "runner.metrics=${SECRET}",
        "hyper_parameters.loss=${SECRET}",
        "hyper_parameters.optimizer.class=${SECRET}",
        "hyper_parameters.optimizer.beta1=${SECRET}",
        "search=${SECRET}",
        "search={hyper_parameters.drop: '${SECRET}'}",
        "search={hyper_parameters.drop: ['${SECRET}']}",
        "search={hyper_parameters.drop: {low: '${SECRET}', high: 1}}",
    ],
)
def test_what_a_variable_holds_is_not_shown(write_config, monkeypatch, override):
    monkeypatch.setenv("SECRET", "s3cret")
    path = write_config(MINIMAL)
    (found,) = set(problems(path, [override]))
    assert "received what a variable of the environment holds" in found
    assert "s3cret" not in found


def test_each_variable_that_is_not_set_is_named_with_its_place(write_config):
    path = write_config("runner:\n  epochs: 1\n  train_data_dir: a/${UNSET}\n  seed: ${NONE}\n")
    with pytest.raises(UserError) as failure:
        read_layers(path, ["reader.labels=['${GONE}']", "index.ef=${GONE}"])
    way_out = "is not set: set it, or write ${%s:-default}"
    assert str(failure.value).splitlines() == [
        f"{path}:3: runner.train_data_dir: the environment variable UNSET {way_out % 'UNSET'}",
        f"{path}:4: runner.seed: the environment variable NONE {way_out % 'NONE'}",
        f"-o reader.labels: the environment variable GONE {way_out % 'GONE'}",
        f"-o index.ef: the environment variable GONE {way_out % 'GONE'}",
    ]


def test_a_base_that_is_not_set_is_named(write_config):
    path = write_config("# first\nbase: ${UNSET}\n")
    with pytest.raises(UserError, match=r"config\.yaml:2: base: the environment variable UNSET is"):
        read_layers(path, [])


def test_a_value_that_a_later_layer_replaces_needs_no_variable(write_config):
    write_config("runner: {seed: '${UNSET}', test_data_dir: '${UNSET}', epochs: 2}\n", "base.yaml")
    path = write_config("base: base.yaml\nrunner: {seed: 3}\n")
    runner = read_layers(path, ["runner.test_pair_file=x"]).blocks["runner"]
    assert runner == {"seed": 3, "epochs": 2, "test_pair_file": "x"}


@pytest.mark.parametrize(
    "text",
    ["${}", "${7}", "${SET", "${SET-x}", "${SET:?no}", "${SET:-{}}", "${SET:-${SEVEN}}", "${ SET}"],
)
def test_a_form_that_is_not_known_is_refused(write_config, text):
    path = write_config(f"reader:\n  x: '{text}'\n")
    with pytest.raises(UserError) as failure:
        read_layers(path, [])
    assert str(failure.value).startswith(
        f"{path}:2: reader.x: received {text!r}, expected ${{NAME}}"
    )


def test_a_value_that_no_file_can_hold_is_refused_without_being_shown(write_config, monkeypatch):
    monkeypatch.setenv("SECRET", "s3cret\udc80")
    with pytest.raises(UserError) as failure:
        read_layers(write_config("{}"), ["index.token=${SECRET}"])
    assert "index.token: received a value that is not UTF-8" in str(failure.value)
    assert "s3cret" not in str(failure.value)


def test_what_its_values_take_the_place_of_goes_by_their_values(write_config, monkeypatch):
    monkeypatch.setenv("RESUME", "none")  # which leaves other keys as they are
    path = write_config("runner: {model_init_path: x}\n")
    runner = read_layers(path, ["runner.resume=${RESUME}"]).blocks["runner"]
    assert runner == {"model_init_path": "x", "resume": "none"}


def test_a_text_is_written_so_that_it_stands_for_itself(write_config):
    for text in ("${SET}", "$", "$$", "a$${SET}", "plain"):
        path = write_config({"x": without_variables(text)})
        assert read_layers(path, []).blocks == {"x": text}
        assert read_layers(path, [f"y={without_variables(text)}"]).blocks["y"] == text


def test_the_keys_with_variables_are_known(write_config):
    write_config("a: {x: '${SET}', y: '${SET}'}\nb: ['${SET}']\n", "base.yaml")
    path = write_config("base: base.yaml\na: {y: 1}\n")
    assert read_layers(path, ["c.d=${SEVEN}"]).varied == {"a.x", "b", "c.d"}
