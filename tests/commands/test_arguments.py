from pathlib import Path

import pytest

from textzoo.commands.arguments import EXAMPLES, config_parser


def parse(*arguments, **how):
    return config_parser("recall.py", "Recall.", **how).parse_args(arguments)


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
def test_the_help_of_a_command_shows_its_examples(name):
    text = config_parser(f"{name}.py", "A command.").format_help()
    for example in EXAMPLES[name]:
        assert f"  python tools/{name}.py {example}\n" in text
    assert "exit status: 0 done, 2 a mistake" in text
