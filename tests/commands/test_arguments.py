from pathlib import Path

import pytest
from conftest import ROOT

from benchmarks.run import main as benchmark
from textzoo.called import subcommand
from textzoo.commands.arguments import EXAMPLES, config_parser
from textzoo.commands.check_data import main as check_data
from textzoo.commands.evaluate import main as evaluate
from textzoo.commands.serve import main as serve

_COUNT = "a whole number from 1 to 2147483647"
_SECONDS = "a number from 0.001 to 86400"
_FILES = ["--pairs", "a", "--result", "b"]


def parse(*arguments, **how):
    return config_parser("recall", "Recall.", **how).parse_args(arguments)


def test_overrides_come_one_after_the_other_from_every_option():
    parsed = parse("-m", "c.yaml", "-o", "a.b=1", "c.d=2", "-o", "e.f=x=y")
    assert parsed.config == Path("c.yaml")
    assert parsed.override == ["a.b=1", "c.d=2", "e.f=x=y"]
    assert parse("-m", "c.yaml").override == []  # not those of the call before


def test_files_that_a_command_takes_as_well_are_paths_or_none():
    parsed = parse("-m", "c.yaml", "--add", "new.txt", files={"add": "texts", "queries": "texts"})
    assert (parsed.add, parsed.queries) == (Path("new.txt"), None)


def test_a_config_is_needed_unless_it_is_not(capsys):
    assert parse(needs_config=False).config is None
    with pytest.raises(SystemExit, match="2"):
        parse()
    assert "-m/--config" in capsys.readouterr().err


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_help_of_a_command_shows_its_examples_as_it_was_called(monkeypatch, name):
    text = config_parser(name, "A command.").format_help()
    for example in EXAMPLES[name]:
        copied = example.replace("models/tagspace/", "my_tagspace/")
        assert "tagspace" not in example or f"  textzoo {subcommand(name)} {copied}\n" in text
    assert text.startswith(f"usage: textzoo {subcommand(name)} ")
    assert "exit status: 0 done, 2 a mistake" in text
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", [f"tools/{name}.py"])
    text = config_parser(name, "A command.").format_help()
    for example in EXAMPLES[name]:
        assert f"  python tools/{name}.py {example}\n" in text
    assert text.startswith(f"usage: {name}.py ")


@pytest.mark.parametrize(
    ("command", "arguments", "value", "expected"),
    [
        *((serve, ["a", "--max-seconds"], v, _SECONDS) for v in ("nan", "inf", "0", "1e9")),
        *((serve, ["a", "--max-seconds"], v, _SECONDS) for v in ("-1", "", "x", "0.0009")),
        *((serve, ["a", "--max-body"], v, _COUNT) for v in ("nan", "0", "-1", "1.5", "2147483648")),
        *((serve, ["a", "--max-connections"], v, _COUNT) for v in ("0", "9" * 40)),
        *((serve, ["a", "--port"], v, "a whole number from 0 to 65535") for v in ("-1", "65536")),
        (check_data, ["-m", "a", "--limit"], "-1", "a whole number from 0 to 2147483647"),
        *((evaluate, [*_FILES, "--cuts", "1"], v, _COUNT) for v in ("0", "nan")),
        (benchmark, ["serve", "--exported", "a", "--connections"], "0", _COUNT),
        (benchmark, ["tagspace", "--steps"], "-1", _COUNT),
    ],
)
def test_numbers_out_of_bounds_are_refused(command, arguments, value, expected, capsys):
    with pytest.raises(SystemExit, match="2"):
        command([*arguments, value])
    said = capsys.readouterr().err.splitlines()[-1]
    assert f": received {value}, expected {expected}" in said
