"""The linear part of a run's rows, through the commands."""

import shutil

import numpy as np
import pytest
from harness.running import run_command
from harness.workspace import (
    MODELS,
    Saved,
    Workspace,
    assert_same_checkpoint,
    checkpoints,
    digests,
    infer_metrics,
    metric_lines,
    predictions,
)

BOTH = "hyper_parameters.linear.features=both"
ALONE = (BOTH, "runner.epochs=0")


@pytest.fixture(scope="module", params=["multilabel", "tagspace", "xmlcnn"])
def workspace(request, tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp(request.param), MODELS[request.param])


@pytest.fixture(scope="module")
def trained(workspace):
    """The output of a run of two epochs with a linear part."""
    workspace.run("trainer", "trained", BOTH)
    return workspace.output("trained")


def first_scores(output):
    return [[best["score"] for best in row["top"]] for row in predictions(output / "infer")]


def test_a_run_without_epochs_is_the_linear_part_alone_and_goes_on_with_the_net(workspace, trained):
    result = workspace.run("trainer", "alone", *ALONE)
    alone = workspace.output("alone")
    assert "runner.epochs is 0: the linear part alone" in result.stdout
    assert checkpoints(alone) == {"best", "step_0"}
    assert Saved(alone / "best").facts["progress"]["step"] == 0
    workspace.run("infer", "alone", BOTH)
    metrics = infer_metrics(alone / "infer")
    assert metrics[workspace.model.first_is_gold] > 0.4
    assert "already trained to the end" in workspace.run("trainer", "alone", *ALONE).stdout

    result = workspace.run("trainer", "alone", BOTH)
    assert "going on from" in result.stdout and "(step 0)" in result.stdout
    for name in ("0", "1", "best"):  # as if it had never stopped
        assert_same_checkpoint(alone / name, trained / name)
        assert digests(alone / name / "linear") == digests(trained / name / "linear")
    assert metric_lines(alone, "evaluation") == metric_lines(trained, "evaluation")


def test_a_run_that_went_on_is_to_the_last_bit_the_one_that_was_not_stopped(workspace, trained):
    output = workspace.copy_output("trained", "again")
    shutil.rmtree(output / "1")
    shutil.rmtree(output / "best")
    if Saved(trained / "best").facts["progress"]["epoch"] == 0:
        shutil.copytree(trained / "best", output / "best")
    workspace.run("trainer", "again", BOTH)
    assert_same_checkpoint(output / "1", trained / "1")
    assert digests(output / "1" / "linear") == digests(trained / "1" / "linear")


def test_without_validation_rows_all_training_rows_are_left_out_in_turn(workspace):
    none = (BOTH, "runner.valid_fraction=0")
    result = workspace.run("trainer", "all", *none, "runner.epochs=0")
    output = workspace.output("all")
    assert "0 validation rows" in result.stdout
    assert metric_lines(output, "evaluation")[0]["rows"] > 0.7 * workspace.model.train_rows
    workspace.run("trainer", "all", *none, "runner.epochs=1")
    progress = Saved(output / "0").facts["progress"]
    assert progress["threshold"] is None and progress["best_step"] == 0
    assert (output / "0/linear/fusion.json").read_text(encoding="utf-8").count("0.5") == 1
    workspace.run("infer", "all", *none, "runner.infer_checkpoint=last")


def test_all_ways_to_compute_give_the_same_scores(workspace, trained):
    scores = {}
    for command, *settings in (
        ("infer", "runner.infer_engine=dygraph"),
        ("infer", "runner.infer_engine=predictor"),
        ("static_infer",),
    ):
        workspace.run(command, "trained", BOTH, "runner.infer_checkpoint=last", *settings)
        scores[(command, *settings)] = first_scores(trained)
    first, *others = scores.values()
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-4)


def test_static_graph_has_the_same_linear_part(workspace, trained):
    workspace.run("static_trainer", "static", BOTH, "runner.epochs=1")
    static = workspace.output("static")
    ours, theirs = digests(static / "0/linear"), digests(trained / "0/linear")
    for name in (ours.keys() | theirs.keys()) - {"fusion.json", "fusion_labels.npy"}:
        assert ours[name] == theirs[name]
    assert metric_lines(static, "evaluation")[0] == metric_lines(trained, "evaluation")[0]


def test_several_checkpoints_are_averaged(workspace, trained):
    both = f"runner.infer_ensemble=[{trained / '0'}, {trained / '1'}]"
    workspace.run("infer", "trained", BOTH, both)
    assert infer_metrics(trained / "infer")[workspace.model.first_is_gold] > 0.4


def test_an_export_scores_as_the_checkpoint_does(workspace, trained, tmp_path):
    from textzoo.serving.in_process import Tagger

    workspace.run("infer", "trained", BOTH, "runner.infer_checkpoint=last")
    settings = [*workspace.settings("trained"), BOTH, "runner.infer_checkpoint=last"]
    arguments = ("-m", workspace.model.config, "--format", "paddle")
    run_command("export", *arguments, "--output", tmp_path / "out", "-o", *settings)
    run_command("export", "--verify", tmp_path / "out")
    rows = predictions(trained / "infer")
    trust = {"trust_code": True}
    found = Tagger.load(tmp_path / "out", **trust).predict([row["text"] for row in rows])
    for ours, theirs in zip(found, rows):
        assert [best["score"] for best in ours["top"]] == pytest.approx(
            [best["score"] for best in theirs["top"]], abs=2e-3
        )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["runner.epochs=0"], "runner.epochs: received 0, which trains a linear part alone"),
        ([*ALONE, "hyper_parameters.linear.weight=0.3"], "linear.weight: received 0.3, expected"),
        ([*ALONE, "hyper_parameters.linear.min_count=100000"], "min_count: received 100000, but"),
    ],
    ids=range(3),
)
def test_settings_that_do_not_go_together_are_refused(workspace, settings, says):
    result = workspace.run("trainer", "refused", *settings, expect=2)
    assert says in result.stderr and "Traceback" not in result.stderr


def test_another_linear_part_than_the_checkpoint_s_is_refused(workspace, trained):
    other = "hyper_parameters.linear.features=words"
    for command in ("trainer", "infer"):
        result = workspace.run(command, "trained", other, expect=2)
        assert "hyper_parameters.linear.features" in result.stderr
        assert "hyper_parameters.linear" in workspace.run(command, "trained", expect=2).stderr


def test_a_damaged_linear_part_is_named(workspace, trained):
    output = workspace.copy_output("trained", "damaged")
    (output / "best/linear/features.json").write_text("[]", encoding="utf-8")
    result = workspace.run("infer", "damaged", BOTH, expect=2)
    assert "linear" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["batchneg", "hardestneg"])
def test_models_of_pairs_have_none(tmp_path, name):
    pairs = Workspace(tmp_path, MODELS[name])
    result = pairs.run("trainer", "pairs", BOTH, expect=2)
    assert "linear.features: received both, expected none: only scores of labels" in result.stderr
