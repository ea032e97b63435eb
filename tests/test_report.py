"""The page of report.py: its figures, what it asks for, how it works in a browser."""

import html.parser
import json
import re
import shutil

import numpy as np
import pytest
from exports import NAMES
from harness import command_line, infer_metrics, predictions, run
from sklearn.metrics import (
    confusion_matrix,
    precision_recall_curve,
    precision_recall_fscore_support,
)
from sklearn.preprocessing import MultiLabelBinarizer

pytest.importorskip("matplotlib")

from textzoo.report.page import build_page
from textzoo.report.plots import thinned
from textzoo.report.predictions import NO_LABEL, Predictions
from textzoo.report.recorded import read_runs

SECTIONS = {
    "tags": ["Metrics", "Training", "Labels", "Precision and recall", "Confusions"],
    "levels": ["Metrics", "Training", "Labels", "Confusions"],
    "embeddings": ["Metrics", "Training", "Precision and recall", "Nearest texts"],
}
HOSTILE = "<script>window.hacked = 1</script>\"'&amp;"


class Page(html.parser.HTMLParser):
    """What is in a page: its tables as lists of rows of texts by name, its attributes."""

    def __init__(self, text):
        super().__init__()
        self.attributes, self.tables, self.headings = [], {}, []
        self._rows, self._name, self._texts = [], None, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.attributes += [(tag, *pair) for pair in attributes.items()]
        if attributes.get("class") == "wide":
            self._name = attributes["aria-label"]
        elif tag == "table":
            self._rows = self.tables[self._name] = self.tables.get(self._name, [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th", "h2"):
            self._texts = []

    def handle_data(self, data):
        if self._texts is not None:
            self._texts.append(data)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._rows[-1].append("".join(self._texts).strip())
        elif tag == "h2":
            self.headings.append("".join(self._texts))
        if tag in ("td", "th", "h2"):
            self._texts = None


def page_of(*folders):
    return build_page(read_runs(list(folders)))


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def make_run(folder, rows=(), metrics=None, settings=None, kind="tags", evaluations=(), **more):
    """A folder as a run leaves it, of these predictions and metrics."""
    (folder / "infer").mkdir(parents=True)
    (folder / "best").mkdir()
    steps = [{"kind": "train", "step": 5 * i, "loss": 1 / i, "epoch": 0} for i in range(1, 4)]
    told = [{"kind": "evaluation", "epoch": 0, "rows": 9, **line} for line in evaluations]
    (folder / "metrics.jsonl").write_text(lines(*steps, *told), encoding="utf-8")
    progress = {"step": 15, "epoch": 1, "stopped": False}
    facts = {"model": "tagspace", "kind": kind, "progress": progress, "versions": {"textzoo": "0"}}
    facts["config"] = {"runner": {"epochs": 2}, **(settings or {})}
    (folder / "best" / "checkpoint.json").write_text(json.dumps(facts), encoding="utf-8")
    test = {"rows": len(rows), "checkpoint": "best", "steps": [15], **(metrics or {}), **more}
    test["checkpoints"] = {"best": {}}
    (folder / "infer" / "infer_metrics.json").write_text(json.dumps(test), encoding="utf-8")
    (folder / "infer" / "predictions.jsonl").write_text(lines(*rows), encoding="utf-8")
    return folder


def row(tags, scores, text="a text", **more):
    top = [{"tag": tag, "score": score} for tag, score in scores.items()]
    return {"text": text, "tags": tags, "top": top, **more}


def random_rows(n_rows=200, labels="abcdef", several=False, seed=0):
    """Rows that list every label: their scores and the gold labels as matrices, and the rows."""
    random = np.random.default_rng(seed)
    gold = np.eye(len(labels), dtype=bool)[random.integers(len(labels), size=n_rows)]
    if several:
        gold = random.random(gold.shape) < 0.3
    scores = np.round(random.random(gold.shape) + 0.3 * gold, 3)
    rows = []
    for own, values in zip(gold, scores):
        order = np.argsort(-values, kind="stable")
        tags = [labels[i] for i in np.flatnonzero(own)]
        rows.append(row(tags, {labels[i]: float(values[i]) for i in order}))
        if several:
            rows[-1]["predicted"] = [labels[i] for i in order if values[i] > 0.6]
    return scores, gold, rows


# ------------------------------------------------------------------------ runs of all models


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_each_model_has_its_sections_and_asks_for_nothing(exported, name):
    folder = exported(name).run
    text = page_of(folder)
    page = Page(text)
    (made,) = read_runs([folder])
    assert [title for title in page.headings if title in SECTIONS[made.kind]] == SECTIONS[made.kind]
    assert len(text) < 200_000
    # Nothing to load, and no address but those of its own sections.
    loading = [v for _, k, v in page.attributes if k in ("src", "href", "xlink:href", "action")]
    assert all(value.startswith("#") or value == "data:," for value in loading)
    assert "http://" not in text and "https://" not in text
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)", text))
    ids = [value for _, key, value in page.attributes if key == "id"]
    assert len(set(ids)) == len(ids)
    assert {value[1:] for value in loading if value[0] == "#"} <= set(ids)


@pytest.mark.parametrize("name", ["tagspace", "levels", "batchneg"])
def test_metrics_are_those_that_the_commands_wrote(exported, name):
    folder = exported(name).run
    page = Page(page_of(folder))
    test = infer_metrics(folder / "infer")
    logged = map(json.loads, (folder / "metrics.jsonl").open(encoding="utf-8"))
    (evaluation,) = [line for line in logged if line["kind"] == "evaluation"]
    header, *rows = page.tables["Metrics"]
    assert header == ["metric", "validation", "test"]
    assert rows[0][0] in test
    for metric, *values in rows:
        assert values == [f"{evaluation[metric]:.4f}", f"{test[metric]:.4f}"]


def test_labels_of_a_run_without_thresholds_equal_scikit_learn(exported):
    folder = exported("tagspace").run
    rows = predictions(folder / "infer")
    best = [[tag["tag"] for tag in row["top"][: len(row["tags"])]] for row in rows]
    binary = MultiLabelBinarizer().fit([*best, *(row["tags"] for row in rows)])
    gold, predicted = binary.transform([row["tags"] for row in rows]), binary.transform(best)
    expected = np.array(precision_recall_fscore_support(gold, predicted, zero_division=0)).T
    found = {label: cells for label, *cells in Page(page_of(folder)).tables["Labels"][1:]}
    assert set(found) == set(binary.classes_)
    for label, figures in zip(binary.classes_, expected):
        assert list(map(float, found[label])) == pytest.approx(figures.tolist(), abs=5e-5)


def test_per_label_figures_are_those_of_label_report(exported):
    folder = exported("multilabel").run
    report = json.loads((folder / "infer" / "label_report.json").read_text(encoding="utf-8"))
    header, *rows = Page(page_of(folder)).tables["Labels"]
    figures = {
        label: dict(zip(header[1:], map(float, cells))) for label, *cells in rows if cells[0]
    }
    for label, expected in {**report["labels"], **report["averages"]}.items():
        assert figures[label] == pytest.approx(expected, abs=5e-5)


def test_the_index_recalls_what_evaluate_py_says(exported):
    run_ = exported("batchneg")
    folder = run_.run
    pairs = folder.parent.parent / "data" / "test"
    (file,) = pairs.iterdir()
    result = folder / "infer" / "recall_result.txt"
    said = run(command_line("evaluate", "--pairs", file, "--result", result)).metrics
    rows = Page(page_of(folder)).tables["Recall of the index"][1:]
    assert [k for k, *_ in rows][:3] == ["1", "5", "10"]
    for k, *cells in rows:
        expected = [said[f"{name}@{k}"] for name in ("recall", "mrr", "ndcg")]
        assert list(map(float, cells)) == pytest.approx(expected, abs=5e-5)


def test_results_of_a_checkpoint_that_has_changed_are_told(exported, tmp_path):
    folder = shutil.copytree(exported("tagspace").run, tmp_path / "run")
    told = "has changed since the test rows were evaluated: run infer.py again"
    assert told not in page_of(folder)
    file = folder / "best" / "checkpoint.json"
    facts = json.loads(file.read_text(encoding="utf-8"))
    facts["progress"]["step"] += 1
    file.write_text(json.dumps(facts), encoding="utf-8")
    assert told in page_of(folder)


# ------------------------------------------------------------------------ predictions


@pytest.mark.parametrize("several", [False, True])
def test_the_curve_equals_scikit_learn(tmp_path, several):
    scores, gold, rows = random_rows(several=several)
    folder = make_run(tmp_path / "run", rows)
    found = Predictions.read(folder / "infer" / "predictions.jsonl", "tags", len(rows))
    assert found.is_complete_above is None  # every label is listed
    curve = found.curve()
    precision, recall, thresholds = precision_recall_curve(gold.ravel(), scores.ravel())
    np.testing.assert_allclose(curve.precision, precision[-2::-1])
    np.testing.assert_allclose(curve.recall, recall[-2::-1])
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    best = f"F1 is highest, {f1.max():.4f}, at threshold {thresholds[f1[:-1].argmax()]:.4f}."
    assert best in page_of(folder)


def test_the_matrix_of_one_label_a_row_equals_scikit_learn(tmp_path):
    scores, gold, rows = random_rows()
    expected = confusion_matrix(gold.argmax(axis=1), scores.argmax(axis=1))
    _, *found = Page(page_of(make_run(tmp_path / "run", rows))).tables["Confusions"]
    assert [heading for heading, *_ in found] == [f"{i} {x}" for i, x in enumerate("abcdef", 1)]
    assert [[int(cell.replace("·", "0")) for cell in cells] for _, *cells in found] == (
        expected.tolist()
    )


def test_lists_that_may_lack_labels_are_complete_above_their_lowest_scores(tmp_path):
    """By hand: two of three labels are listed."""
    rows = [row(["a"], {"a": 0.9, "b": 0.2}), row(["c"], {"b": 0.8, "a": 0.4})]
    folder = make_run(tmp_path / "run", rows)
    found = Predictions.read(folder / "infer" / "predictions.jsonl", "tags", 2)
    assert found.is_complete_above == 0.4
    assert "Shaded, up to 0.4000" in page_of(folder)


def test_labels_of_several_equal_scikit_learn_and_confusions_a_count_by_hand(tmp_path):
    scores, gold, rows = random_rows(several=True)
    folder = make_run(tmp_path / "run", rows)
    found = Predictions.read(folder / "infer" / "predictions.jsonl", "tags", len(rows))
    figures = precision_recall_fscore_support(gold, scores > 0.6, zero_division=0)
    for i, own in enumerate(found.labels().values()):
        assert list(own.values()) == pytest.approx([values[i] for values in figures])
    missed, wrong = gold & (scores <= 0.6), ~gold & (scores > 0.6)
    counted = {(one.gold, one.predicted): one.count for one in found.confusions()}
    for i, true in enumerate("abcdef"):
        for j, label in enumerate("abcdef"):
            assert counted.get((true, label), 0) == (missed[:, i] & wrong[:, j]).sum()
        alone = missed[:, i] & ~wrong.any(axis=1)
        assert counted.get((true, NO_LABEL), 0) == alone.sum()
    assert sorted(counted.values(), reverse=True) == list(counted.values())
    among = found.confusions(among=["a", "b"])
    assert {one[:2] for one in among} == {("a", "b"), ("b", "a")}


def test_the_surest_mistakes_come_first(tmp_path):
    rows = [
        row(["a"], {"b": 0.5, "a": 0.4}, "third"),
        row(["b"], {"b": 0.99, "a": 0.98}, "right"),
        row(["b"], {"a": 0.9, "b": 0.1}, "first"),
        row(["c"], {"b": 0.7, "a": 0.6}, "second"),
        *(row(["a"], {"b": 0.2, "a": 0.1}, f"later {i}") for i in range(30)),
    ]
    folder = make_run(tmp_path / "run", rows)
    wrong = Predictions.read(folder / "infer" / "predictions.jsonl", "tags", len(rows)).wrong
    texts = [mistake.row["text"] for mistake in wrong]
    assert texts == ["first", "second", "third", *(f"later {i}" for i in range(17))]
    assert (wrong[0].label, wrong[0].score) == ("a", 0.9)


def test_levels_are_confused_within_a_label(tmp_path):
    """By hand: of two labels, one level too high, and one not seen."""
    rows = [
        row(["x:1", "y:2"], {"x:2": 0.9, "y:2": 0.8}, predicted={"x": 2, "y": 2}),
        row(["y:2"], {"x:0": 0.9, "y:0": 0.7}, predicted={"x": 0, "y": 0}),
    ]
    folder = make_run(tmp_path / "run", rows, kind="levels")
    found = Predictions.read(folder / "infer" / "predictions.jsonl", "levels", 2)
    assert found.confusions() == [("x:1", "x:2", 1), ("y:2", "y:0", 1)]
    assert Page(page_of(folder)).tables["Confusions"] == [
        ["true ↓ predicted →", "0", "1", "2"],
        ["0", "1", "·", "·"],
        ["1", "·", "·", "1"],
        ["2", "1", "·", "1"],
    ]


def test_rows_without_labels_count_as_they_do_in_the_metrics(tmp_path):
    rows = [row(["a"], {"a": 1.0}), row([], {"a": 0.9}, predicted=["a"])]
    file = make_run(tmp_path / "run", rows) / "infer" / "predictions.jsonl"
    assert Predictions.read(file, "tags", 2).n_rows == 2
    assert Predictions.read(file, "tags", 1).n_rows == 1
    assert not Predictions.read(file, "tags", 1).wrong


# ------------------------------------------------------------------------ several runs


def test_several_runs_mark_the_best_and_show_what_differs(tmp_path):
    evaluations = [
        {"step": 5, "micro_f1": 0.3, "hamming_loss": 0.2},
        {"step": 10, "micro_f1": 0.8, "hamming_loss": 0.15},
        {"step": 15, "micro_f1": 0.7, "hamming_loss": 0.1},
    ]
    runs = [
        make_run(
            tmp_path / name,
            random_rows(seed=seed)[2],
            {"micro_f1": f1, "hamming_loss": loss},
            {"reader": {"max_len": 64, "max_words": seed}},
            evaluations=evaluations[: 3 - seed],
        )
        for seed, (name, f1, loss) in enumerate([("one", 0.5, 0.25), ("two", 0.75, 0.5)])
    ]
    text = page_of(*runs)
    page = Page(text)
    header, one, two = page.tables["Test rows"]
    assert header == ["run", "micro_f1", "hamming_loss", "rows"]
    assert (one, two) == (["one", "0.5000", "0.2500", "200"], ["two", "0.7500", "0.5000", "200"])
    best = re.findall(r'<strong class="best">([\d.]+)', text)
    assert best[:2] == ["0.2500", "0.7500"]
    validation = page.tables["Validation rows, at each run's best"]
    assert [cells[1] for cells in validation[1:]] == ["0.8000", "0.8000"]
    assert page.tables["Settings that differ"][1:] == [["reader.max_words", "0", "1"]]
    assert "2 other keys are the same" in text
    assert page.tables["Labels"][0] == ["label", "support", "f1 of one", "f1 of two"]


def test_runs_of_one_name_are_told_apart_and_a_run_is_not_given_twice(tmp_path):
    places = [tmp_path / name / "output_model" for name in ("a", "b")]
    for place in places:
        make_run(place, random_rows()[2])
    assert [run.name for run in read_runs(places)] == ["a/output_model", "b/output_model"]
    result = run(command_line("report", places[0], places[0]), expect=2)
    assert result.stderr == "report.py: RUN_DIR: received the same folder twice\n"


# ------------------------------------------------------------------------ what is not there


def test_a_run_with_training_only_says_which_commands_show_more(exported, tmp_path):
    folder = shutil.copytree(exported("batchneg").run, tmp_path / "run")
    shutil.rmtree(folder / "infer")
    text = page_of(folder)
    assert Page(text).headings == ["Metrics", "Training", "Settings", "Not in this report"]
    assert "Metrics of the test rows, curves and examples: infer.py." in text
    assert "Recall of an index: recall.py." in text


def test_a_run_that_was_killed_early_is_shown_as_far_as_it_came(tmp_path):
    """No checkpoint, a line of the log that was never finished, and half a file of metrics."""
    folder = tmp_path / "run"
    (folder / "infer").mkdir(parents=True)
    told = [{"kind": "train", "step": step, "loss": 2 / step, "epoch": 0} for step in (1, 2)]
    cut = lines(*told) + '{"kind": "train", "step": 3, "lo'
    (folder / "metrics.jsonl").write_text(cut, encoding="utf-8")
    (folder / "infer" / "infer_metrics.json").write_text('{"accuracy": 0.', encoding="utf-8")
    text = page_of(folder)
    assert Page(text).headings == ["Training", "Not in this report"]
    assert "Settings: trainer.py saves them with the first checkpoint." in text
    assert "loss by step" in text


def test_predictions_that_were_cut_off_are_read_up_to_there(tmp_path):
    folder = make_run(tmp_path / "run", [row(["a"], {"a": 1.0, "b": 0.5})])
    with (folder / "infer" / "predictions.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": "cut o')
    assert Page(page_of(folder)).tables["Labels"][1] == ["a", "1.0000", "1.0000", "1.0000", "1"]


def test_time_is_that_of_all_sessions_since_the_run_began(tmp_path):
    folder = make_run(tmp_path / "run", random_rows()[2])
    (folder / "train.log").write_text(
        "2026-01-01 08:00:00,000 m: 80 training rows, 20 validation rows\n"
        "2026-01-01 09:00:00,000 epoch 0 done: mean loss 1\n"
        "2026-01-02 10:00:00,000 m: 90 training rows, 10 validation rows\n"
        "2026-01-02 10:01:30,500 interrupted; saved step_9\n"
        "2026-01-03 10:00:00,000 going on from step_9 (step 9)\n"
        "2026-01-03 10:00:01,000 m: 90 training rows, 10 validation rows\n"
        "2026-01-03 11:00:01,000 epoch 1 done: mean loss 1\n"
        "2026-01-04 10:00:00,000 going on from 1 (step 15)\n"
        "2026-01-04 10:00:01,000 m: 90 training rows, 10 validation rows\n"
        "2026-01-04 10:00:01,100 already trained to the end\n"
        "2026-01-04 10:00:05,100 best accuracy 0.9\n",
        encoding="utf-8",
    )
    assert "Trained for 1:01:30, from 2026-01-02 10:00, resumed once" in page_of(folder)


@pytest.mark.parametrize(
    ("where", "found"), [("none", "no such folder"), ("", "found a folder without them. There are")]
)
def test_what_is_no_run_is_refused(tmp_path, where, found):
    make_run(tmp_path / "run", random_rows()[2])
    result = run(command_line("report", tmp_path / where), expect=2)
    assert (
        "is no folder of a run: expected train.log, metrics.jsonl and checkpoints" in result.stderr
    )
    assert found in result.stderr


def test_the_page_is_written_whole_or_not_at_all(tmp_path):
    folder = make_run(tmp_path / "run", random_rows()[2])
    result = run(command_line("report", folder))
    assert result.stdout == f"{folder / 'report.html'}\n"
    assert (folder / "report.html").read_text(encoding="utf-8").endswith("</html>\n")
    other = make_run(tmp_path / "other", random_rows(seed=1)[2])
    assert run(command_line("report", folder, other)).stdout == f"{folder / 'comparison.html'}\n"
    nowhere = tmp_path / "nowhere" / "page.html"
    result = run(command_line("report", folder, "--output", nowhere), expect=2)
    assert result.stderr.startswith(f"report.py: --output: cannot write {nowhere}: ")
    assert not list(tmp_path.rglob("*.tmp"))


# ------------------------------------------------------------------------ size


def test_a_page_stays_small_and_says_what_it_leaves_out(tmp_path):
    labels = [f"label {i}" for i in range(3000)]
    random = np.random.default_rng(0)
    rows = []
    for _ in range(4000):
        chosen = [labels[i] for i in random.choice(3000, 4, replace=False)]
        scores = dict(zip(chosen, sorted(random.random(4).tolist(), reverse=True)))
        rows.append(row(chosen[2:], scores, "many words " * 500))
    folder = make_run(tmp_path / "run", rows)
    told = [{"kind": "train", "step": i, "loss": random.random(), "epoch": 0} for i in range(9000)]
    (folder / "metrics.jsonl").write_text(lines(*told), encoding="utf-8")
    text = page_of(folder)
    assert len(text) < 300_000
    assert len(Page(text).tables["Labels"]) == 501
    n_labels = len({tag for one in rows for best in one["top"] for tag in [best["tag"]]})
    assert f"These are the 500 commonest of {n_labels:,} labels." in text
    assert "These are the 15 commonest of " in text


def test_a_thinned_curve_keeps_the_mean_of_each_part():
    x, y = thinned(range(1000), [i % 4 for i in range(1000)])
    assert len(x) == 250
    assert x[:2].tolist() == [1.5, 5.5] and set(y) == {1.5}
    assert [part.tolist() for part in thinned([1, 2], [3, 4])] == [[1, 2], [3, 4]]


# ------------------------------------------------------------------------ in a browser


@pytest.fixture
def open_report(browser, tmp_path):
    """A function that opens a report in Chromium, which may neither complain nor ask for more."""
    contexts, problems = [], []

    def opened(folder, width=900, **settings):
        file = tmp_path / "page.html"
        file.write_text(page_of(folder), encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **settings))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda r: r.url in (file.as_uri(), "data:,") or problems.append(r.url))
        page.goto(file.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not problems


def column(page, number):
    cells = page.locator(f"#labels tbody tr:visible td:nth-child({number})")
    return cells.all_inner_texts()


def test_tables_sort_by_mouse_and_by_keyboard(open_report, tmp_path):
    evenly = [row([tag], {"b": 0.9, "a": 0.1, "c": 0.05}) for tag in "abbc" * 3]
    page = open_report(make_run(tmp_path / "run", [*evenly, row(["a"], {"a": 1.0})]))
    headings = page.locator("#labels th")
    assert column(page, 1) == ["b", "a", "c"]  # by support
    headings.nth(0).locator("button").click()
    assert column(page, 1) == ["a", "b", "c"]
    assert headings.nth(0).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert column(page, 1) == ["c", "b", "a"]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    values = list(map(float, column(page, 2)))
    assert values == sorted(values, reverse=True) and values[0] > values[-1]
    assert [h.get_attribute("aria-sort") for h in headings.all()[:2]] == [None, "descending"]
    page.fill("#labels input", "B")
    assert column(page, 1) == ["b"]


def test_labels_and_texts_are_shown_as_they_are(open_report, tmp_path):
    rows = [row([HOSTILE], {"标签": 0.9, HOSTILE: 0.8}, f"{HOSTILE} 中文 {i}") for i in range(3)]
    page = open_report(make_run(tmp_path / HOSTILE.replace("/", ""), rows))
    assert page.evaluate("window.hacked") is None
    assert set(column(page, 1)) == {HOSTILE, "标签"}
    assert page.locator("#surest-mistakes .text").first.inner_text() == f"{HOSTILE} 中文 0"
    assert page.locator("script").count() == 1


def test_what_slips_in_cannot_run(open_report, tmp_path, monkeypatch):
    """The page's own policy lets no script run but its own."""
    page = open_report(make_run(tmp_path / "run", random_rows()[2]))
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.hacked = 1'}))"
    )
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("name", ["tagspace", "multilabel", "batchneg"])
def test_a_phone_s_width_needs_no_sideways_scrolling(exported, open_report, name):
    page = open_report(exported(name).run, width=320)
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_curves_have_the_page_s_colours_in_light_and_dark(exported, open_report):
    folder = exported("multilabel").run

    def colours(scheme):
        page = open_report(folder, color_scheme=scheme)
        curve = "getComputedStyle(document.querySelector('[style*=\"--line-0\"]')).stroke"
        text = "getComputedStyle(document.querySelector('svg text')).fill"
        return page.evaluate(f"[{curve}, {text}, getComputedStyle(document.body).backgroundColor]")

    light, dark = colours("light"), colours("dark")
    assert not set(light) & set(dark)
    assert len({*light, *dark}) == 6
