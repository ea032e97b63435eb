"""schema.py: where the JSON Schema goes; what is in it: config/test_json_schema."""

import json

import pytest
from conftest import ROOT
from harness.own_model import write_own_model

from textzoo.commands.schema import main

TAGSPACE = ROOT / "models" / "tagspace"


def test_that_of_a_bundled_model_is_the_one_beside_its_configs(capsys):
    assert main(["--model", "tagspace"]) == 0
    assert capsys.readouterr().out == (TAGSPACE / "config.schema.json").read_text(encoding="utf-8")


def test_that_of_a_config_is_of_its_model_as_it_is_now(tmp_path):
    config = write_own_model(
        tmp_path, "net.py", "margin: NotNegative", "width: int = 7,\n        margin: NotNegative"
    )
    heir = tmp_path / "heir" / "config.yaml"
    heir.parent.mkdir()
    # The keys are known whatever the values are.
    text = f"base: {config.as_posix()}\nrunner: {{epochs: many, seed: '${{UNSET}}'}}\n"
    heir.write_text(text, encoding="utf-8")
    output = heir.with_name("config.schema.json")
    assert main(["-m", str(heir), "--output", str(output)]) == 0
    schema = json.loads(output.read_bytes())
    keys = schema["properties"]["hyper_parameters"]["properties"]
    assert keys["width"]["default"] == 7 and "emb_dim" in keys


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-m", "none.yaml"], "none.yaml: no such config file"),
        (["-m", "alone.yaml"], "is not a model folder: net.py, reader.py"),
        (["--model", "tagspace", "--output", "."], "--output: . is a folder; expected a file"),
        (["-m", "heir.yaml", "--output", "heir.yaml"], "would be written to heir.yaml, which this"),
    ],
)
def test_what_cannot_be_read_or_written_is_named(tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    for name, text in (("alone.yaml", "runner: {}\n"), ("heir.yaml", "base: tagspace\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(arguments) == 2
    assert says in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone.yaml", "heir.yaml"]
    assert (tmp_path / "heir.yaml").read_text(encoding="utf-8") == "base: tagspace\n"


@pytest.mark.parametrize(
    "arguments", [[], ["--model", "tagspase"], ["-m", "a", "--model", "tagspace"]]
)
def test_one_model_has_to_be_named(arguments):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
