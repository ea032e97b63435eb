"""trainer.py --seeds and --folds, from start to end on a part of the samples."""

import argparse
import json
import re
import signal
import statistics

import numpy as np
import pytest
from harness.running import run, run_command
from harness.workspace import (
    MODELS,
    Saved,
    Started,
    Workspace,
    assert_same_checkpoint,
    digests,
    infer_metrics,
    metric_lines,
    predictions,
)

from textzoo.commands.repeated import _seeds

SHORT = ("runner.epochs=1",)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def of_seeds(workspace):
    """The folder of runs with two seeds."""
    workspace.run("trainer", "repeated", *SHORT, "--seeds", "1,7")
    return workspace.output("repeated") / "seeds"


def test_each_seed_gives_the_run_that_it_gives_alone(workspace, of_seeds):
    workspace.run("trainer", "alone", *SHORT, "runner.seed=7")
    for name in ("0", "best"):
        assert_same_checkpoint(of_seeds / "seed-7" / name, workspace.output("alone") / name)
    first = Saved(of_seeds / "seed-1" / "0").facts["config"]["runner"]
    assert first["seed"] == 1 and first["model_save_path"] == str(of_seeds / "seed-1")


def test_mean_and_spread_are_those_of_the_runs(of_seeds):
    told = read(of_seeds / "seeds.json")
    assert told["runs"] == ["seed-1", "seed-7"]
    tests = [infer_metrics(of_seeds / name / "infer")["accuracy"] for name in told["runs"]]
    lines = [metric_lines(of_seeds / name, "evaluation")[-1]["accuracy"] for name in told["runs"]]
    for kind, values in (("test", tests), ("validation", lines)):
        found = told[kind]["accuracy"]
        assert found["values"] == values
        assert found["mean"] == pytest.approx(statistics.mean(values))
        assert found["std"] == pytest.approx(statistics.stdev(values))
        assert [found["min"], found["max"]] == sorted(values)


def test_paths_are_told_from_the_working_directory(workspace, of_seeds):
    arguments = workspace.arguments("trainer", "repeated", *SHORT, "--seeds", "1,7")
    end = run(arguments, cwd=of_seeds.parents[1]).stdout
    near = of_seeds.relative_to(of_seeds.parents[1])
    assert f"--- seed-1 (1 of 2): {near / 'seed-1'}\n" in end
    assert f"\n{near / 'seeds.json'}\nnext: " in end and end.endswith(f"report.py {near}\n")


def test_what_has_ended_is_not_trained_again(workspace, of_seeds):
    kept = {name: digests(of_seeds / name) for name in ("seed-1/0", "seed-1/best", "seed-7/best")}
    result = workspace.run("trainer", "repeated", *SHORT, "--seeds", "1,7,8")
    assert result.stdout.count("already trained to the end") == 2
    assert {name: digests(of_seeds / name) for name in kept} == kept
    heading = re.search(r"^test .*$", result.stdout, re.MULTILINE)[0].split()
    assert heading == ["test", "seed-1", "seed-7", "seed-8", "mean", "std", "min", "to", "max"]
    told = read(of_seeds / "seeds.json")["test"]["accuracy"]
    row = re.search(r"^accuracy .*$", result.stdout.partition("\ntest ")[2], re.MULTILINE)[0]
    values = [*told["values"], told["mean"], told["std"]]
    assert row.split()[1:6] == [f"{value:.4f}" for value in values]
    end = result.stdout.partition(f"{of_seeds / 'seeds.json'}\nnext: python ")[2]
    assert end.endswith(f"report.py {of_seeds}\n") and result.stdout.count("next: ") == 1


def test_an_interrupted_seed_goes_on(workspace, of_seeds):
    arguments = workspace.arguments("trainer", "stopped", *SHORT, "--seeds", "1,7")
    place = workspace.output("stopped") / "seeds"
    with Started(arguments, place / "seed-7") as started:
        started.wait_for_step(3)
        assert started.stop(signal.SIGTERM).status == 128 + signal.SIGTERM
    assert not (place / "seeds.json").exists()
    result = workspace.run("trainer", "stopped", *SHORT, "--seeds", "1,7")
    assert "already trained to the end" in result.stdout and "going on from" in result.stdout
    assert_same_checkpoint(place / "seed-7" / "0", of_seeds / "seed-7" / "0")
    assert (
        read(place / "seeds.json") == read(of_seeds / "seeds.json")
        or len(read(of_seeds / "seeds.json")["runs"]) == 3
    )


