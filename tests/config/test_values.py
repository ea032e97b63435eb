"""What a value means: YAML's types, in files and after `-o`, and what is no config at all."""

import math

import pytest
from harness.configs import MINIMAL, problems

from textzoo.config.layers import read_layers
from textzoo.errors import UserError

# ------------------------------------------------------------------ values after -o


@pytest.mark.parametrize(
    "value",
    [
        *("runA #2", "#2", "a: b", "a: b #c", "&a b", "*a", "!a", "!!int 5", "- a", "? a", "| a"),
        *("--- a", "%a", "@a", "`a`", "> a", " a", "a ", "  ", "a\n# b", "a, b]", "C:\\data", "-"),
    ],
)
def test_what_follows_the_equals_sign_is_the_value(write_config, value):
    blocks = read_layers(write_config("{}"), [f"runner.model_save_path={value}"]).blocks
    assert blocks == {"runner": {"model_save_path": value}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((" 3", 3), ("3 ", 3), (" true", True), (" [a, 'b #c'] ", ["a", "b #c"])),
        *(('" a #b"', " a #b"), ("{a: {b: 1e-3}}", {"a": {"b": 0.001}}), ("", None), ("''", "")),
    ],
)
def test_a_value_has_the_types_of_yaml(write_config, value, expected):
    found = read_layers(write_config("{}"), [f"runner.x={value}"]).blocks["runner"]["x"]
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    "value", ["[a] #b", "[a, #b\n c]", "'a' #b", "[a] b", "'a", "[&a b, *a] c", "[!!int abc]"]
)
def test_yaml_that_is_not_one_value_is_refused(write_config, value):
    with pytest.raises(UserError, match=r"the value is not valid YAML"):
        read_layers(write_config("{}"), [f"runner.metrics={value}"])


@pytest.mark.parametrize("override", ["\udc80=1", "a=\udc80", "a=x\0y", 'a="\\0"', 'a=["\\ud800"]'])
def test_a_text_that_no_file_can_hold_is_refused(write_config, override):
    with pytest.raises(UserError, match="expected UTF-8 without NUL"):
        read_layers(write_config("{}"), [override])


# ------------------------------------------------------------------ plain values


@pytest.mark.parametrize(
    "text",
    [
        *("12:30:45", "1_000", "0o17", "0777", "0x1F", "yes", "No", "on", "OFF", "2020-01-01"),
        *("2020-99-99", "9" * 101, "1.2.3", "1e", "=", "<<", "y"),
    ],
)
def test_what_only_an_older_yaml_takes_for_another_type_is_a_text(write_config, text):
    path = write_config(f"runner: {{x: {text}}}")
    assert read_layers(path, [f"runner.y={text}"]).blocks["runner"] == {"x": text, "y": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0", 0), ("-7", -7), ("+7", 7), ("1.", 1.0), (".5", 0.5), ("-1.5E+2", -150.0)),
        *(("2e3", 2000.0), ("007.5", 7.5), ("~", None), ("NULL", None), ("True", True)),
        *((".inf", math.inf), ("-.INF", -math.inf), ("9" * 99, int("9" * 99))),
    ],
)
def test_numbers_truths_and_null(write_config, text, value):
    path = write_config(f"runner: {{x: {text}}}")
    found = read_layers(path, [f"runner.y={text}"]).blocks["runner"]
    assert found == {"x": value, "y": value}
    assert type(found["x"]) is type(value)


def test_what_a_key_does_not_take_is_shown_as_it_was_written(write_config):
    found = problems(write_config(MINIMAL), ["runner.epochs=12:30:45", "runner.use_gpu=yes"])
    assert found == [
        "runner.epochs: received '12:30:45' (str), expected int, >= 0",
        "runner.use_gpu: received 'yes' (str), expected true or false",
    ]


# ------------------------------------------------------------------ what is no config


def laughs(levels: int) -> str:
    """Aliases that stand for 10 ** levels texts."""
    lines = ["a0: &a0 [x]"]
    for i in range(1, levels + 1):
        lines.append(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("? [a]\n: b", "received the key ['a'], expected a text"),
        ("1: b", "received the key 1, expected a text"),
        ("a: !!int abc", "received the tag tag:yaml.org,2002:int, expected a value without one"),
        ("a: !!map [1]", "received the tag"),
        ("a: !own x", "received the tag !own"),
        ("a: &a [*a]", "nested too deeply: expected 16 levels"),
        ("a: &a {b: *a}", "nested too deeply: expected 16 levels"),
        ("a: " + "[" * 5000, "nested too deeply"),
        (laughs(6), "has more than 262144 values"),
        ('a: "\\UFFFFFFFF"', "is not valid YAML"),
        ("a: \x01", "is not valid YAML"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: b", "is not valid YAML"),
        ("a: b\n---\nc: d", "is not valid YAML"),
        ("a: b\na: c", "the key 'a' is given twice"),
        ('a: "\\0"', "expected UTF-8 without NUL"),
        ("#" * (1 << 20) + "\na: b", "is larger than 1 MiB"),
    ],
    ids=range(16),
)
def test_a_file_that_is_no_config_is_refused(write_config, content, says):
    path = write_config(content)
    with pytest.raises(UserError) as failure:
        read_layers(path, [])
    assert str(failure.value).startswith(f"{path}: ")
    assert says in str(failure.value)
    assert len(str(failure.value)) < 1000


def test_an_alias_and_a_byte_order_mark_are_taken(write_config):
    path = write_config("\ufeffa: &x [1, 2]\nb: *x")
    assert read_layers(path, []).blocks == {"a": [1, 2], "b": [1, 2]}
