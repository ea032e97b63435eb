import dataclasses
import json
import math

import pytest
from harness.saved import made_up_facts

import textzoo
from textzoo.errors import UserError
from textzoo.training.facts import Progress, read_facts, write_facts

FACTS = made_up_facts(
    7,
    versions={"textzoo": textzoo.__version__},
    sha256={"rec.pdparams": "a", "rec.pdopt": "b", "shards/w.npy": "c"},
)


def changed(**blocks):
    """The facts with values of some blocks, or whole blocks, changed; ... takes one out."""
    facts = json.loads(json.dumps(FACTS))
    for name, value in blocks.items():
        facts[name] = {**facts[name], **value} if isinstance(value, dict) else value
        if isinstance(value, dict):
            facts[name] = {k: v for k, v in facts[name].items() if v is not ...}
    return {name: value for name, value in facts.items() if value is not ...}


def test_what_was_written_is_read_back(tmp_path):
    progress = Progress(step=7, loss_sum=0.1 + 0.2, best_value=1 / 3, threshold=[0.5, math.inf])
    facts = changed(progress=dataclasses.asdict(progress))
    facts["標籤"] = [1, None, 0.1]
    write_facts(tmp_path, facts)
    assert read_facts(tmp_path) == facts
    assert Progress(**read_facts(tmp_path)["progress"]) == progress


def test_what_later_versions_tell_may_be_missing(tmp_path):
    facts = changed(progress={"lexical_weight": ...})
    write_facts(tmp_path, facts)
    assert Progress(**read_facts(tmp_path)["progress"]).lexical_weight is None


WRONG = {
    **{f"no {name}": ({name: ...}, f"({name}: Field required") for name in FACTS},
    **{
        f"no {name} of progress": ({"progress": {name: ...}}, f"has no {name}")
        for name in FACTS["progress"]
        if name != "lexical_weight"
    },
    "a step of text": ({"progress": {"step": "7"}}, "(progress.step: Input should be a valid int"),
    "half a step": ({"progress": {"step": 7.5}}, "(progress.step: "),
    "a negative epoch": ({"progress": {"epoch": -1}}, "(progress.epoch: Input should be greater"),
    "a threshold of text": ({"progress": {"threshold": "0.5"}}, "(progress.threshold."),
    "a calibration of one number": (
        {"progress": {"calibration": [1.0]}},
        "(progress.calibration: ",
    ),
    "a lexical weight above 1": ({"progress": {"lexical_weight": 1.5}}, "(progress.lexical_"),
    "something more": ({"progress": {"more": 1}}, "has no more, or should not have it"),
    "progress in a list": ({"progress": [7]}, "(progress: "),
    "progress of a number": ({"progress": 7}, "(progress: "),
    "another kind": ({"kind": "answers"}, "(kind: "),
    "a model of a number": ({"model": 3}, "(model: "),
    "data of texts": ({"data": {"train": "digest"}}, "(data.train: "),
    "settings in a list": ({"config": [1]}, "(config: "),
    "a reader of a number": ({"config": {"reader": 3}}, "(config.reader: "),
    "no epochs": ({"config": {"runner": {}}}, "(config.runner.epochs: Field required"),
    "no weights": ({"sha256": {"rec.pdparams": ...}}, "has no rec.pdparams or no rec.pdopt"),
    "a checksum of a number": ({"sha256": {"rec.pdparams": 3}}, "(sha256.rec.pdparams: "),
    **{
        f"a file {name!r}": ({"sha256": {name: "d"}}, "is not a file of a checkpoint")
        for name in ("../x", "/etc/x", "a/../../x", "C:\\x", "..\\x", "a\0b", "", "a//b")
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_facts_that_are_missing_or_of_another_type_are_named(tmp_path, name):
    blocks, says = WRONG[name]
    write_facts(tmp_path, changed(**blocks))
    with pytest.raises(UserError) as failure:
        read_facts(tmp_path)
    assert str(failure.value).startswith(f"{tmp_path / 'checkpoint.json'}: is damaged (")
    assert says in str(failure.value)
    assert str(failure.value).endswith("; use another checkpoint")


def test_a_changed_digit_is_found(tmp_path):
    write_facts(tmp_path, FACTS)
    file = tmp_path / "checkpoint.json"
    file.write_text(file.read_text("utf-8").replace('"step": 7', '"step": 8'), encoding="utf-8")
    with pytest.raises(UserError, match=r"is damaged \(it was changed since it was saved"):
        read_facts(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"null", b"3", b'"x"', b"[" * 99999, b"\xff\x00", b"9" * 9999],
)
def test_what_is_no_object_of_facts_is_refused(tmp_path, content):
    (tmp_path / "checkpoint.json").write_bytes(content)
    with pytest.raises(UserError, match=r"checkpoint\.json: is damaged .* use another checkpoint"):
        read_facts(tmp_path)


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "checkpoint.json").mkdir()
    with pytest.raises(UserError, match=r"checkpoint\.json: cannot be read: "):
        read_facts(tmp_path)


def test_a_checkpoint_of_an_earlier_version_is_told_from_a_damaged_one(tmp_path):
    facts = json.dumps({**FACTS, "versions": {"textzoo": "0.2.0"}})
    (tmp_path / "checkpoint.json").write_text(facts, encoding="utf-8")
    with pytest.raises(UserError, match=r"saved by textzoo 0\.2\.0, .* train anew, or use that"):
        read_facts(tmp_path)


def test_a_whole_checkpoint_of_0_3_0_is_told_from_a_damaged_one(tmp_path):
    write_facts(tmp_path, changed(versions={"textzoo": "0.3.0"}, progress={"calibration": ...}))
    with pytest.raises(UserError) as failure:
        read_facts(tmp_path)
    assert str(failure.value) == (
        f"{tmp_path / 'checkpoint.json'}: was saved by textzoo 0.3.0, and this is "
        f"{textzoo.__version__} (progress: Value error, has no calibration, or should not have "
        "it); train anew, or use that version"
    )
    write_facts(tmp_path, changed(versions={"textzoo": "0.3.0"}))
    assert read_facts(tmp_path)["versions"] == {"textzoo": "0.3.0"}
