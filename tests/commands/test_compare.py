"""compare.py on what infer.py writes; the arithmetic: evaluation/test_significance.py."""

import json
import shutil

import pytest
from harness.running import run_command


@pytest.fixture(scope="module")
def evaluated(workspace):
    """The folders of two evaluations of one file, by predicted labels too."""
    metrics = "runner.metrics=[accuracy,mrr,micro_f1,macro_f1,psp@1]"
    for name, epochs in (("one", 1), ("two", 2)):
        workspace.run("trainer", name, f"runner.epochs={epochs}")
        workspace.run("infer", name, metrics.replace(",psp@1", ""), "runner.threshold=0.5")
    return workspace.output("one"), workspace.output("two")


def test_differences_are_those_of_the_metrics(evaluated):
    done = run_command("compare", *evaluated, "--resamples", 500)
    written = [
        json.loads((own / "infer/infer_metrics.json").read_text("utf-8")) for own in evaluated
    ]
    assert [*done.metrics] == ["accuracy", "mrr", "micro_f1", "macro_f1"]
    for name, found in done.metrics.items():
        first, second = (own[name] for own in written)
        assert [found["first"], found["second"]] == pytest.approx([first, second], abs=5e-5)
        assert found["difference"] == pytest.approx(second - first, abs=5e-5)
        assert found["low"] <= found["difference"] <= found["high"]
        assert 0 < found["p"] <= 1
    assert f"{written[0]['rows']} rows" in done.stdout
    shown = done.metrics["mrr"]
    interval = f"{shown['low']:+.4f} to {shown['high']:+.4f}"
    assert f"{shown['difference']:+.4f}  {interval}  " in done.stdout


def test_the_other_way_round_signs_change(evaluated):
    there = run_command("compare", *evaluated, "--resamples", 500).metrics["accuracy"]
    back = run_command("compare", *evaluated[::-1], "--resamples", 500).metrics["accuracy"]
    assert (back["low"], back["high"], back["p"]) == pytest.approx(
        (-there["high"], -there["low"], there["p"])
    )


def test_a_run_does_not_differ_from_itself(evaluated):
    done = run_command("compare", evaluated[0], evaluated[0] / "infer", "--resamples", 100)
    assert all(
        found["p"] == 1 and found["low"] == found["high"] == 0 for found in done.metrics.values()
    )


def test_one_metric_is_chosen(evaluated):
    done = run_command("compare", *evaluated, "--resamples", 100, "--metrics", "mrr")
    assert [*done.metrics] == ["mrr"]


def test_other_rows_and_other_mistakes_are_refused(evaluated, workspace, tmp_path):
    said = run_command("compare", *evaluated, "--metrics", "recall@3", expect=2).stderr
    assert (
        "--metrics: received recall@3, expected some of accuracy, mrr, micro_f1, macro_f1" in said
    )
    assert (
        "--resamples: received 5"
        in run_command("compare", *evaluated, "--resamples", 5, expect=2).stderr
    )
    assert (
        f"{tmp_path}: holds no" in run_command("compare", evaluated[0], tmp_path, expect=2).stderr
    )
    for file in ("predictions.jsonl", "infer_metrics.json"):
        text = (evaluated[0] / "infer" / file).read_text(encoding="utf-8")
        (tmp_path / file).write_text(text, encoding="utf-8")
    lines = (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "predictions.jsonl").write_text("\n".join(lines[::-1]) + "\n", encoding="utf-8")
    said = run_command("compare", evaluated[1], tmp_path, expect=2).stderr
    assert f"{tmp_path}: row 1 has the text " in said and "two evaluations of the same rows" in said


def test_means_over_labels_need_the_same_labels(evaluated, tmp_path):
    for file in ("predictions.jsonl", "infer_metrics.json"):
        text = (evaluated[0] / "infer" / file).read_text(encoding="utf-8")
        (tmp_path / file).write_text(text, encoding="utf-8")
    facts = json.loads((tmp_path / "infer_metrics.json").read_text(encoding="utf-8"))
    told = {**facts, "labels": facts["labels"] + 1}
    (tmp_path / "infer_metrics.json").write_text(json.dumps(told), encoding="utf-8")
    done = run_command("compare", evaluated[1], tmp_path, "--resamples", 100)
    assert [*done.metrics] == ["accuracy", "mrr", "micro_f1"]
    assert f"the second {facts['labels'] + 1}: metrics that are means over labels" in done.stdout


def test_of_a_study_the_best_trial_is_compared(evaluated, tmp_path):
    trial = {"metric": "accuracy", "number": 3, "state": "complete", "settings": {}, "value": 0.5}
    trial |= {"values": [0.5], "seconds": 1.0, "note": ""}
    (tmp_path / "trials.jsonl").write_text(json.dumps(trial) + "\n", encoding="utf-8")
    said = run_command("compare", tmp_path, evaluated[0], expect=2).stderr
    assert "whose best trial is not evaluated yet: " in said
    assert f" -m {tmp_path / 'best_config.yaml'}" in said
    shutil.copytree(evaluated[1] / "infer", tmp_path / "trial_3" / "infer")
    done = run_command("compare", tmp_path, evaluated[0], "--resamples", 100)
    assert f"first: {tmp_path / 'trial_3' / 'infer'}\n" in done.stdout
