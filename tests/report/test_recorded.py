"""What is read of the folder of a run, whatever state it is in."""

import json

import pytest
from harness.reported import lines, make_run, random_rows, session
from harness.saved import made_up_facts

from textzoo.errors import UserError
from textzoo.report.recorded import Run, metrics_of, read_runs
from textzoo.training.facts import write_facts


def read(folder):
    (run,) = read_runs([folder])
    return run


def save(folder, name, step, **facts):
    (folder / name).mkdir(parents=True, exist_ok=True)
    facts = made_up_facts(step, versions={"textzoo": "0"}, **facts)
    facts["sha256"] = {"rec.pdparams": "", "rec.pdopt": ""}
    write_facts(folder / name, facts)


def test_lines_are_told_apart_and_half_a_line_is_left_out(tmp_path):
    told = session(seconds=[1.0, 2.5], ended=False)
    told.append({"kind": "evaluation", "step": 12, "accuracy": 0.5, "rows": 10})
    text = lines(*told) + '{"kind": "train", "ste'
    (tmp_path / "metrics.jsonl").write_text(text, encoding="utf-8")
    run = read(tmp_path)
    assert [line["step"] for line in run.training] == [5, 10]
    assert [line["step"] for line in run.evaluations] == [12]
    assert (run.last_step, run.seconds) == (12, 2.5)
    assert run.checkpoint is None and run.kind == "tags" and run.settings == {}


def test_the_facts_are_those_of_best_and_the_progress_that_of_the_newest(tmp_path):
    save(tmp_path, "0", 4, kind="levels")
    save(tmp_path, "1", 8)
    save(tmp_path, ".tmp-2", 99)
    assert read(tmp_path).checkpoint["progress"]["step"] == 8
    config = {"runner": {"epochs": 2, "seed": None}, "reader": {"words": {"min": 1}}}
    config["hyper_parameters"] = {}
    save(tmp_path, "best", 4, kind="levels", config=config)
    run = read(tmp_path)
    assert (run.kind, run.progress["step"]) == ("levels", 8)
    assert run.settings == {"runner.epochs": 2, "reader.words.min": 1}  # what is set


def test_predictions_are_outdated_when_their_checkpoint_has_gone_on(tmp_path):
    folder = make_run(tmp_path / "run", random_rows(n_rows=3)[2])
    assert not read(folder).is_outdated
    save(folder, "best", 20)
    assert read(folder).is_outdated


def test_of_several_checkpoints_the_last_ones_predictions_are_read(tmp_path):
    folder = make_run(tmp_path / "run", random_rows(n_rows=3)[2])
    test = {"rows": 3, "checkpoint": "1", "checkpoints": {"0": {}, "1": {}}, "steps": [9]}
    (folder / "infer" / "infer_metrics.json").write_text(json.dumps(test), encoding="utf-8")
    (folder / "infer" / "1").mkdir()
    (folder / "infer" / "1" / "label_report.json").write_text('{"labels": {}}', encoding="utf-8")
    run = read(folder)
    assert run.infer == folder / "infer" / "1" and run.label_report == {"labels": {}}


def test_as_much_of_a_path_names_a_run_as_tells_it_from_others(tmp_path):
    places = [tmp_path / a / b / "output" for a, b in (("x", "m"), ("y", "m"), ("y", "n"))]
    for place in places:
        save(place, "0", 1)
    assert [run.name for run in read_runs(places[:1])] == ["output"]
    assert [run.name for run in read_runs(places[1:])] == ["m/output", "n/output"]
    names = [run.name for run in read_runs(places)]
    assert names == ["x/m/output", "y/m/output", "y/n/output"]


def test_a_folder_of_runs_is_told_from_a_run(tmp_path):
    for name in ("two", "one"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").touch()
    with pytest.raises(UserError, match="There are runs in it: one, two"):
        read_runs([tmp_path])


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("/home/x/datasets/ag_news/data/train", "m on ag_news"),
        (r"C:\sets\my.pairs\Train.tsv.gz", "m on my"),
        ("/x/semantic_pair_train.tsv", "m on semantic_pair_train"),
        ("/zoo/models/m/data/train", "m on its own data"),
        ("/data/train", "m"),
        (None, "m"),
    ],
)
def test_a_run_is_about_its_model_and_data(tmp_path, path, subject):
    facts = {"model": "m", "config": {"runner": {"train_data_dir": path}}}
    assert Run(tmp_path, "run", checkpoint=facts).subject == subject
    assert Run(tmp_path, "run").subject is None


def test_counts_and_the_clock_are_no_metrics():
    line = {"kind": "evaluation", "step": 3, "rows": 9, "seconds": 1.5, "threshold": 0.5}
    assert metrics_of({**line, "accuracy": 0.25, "mrr": 1.0}) == {"accuracy": 0.25, "mrr": 1.0}