@pytest.mark.parametrize("more", [(), ("runner.processes=2",)], ids=["static", "processes"])
def test_other_ways_to_train_are_repeated_too(workspace, of_seeds, more):
    command, name = ("trainer", "shared") if more else ("static_trainer", "static")
    arguments = workspace.arguments(command, name, *SHORT, *more, "--seeds", "1,7")
    run(arguments)
    weights = Saved(workspace.output(name) / "seeds" / "seed-7" / "0").weights
    theirs = Saved(of_seeds / "seed-7" / "0").weights
    for own, other in zip(weights.values(), theirs.values()):
        np.testing.assert_allclose(own, other, atol=1e-3)


# --- folds -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_folds(workspace):
    """The folder of a cross-validation."""
    workspace.run("trainer", "repeated", *SHORT, "--folds", "3")
    return workspace.output("repeated") / "folds-3"


def test_each_row_is_scored_once_by_a_run_that_has_not_seen_it(workspace, of_folds):
    rows, lines = predictions(of_folds / "infer"), workspace.train_lines()
    assert [f"{','.join(row['tags'])}\t{row['text']}" for row in rows] == lines
    texts = [{row["text"] for row in predictions(of_folds / f"fold-{n}/infer")} for n in (1, 2, 3)]
    assert sum(map(len, texts)) == len({*(row["text"] for row in rows)})  # equal ones together
    n_rows = [infer_metrics(of_folds / f"fold-{n}/infer")["rows"] for n in (1, 2, 3)]
    assert sum(n_rows) == len(lines)
    for number, own in enumerate(n_rows, 1):
        session = metric_lines(of_folds / f"fold-{number}", "session")[0]
        assert session["train_rows"] + session["valid_rows"] == len(lines) - own
        assert session["valid_rows"] == round(0.1 * (len(lines) - own))


def test_out_of_fold_metrics_are_those_of_all_rows(of_folds):
    told = read(of_folds / "folds.json")
    rows = predictions(of_folds / "infer")
    first = [1 in row["ranks"] for row in rows]
    assert told["out_of_fold"]["accuracy"] == pytest.approx(np.mean(first))
    assert told["rows"] == len(rows)
    values = [infer_metrics(of_folds / f"fold-{n}/infer")["accuracy"] for n in (1, 2, 3)]
    assert told["folds"]["accuracy"]["values"] == values
    assert infer_metrics(of_folds / "infer")["accuracy"] == told["out_of_fold"]["accuracy"]


def test_a_fold_can_be_trained_and_evaluated_by_itself(workspace, of_folds):
    alone = ("runner.left_out_fold=2/3", *SHORT)
    workspace.run("trainer", "one fold", *alone)
    workspace.run("infer", "one fold", *alone)
    ours, theirs = workspace.output("one fold"), of_folds / "fold-2"
    assert_same_checkpoint(ours / "0", theirs / "0")
    assert infer_metrics(ours / "infer")["accuracy"] == infer_metrics(theirs / "infer")["accuracy"]
    changed = workspace.run("trainer", "one fold", "runner.left_out_fold=1/3", *SHORT, expect=2)
    assert "runner.left_out_fold" in changed.stderr


