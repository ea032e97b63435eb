"""Shaded texts of wrong predictions, from what infer.py left."""

import json

import pytest
from harness.reported import Page, lines, make_run, page_of, row

from textzoo.commands.infer import main as infer
from textzoo.inference.explaining import MOST_SPANS
from textzoo.report.explained import EXPLANATIONS, Explanation, Key, explanations_of
from textzoo.report.files import read_explanations
from textzoo.report.markup import tag
from textzoo.report.predictions import Predictions
from textzoo.report.recorded import read_runs

WORDS = [
    {"start": 6, "end": 11, "share": 0.5},
    {"start": 0, "end": 5, "share": -0.25},
    {"start": 12, "end": 13, "share": 0.1},
]


def marks(explanation):
    """The text, and of each mark its text, class and style."""
    element = tag("p", *explanation.shaded())
    found = [(m.text, m.get("class"), m.get("style"), m.get("title")) for m in element]
    return "".join(element.itertext()), found


def test_words_are_marked_by_the_size_and_the_sign_of_their_shares():
    text, found = marks(Explanation(Key("sharp knife 😀 <b>", "a", 0.5), WORDS))
    assert text == "sharp knife 😀 <b>"
    assert found == [
        ("sharp", "against", "--share: 0.500", "-0.250"),
        ("knife", None, "--share: 1.000", "+0.500"),
        ("😀", None, "--share: 0.200", "+0.100"),
    ]


def test_long_texts_are_cut_and_places_that_are_none_left_out():
    words = [{"start": start, "end": start + 1, "share": 1.0} for start in range(0, 800, 2)]
    text, found = marks(Explanation(Key("a " * 400, "a", 0.5), words))
    assert text.endswith("…") and len(text) <= 300 and len(found) > 100
    odd = [{"start": 3, "end": 1, "share": 1.0}, {"start": 0, "end": 99, "share": 1.0}]
    assert marks(Explanation(Key("abc", "a", 0.5), odd)) == ("abc", [])
    assert marks(Explanation(Key("abc", "a", 0.5), [])) == ("abc", [])


def test_mistakes_that_were_explained_are_shaded_in_the_report(tmp_path):
    rows = [
        row(["a"], {"b": 0.8, "a": 0.2}, "sharp knife x"),
        row(["a"], {"b": 0.7, "a": 0.3}, "another"),
        row(["a"], {"a": 0.7, "b": 0.3}, "right"),
    ]
    folder = make_run(tmp_path / "run", rows)
    assert "Words behind the surest mistakes: textzoo infer --explain-mistakes." in page_of(folder)
    told = [
        {"text": "sharp knife x", "tag": "b", "score": 0.8, "shares_of": "score", "words": WORDS},
        {"text": "another", "tag": "b", "score": 0.6, "words": WORDS},  # of another checkpoint
    ]
    (folder / "infer" / EXPLANATIONS).write_text(lines(*told) + "{}\n", encoding="utf-8")
    page = page_of(folder)
    classes = [
        value for tag, name, value in Page(page).attributes if (tag, name) == ("mark", "class")
    ]
    assert classes == ["against"] and page.count("<mark") == 3
    assert "orange ones against it" in page and "--explain-mistakes" not in page


def test_without_test_rows_nothing_is_explained(tmp_path):
    make_run(tmp_path / "run")
    (run,) = read_runs([tmp_path / "run"])
    assert explanations_of(run) == []
    run.infer = None
    assert explanations_of(run) == []


@pytest.mark.parametrize("name", ["tagspace", "levels"])
def test_infer_explains_the_surest_mistakes_with_all_their_words(exported, name, tmp_path):
    export = exported(name)
    settings = [*export.settings, f"runner.infer_output_dir={tmp_path}"]
    given = ["-m", str(export.config), "--explain-mistakes", "2", "-o", *settings]
    assert infer(given) == 0
    kind = "levels" if name == "levels" else "tags"
    found = Predictions.read(tmp_path / "predictions.jsonl", kind, None)
    told = list(map(json.loads, (tmp_path / EXPLANATIONS).open(encoding="utf-8")))
    assert len(list(read_explanations(tmp_path / EXPLANATIONS))) == len(told)
    wrong = [(one.row["text"], one.label, one.score) for one in found.wrong[:2]]
    assert [(row["text"], row["tag"], row["score"]) for row in told] == wrong
    for one in told:
        assert one["words"] and len(one["words"]) <= MOST_SPANS
        assert all(one["text"][w["start"] : w["end"]] == w["word"] for w in one["words"])


def test_infer_explains_no_pairs(exported, capfd):
    export = exported("batchneg")
    given = ["-m", str(export.config), "--explain-mistakes", "-o", *export.settings]
    assert infer(given) == 2
    assert "--explain-mistakes: model batchneg gives embeddings" in capfd.readouterr().err
