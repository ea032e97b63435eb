"""What report.py shows of one run or several, and what it does where something is missing."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from harness.exports import NAMES
from harness.running import ENVIRONMENT, ROOT, run_command
from harness.workspace import infer_metrics, predictions
from sklearn.metrics import precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

pytest.importorskip("matplotlib")

from harness.reported import Page, lines, make_run, page_of, random_rows, row, session
from harness.saved import repair

from textzoo.report.plots import thinned
from textzoo.report.recorded import read_runs

SECTIONS = {
    "tags": ["Metrics", "Training", "Labels", "Precision and recall", "Confusions"],
    "levels": ["Metrics", "Training", "Labels", "Confusions"],
    "embeddings": ["Metrics", "Training", "Precision and recall", "Nearest texts"],
}


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
        own = [line.get(metric) for line in (evaluation, test)]
        assert values == ["" if value is None else f"{value:.4f}" for value in own]


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
    said = run_command("evaluate", "--pairs", file, "--result", result).metrics
    rows = Page(page_of(folder)).tables["Recall of the index"][1:]
    assert [k for k, *_ in rows][:3] == ["1", "5", "10"]
    for k, *cells in rows:
        expected = [said[f"{name}@{k}"] for name in ("recall", "mrr", "ndcg")]
        assert list(map(float, cells)) == pytest.approx(expected, abs=1.1e-4)


def test_results_of_a_checkpoint_that_has_changed_are_told(exported, tmp_path):
    folder = shutil.copytree(exported("tagspace").run, tmp_path / "run")
    told = "has changed since the test rows were evaluated: run textzoo infer again"
    assert told not in page_of(folder)
    repair(folder / "best", lambda facts: facts["progress"].update(step=9))
    assert told in page_of(folder)


@pytest.mark.parametrize("damage", ["cut", "without progress"])
def test_a_damaged_checkpoint_is_named_and_passed_over(tmp_path, caplog, damage):
    run = make_run(tmp_path / "run", random_rows(20)[2], {"micro_f1": 0.5})
    shutil.copytree(run / "best", run / "0")
    assert "1 of 2" in page_of(run)  # the epochs, from the other checkpoint
    if damage == "cut":
        (run / "best" / "checkpoint.json").write_text("{", encoding="utf-8")
    else:
        repair(run / "best", lambda facts: facts.pop("progress"))
    assert "1 of 2" in page_of(run)
    assert f"passed over: {run / 'best' / 'checkpoint.json'}: is damaged" in caplog.text


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
    assert page.headings[-1] == "Not in this report"
    assert page.tables["Labels"][0] == ["label", "f1 of one", "f1 of two"]  # of different rows


def test_a_page_is_titled_by_model_and_data(tmp_path):
    def title(*runs):
        return re.search("<h1[^>]*>(.*?)</h1>", page_of(*runs))[1]

    one, two, other = (
        make_run(
            tmp_path / name,
            random_rows(20)[2],
            settings={"runner": {"epochs": 2, "train_data_dir": f"/{data}/train"}},
        )
        for name, data in (("one", "news"), ("two", "news"), ("other", "law"))
    )
    assert title(one) == "tagspace on news"
    assert title(one, two) == "2 runs of tagspace on news"
    assert title(one, two, other) == "3 runs: tagspace on news; tagspace on law"


def test_runs_of_one_name_are_told_apart_and_a_run_is_not_given_twice(tmp_path):
    places = [tmp_path / name / "output_model" for name in ("a", "b")]
    for place in places:
        make_run(place, random_rows()[2])
    assert [run.name for run in read_runs(places)] == ["a/output_model", "b/output_model"]
    result = run_command("report", places[0], places[0], expect=2)
    assert result.stderr == "report.py: RUN_DIR: received the same folder twice\n"


# ------------------------------------------------------------------------ the best evaluation


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("hamming_loss", [0.2, 0.1, 0.1, 0.15], 10),
        ("level_error", [0.4, 0.3, 0.5, 0.6], 10),
        ("micro_f1", [0.3, 0.7, 0.8, 0.8], 15),
    ],
)
def test_the_best_evaluation_is_that_of_the_checkpoint_best(tmp_path, metric, values, best):
    """Of an error the lowest, else the highest, and of equals the first, as training keeps it."""
    told = [
        {"step": 5 * i, metric: value, "accuracy": i / 10, "seconds": 0.5 * i}
        for i, value in enumerate(values, 1)
    ]
    folder = make_run(tmp_path / "run", random_rows()[2], evaluations=told)
    (made,) = read_runs([folder])
    assert made.best_evaluation["step"] == best
    text = page_of(folder)
    assert f"Validation: 9 rows, step {best}." in text
    assert Page(text).tables["Metrics"][1] == [metric, f"{values[best // 5 - 1]:.4f}", ""]


def test_an_evaluation_without_the_first_metric_is_not_the_best(tmp_path):
    """As a run leaves it that was resumed with other metrics."""
    told = [{"step": 5, "hamming_loss": 0.2, "accuracy": 0.5}, {"step": 10, "accuracy": 0.9}]
    (made,) = read_runs([make_run(tmp_path / "run", random_rows()[2], evaluations=told)])
    assert made.best_evaluation["step"] == 5


def test_the_clock_is_no_metric(tmp_path):
    told = [{"step": 5, "accuracy": 0.5, "threshold": 0.25, "seconds": 12.75}]
    folder = make_run(tmp_path / "run", random_rows()[2], evaluations=told)
    text = page_of(folder)
    assert [name for name, *_ in Page(text).tables["Metrics"]] == ["metric", "accuracy"]
    assert "seconds by step" not in text


# ------------------------------------------------------------------------ what is not there


def test_a_run_with_training_only_says_which_commands_show_more(exported, tmp_path):
    folder = shutil.copytree(exported("batchneg").run, tmp_path / "run")
    shutil.rmtree(folder / "infer")
    text = page_of(folder)
    assert Page(text).headings == ["Metrics", "Training", "Settings", "Not in this report"]
    assert "Metrics of the test rows, curves and examples: textzoo infer." in text
    assert "Recall of an index: textzoo recall." in text
    other = make_run(tmp_path / "other", random_rows()[2])
    assert "Recall of an index: textzoo recall. (run)" in page_of(folder, other)


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
    assert "Settings: textzoo train saves them with the first checkpoint." in text
    assert "loss by step" in text


def test_predictions_that_were_cut_off_are_read_up_to_there(tmp_path):
    folder = make_run(tmp_path / "run", [row(["a"], {"a": 1.0, "b": 0.5})])
    with (folder / "infer" / "predictions.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": "cut o')
    assert Page(page_of(folder)).tables["Labels"][1] == ["a", "1.0000", "1.0000", "1.0000", "1"]


def run_of(folder, *facts):
    """Make a run with these lines of metrics.jsonl."""
    make_run(folder, random_rows()[2])
    (folder / "metrics.jsonl").write_text(lines(*facts), encoding="utf-8")
    return folder


def test_time_is_that_of_all_sessions_since_the_run_began(tmp_path):
    folder = run_of(
        tmp_path / "run",
        *session("2026-01-02 10:00:00", seconds=[30.0, 90.25]),
        *session("2026-01-03 10:00:01", step=10, seconds=[60.0, 3600.0]),
    )
    text = page_of(folder)
    assert "Trained for 1:01:30, from 2026-01-02 10:00, resumed once" in text
    assert ">training rows</dt><dd>90</dd>" in text
    assert ">time</dt><dd>1:01:30</dd>" in text


def test_a_session_that_was_killed_lasted_up_to_its_last_line(tmp_path):
    """By hand: 100 s, 20 s that no end tells of, 5 s after the last line of the loss."""
    third = session("2026-01-04 10:00:00", step=15, seconds=[40.0])
    third[-1]["seconds"] = 45.0
    killed = session("2026-01-03 10:00:00", step=10, seconds=[20.0], ended=False)
    folder = run_of(tmp_path / "run", *session(seconds=[50.0, 100.0]), *killed, *third)
    (made,) = read_runs([folder])
    assert [one.seconds for one in made.sessions] == [100.0, 20.0, 45.0]
    assert "Trained for 0:02:45, from 2026-01-02 10:00, resumed 2 times;" in page_of(folder)


def test_a_session_that_was_killed_before_its_first_line_counts_as_none_of_the_time(tmp_path):
    folder = run_of(
        tmp_path / "run",
        *session(seconds=[50.0, 100.0]),
        *session("2026-01-03 10:00:00", step=10, ended=False),
    )
    assert "Trained for 0:01:40, from 2026-01-02 10:00, resumed once;" in page_of(folder)


def test_a_run_that_an_earlier_version_began_has_no_time(tmp_path):
    """Neither without session lines nor when resumed since then; what else there is, is shown."""
    steps = [{"kind": "train", "step": 5 * i, "loss": 1 / i, "epoch": 0} for i in range(1, 3)]
    sentence = "Time and training rows: textzoo train notes them; earlier versions did not."
    old = run_of(tmp_path / "old", *steps)
    resumed = run_of(tmp_path / "resumed", *steps, *session(step=10, seconds=[60.0]))
    new = run_of(tmp_path / "new", *session(seconds=[60.0], train_rows=1200))
    for folder in (old, resumed):
        text = page_of(folder)
        assert "loss by step" in text and sentence in text
        assert "Trained for" not in text and ">training rows</dt>" not in text
    assert sentence not in page_of(new)
    text = page_of(old, resumed, new)
    assert f"{sentence} (old, resumed)" in text
    header, *rows = Page(text).tables["Time"]
    assert header[3:] == ["training rows", "rows per second", "time", "resumed"]
    assert [cells[3:] for cells in rows] == [["", "", "", ""]] * 2 + [["1,200", "", "0:01:00", "0"]]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("none", "found no such folder"),
        ("run/train.log", "found a file"),
        ("", "found a folder without them. There are"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, where, found):
    make_run(tmp_path / "run", random_rows()[2])
    (tmp_path / "run" / "train.log").touch()
    result = run_command("report", tmp_path / where, expect=2)
    assert (
        "is no folder of a run: expected train.log, metrics.jsonl and checkpoints" in result.stderr
    )
    assert found in result.stderr


def test_the_page_is_written_whole_or_not_at_all(tmp_path):
    folder = make_run(tmp_path / "run", random_rows()[2])
    result = run_command("report", folder)
    assert result.stdout == f"{folder / 'report.html'}\n"
    assert (folder / "report.html").read_text(encoding="utf-8").endswith("</html>\n")
    other = make_run(tmp_path / "other", random_rows(seed=1)[2])
    assert run_command("report", folder, other).stdout == f"{folder / 'comparison.html'}\n"
    (tmp_path / "a file").touch()
    nowhere = tmp_path / "a file" / "page.html"
    result = run_command("report", folder, "--output", nowhere, expect=2)
    assert result.stderr.startswith(f"report.py: --output: cannot write {nowhere}: ")
    assert not list(tmp_path.rglob("*.tmp"))


def test_without_matplotlib_the_extra_is_named_and_paddle_is_not_needed(tmp_path):
    folder = make_run(tmp_path / "run", random_rows()[2])
    code = (
        "import sys\nsys.modules['{}'] = None\nfrom textzoo.commands.report import main\n"
        f"sys.exit(main([{str(folder)!r}]))"
    )
    path = {**ENVIRONMENT, "PYTHONPATH": str(ROOT / "tools")}
    for module, status in (("matplotlib", 2), ("paddle", 0)):
        command = [sys.executable, "-c", code.format(module)]
        done = subprocess.run(command, env=path, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == status, done.stderr
        assert ("pip install 'textzoo[report]'" in done.stderr) == (module == "matplotlib")


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
