"""What a report says is there in English and in Chinese."""

import ast
import html.parser
import json
import re
from pathlib import Path
from string import Formatter

import pytest

pytest.importorskip("matplotlib")

from harness.exports import LINEAR, NAMES
from harness.reported import lines, make_run, page_of, random_rows

import textzoo.report
from textzoo.report.explained import EXPLANATIONS
from textzoo.report.markup import document, note, tag
from textzoo.report.page import Watched, _script, report, waiting_page
from textzoo.report.recorded import metrics_of, read_runs
from textzoo.report.wording import CHINESE, joined, say

SOURCES = sorted(Path(textzoo.report.__file__).parent.glob("*.py"))
DATA = ("code", "pre", "mark", "script", "style")  # elements
DATA_CLASSES = ("text", "name", "gold", "who")  # texts, labels with scores, settings of runs
DATA_TABLES = ("Settings", "Settings that differ", "Strongest n-grams")  # whose cells are
SAID = ("aria-label", "placeholder", "title")
VOID = ("input", "link", "meta")


# ------------------------------------------------------------------------ sentences


def sentences(function):
    """Each call of `say` in a function: what sentences it may be given, and names of values."""
    assigned = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            name = getattr(node.targets[0], "id", "")
            assigned.setdefault(name, []).append(node.value.value)
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
            told = node.args[0]
            given = [told.value] if isinstance(told, ast.Constant) else assigned[told.id]
            yield given, {keyword.arg for keyword in node.keywords}


def fields(text):
    return sorted((name, spec) for _, name, spec, _ in Formatter().parse(text) if name is not None)


def test_every_sentence_of_the_code_is_translated_and_none_in_vain():
    used = set()
    for source in SOURCES:
        code = ast.parse(source.read_text(encoding="utf-8"))
        for part in code.body:
            for given, names in sentences(part):
                used.update(given)
                for sentence in given:
                    assert sentence in CHINESE, source.name
                if len(given) == 1 and None not in names:
                    assert {name for name, _ in fields(given[0])} == names, given
    told = json.loads(re.search("const CHINESE = (.*);", _script(True))[1])
    assert used | {*told} == {*CHINESE}


def test_scripts_have_the_chinese_of_all_that_they_tell():
    script = _script(True)
    told = json.loads(re.search("const CHINESE = (.*);", script)[1])
    calls = re.findall(r"(?<!function )\btell\(", script)
    assert len(calls) == len(told) == 4
    assert all(f'"{sentence}"' in script for sentence in told)


@pytest.mark.parametrize("english", CHINESE)
def test_both_languages_have_the_same_values(english):
    assert fields(CHINESE[english]) == fields(english)


def test_what_was_said_is_put_in_in_its_own_language():
    said = say("by {what}", what=say("cosine"))
    assert (said, said.chinese) == ("by cosine", "随余弦的变化")
    both = joined([say("run"), "x"], ", ", "，")
    assert (both, both.chinese) == ("run, x", "训练，x")


# ------------------------------------------------------------------------ pages