def test_a_linear_part_does_not_see_the_fold_that_is_left_out(tmp_path):
    """It gives other rows the scores of one that was fitted to a file without the fold."""
    whole = Workspace(tmp_path / "whole", MODELS["xmlcnn"])
    linear = (
        "hyper_parameters.linear.features=words",
        "runner.epochs=0",
        "runner.valid_fraction=0",
    )
    linear += ("hyper_parameters.linear.regularisation=0.5", "runner.top_k=5")
    fold = "runner.left_out_fold=1/3"
    whole.run("trainer", "fold", *linear, fold)
    whole.run("infer", "fold", *linear, fold)
    left_out = [row["text"] for row in predictions(whole.output("fold") / "infer")]
    lines = whole.train_lines()
    kept = [line for line in lines if line.partition("\t")[2].strip() not in {*left_out}]
    assert len(kept) + len(left_out) == len(lines)
    part = Workspace(tmp_path / "part", MODELS["xmlcnn"])
    for file in part.train_data.iterdir():
        file.unlink()
    (part.train_data / "train.tsv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    part.run("trainer", "part", *linear)
    part.run("infer", "part", *linear)
    # The rows of the test file by the run of the fold.
    whole.run("infer", "fold", *linear)
    ours = predictions(whole.output("fold") / "infer")
    theirs = predictions(part.output("part") / "infer")
    for own, other in zip(ours, theirs):
        assert own["text"] == other["text"]
        scores = {best["tag"]: best["score"] for best in own["top"]}
        for best in other["top"][:3]:
            assert scores[best["tag"]] == pytest.approx(best["score"], abs=2e-3)


def test_pairs_are_left_out_by_their_queries(tmp_path):
    pairs = Workspace(tmp_path, MODELS["batchneg"])
    pairs.run("trainer", "folds", *SHORT, "runner.train_batch_size=64", "--folds", "2")
    place = pairs.output("folds") / "folds-2"
    queries = [{row["text"] for row in predictions(place / f"fold-{n}/infer")} for n in (1, 2)]
    assert not queries[0] & queries[1]
    told, rows = read(place / "folds.json"), predictions(place / "infer")
    assert len(rows) == told["rows"] == len(pairs.train_lines())
    mrr = np.mean([1 / row["ranks"][0] if row["ranks"][0] else 0 for row in rows])
    assert told["out_of_fold"]["mrr"] == pytest.approx(mrr)


# --- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "overrides", "says"),
    [
        (["--seeds", "1"], [], "--seeds: received 1, expected how many seeds"),
        (["--seeds", "3,x"], [], "--seeds: received 3,x"),
        (["--seeds", "3,3"], [], "each seed once"),
        (["--seeds", "2", "--folds", "2"], [], "not allowed with argument --seeds"),
        (["--folds", "1"], [], "--folds: received 1, expected a whole number from 2 to 1000"),
        (["--folds", "2"], ["runner.left_out_fold=1/2"], "--folds: received runner.left_out_fold"),
        (
            ["--seeds", "2"],
            ["runner.resume=none/3"],
            "none/3, expected auto or none: each run goes on in",
        ),
        (["--seeds", "2"], ["runner.test_data_dir=-"], "--seeds: received standard input"),
        (["--seeds", "2"], ["runner.seed=4294967295"], "expected at most 4294967295"),
        (
            ["--seeds", "2"],
            ["runner.test_data_dir=null", "runner.valid_fraction=0"],
            "neither test nor validation rows to measure by",
        ),
    ],
)
def test_what_cannot_be_repeated_is_refused(workspace, options, overrides, says):
    result = workspace.run("trainer", "refused", *SHORT, *overrides, *options, expect=2)
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert not [path for path in workspace.output("refused").glob("**/*") if path.is_file()]


def test_more_folds_than_texts_are_refused(workspace):
    result = workspace.run("trainer", "too many", *SHORT, "--folds", "700", expect=2)
    assert "--folds or runner.left_out_fold: received 700 folds, but the training" in result.stderr
    assert not workspace.output("too many").exists()


def test_a_run_that_fails_ends_them_all(workspace, tmp_path):
    bad = f"runner.train_data_dir={tmp_path / 'none'}"
    result = workspace.run("trainer", "failing", bad, "--seeds", "2", expect=2)
    assert result.stderr.count("none") == 1 and "seed-2027" not in result.stdout


def test_a_process_of_a_launcher_is_refused(workspace, monkeypatch):
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    result = workspace.run("trainer", "launched", *SHORT, "--seeds", "2", expect=2)
    assert "--seeds: received a process of a launcher" in result.stderr


def test_seeds_are_how_many_or_which():
    assert _seeds("3") == 3 and _seeds("1, 7,42") == [1, 7, 42]
    for text in ("", "1,,2", "9" * 5000):  # of which `int` makes no number
        with pytest.raises(argparse.ArgumentTypeError, match=rf"^received {text[:40]}, expected"):
            _seeds(text)


def test_help_tells_of_both():
    assert "--seeds N" in run_command("trainer", "--help").stdout