class Untold(html.parser.HTMLParser):
    """What of a page has no Chinese and is no data: texts and attributes that people read."""

    def __init__(self, text, data):
        super().__init__()
        self.found, self.n_said = [], 0
        self._data, self._stack, self._table = data, [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if attributes.get("class") == "wide":
            self._table = attributes["aria-label"]
        for name in SAID:
            if name in attributes and f"data-zh-{name}" not in attributes:
                self._check(attributes[name])
        if tag not in VOID:
            self._stack.append((tag, attributes))

    def handle_endtag(self, tag):
        assert self._stack.pop()[0] == tag

    def handle_data(self, text):
        if not text.strip():
            return
        tag, attributes = self._stack[-1]
        if attributes.pop("data-zh", None):  # it is for the first text alone
            self.n_said += 1
            return
        outer = [a.get("class", "").split() for name, a in self._stack if name not in ("td", "th")]
        is_example = any({*names}.intersection(DATA_CLASSES) for names in outer)
        is_cell = self._table in DATA_TABLES and "td" in [name for name, _ in self._stack]
        if tag not in DATA and not is_example and not is_cell:
            self._check(text)

    def _check(self, text):
        parts = [part.strip() for part in text.split(" → ")]
        if any(re.search("[A-Za-z]", part) and not self._is_data(part) for part in parts):
            self.found.append(text)

    def _is_data(self, text):
        known = self._data
        return text in known or text.rpartition(":")[0] in known or is_number(text)


def is_number(text):
    return re.fullmatch(r"[−-]?[\d.]+e[−+-]?\d+", text) is not None


def strings(value):
    """The texts in what a file holds, without the names of its keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)


def data_of(*folders):
    """What the files of these runs hold that a report shows as it is."""
    data = {"k", "recall", "mrr", "ndcg", "f1"}
    for run in read_runs(list(folders)):
        data |= {run.name, run.model, *run.settings, *map(str, run.settings.values())}
        for line in [*run.evaluations, run.test or {}]:
            data.update(metrics_of(line))
        for trial in run.trials:
            data |= {trial["metric"], *map(str, trial["settings"].values())}
            data |= {key.removeprefix("hyper_parameters.") for key in trial["settings"]}
        labels = run.label_report or {}
        figures = [*labels.get("labels", {}).values(), {"precision": 0, "support": 0}]
        data.update(labels.get("labels", {}), labels.get("averages", {}), *figures)
        path = run.infer and run.infer / "predictions.jsonl"
        if path and path.is_file():
            for line in path.open(encoding="utf-8"):
                told = json.loads(line)
                data.update(strings(told))
                data.update(told["predicted"] if isinstance(told.get("predicted"), dict) else ())
    return data


def untold(page, *folders):
    found = Untold(page, data_of(*folders))
    assert found.n_said > 20
    return found.found


@pytest.mark.parametrize("name", [*NAMES, LINEAR])
def test_a_report_of_each_model_is_in_both_languages(exported, name):
    folder = exported(name).run
    assert untold(page_of(folder), folder) == []


def test_a_comparison_is_in_both_languages(exported, tmp_path):
    folders = [exported("multilabel").run, exported("tagspace").run, exported("batchneg").run]
    folders.append(make_run(tmp_path / "other", random_rows()[2], settings={"runner": {}}))
    assert untold(page_of(*folders), *folders) == []


def test_a_report_of_a_study_is_in_both_languages(tmp_path):
    make_run(tmp_path / "trial_0", random_rows(20)[2], {"micro_f1": 0.5})
    facts = {"metric": "micro_f1", "values": [0.1], "seconds": 2.4, "note": ""}
    trials = [
        {**facts, "number": i, "state": state, "value": value, "settings": {"reader.n": i}}
        for i, (state, value) in enumerate([("complete", 0.7), ("complete", 0.5), ("pruned", None)])
    ]
    trials.append({**trials[2], "number": 3, "state": "failed", "note": "no memory"})
    (tmp_path / "trials.jsonl").write_text(lines(*trials), encoding="utf-8")
    page = page_of(tmp_path)
    assert untold(page, tmp_path) == []
    assert 'data-zh="失败：no memory"' in page


def test_a_report_of_seeds_is_in_both_languages(tmp_path):
    folders = [tmp_path / name for name in ("seed-1", "seed-2")]
    for folder in folders:
        make_run(folder, random_rows()[2], {"accuracy": 0.5})
    spread = {"values": [0.5, 0.7], "mean": 0.6, "std": 0.1414, "min": 0.5, "max": 0.7}
    told = {"runs": ["seed-1", "seed-2"], "test": {"accuracy": spread}, "folds": {"mrr": spread}}
    told["out_of_fold"] = {"mrr": 0.6}
    (tmp_path / "folds.json").write_text(json.dumps(told), encoding="utf-8")
    report([tmp_path], None)
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert untold(page, *folders) == []


def test_what_was_resumed_explained_and_changed_is_told_in_both_languages(tmp_path):
    folder = make_run(
        tmp_path / "run",
        random_rows(several=True)[2],
        {"micro_f1": 0.5, "threshold": 0.5},
        evaluations=[{"step": 5, "micro_f1": 0.5}, {"step": 10, "micro_f1": 0.6}],
        steps=[9, 10],
    )
    session = {"kind": "session", "step": 15, "started": "2026-01-03 10:00:00", "train_rows": 90}
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(lines({**session, "valid_rows": 9, "seconds": 0.0}))
    told = {"text": "a text", "tag": "a", "score": 0.8, "words": []}
    (folder / "infer" / EXPLANATIONS).write_text(lines(told), encoding="utf-8")
    page = page_of(folder)
    assert untold(page, folder) == []
    assert "恢复 1 次" in page and "阈值 0.5000" in page and "runner.infer_ensemble（2 个" in page


def test_what_is_waited_for_is_told_in_both_languages(tmp_path):
    awaited = []
    read_runs([tmp_path / "run"], awaited)
    page = waiting_page(Watched("state", ["a line of the log"], awaited))
    assert Untold(page, set()).found == []
    assert f"{tmp_path / 'run'}：不是训练目录" in page and "没有这个目录" in page


def test_a_text_without_chinese_is_found():
    rows = [note("Only English"), tag("p", say("run"), tag("b"), " more"), tag("i", title="Oh")]
    assert Untold(document([], rows), set()).found == ["Only English", " more", "Oh"]
