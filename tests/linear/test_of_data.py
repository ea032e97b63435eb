"""The linear part of a run's rows, through the commands."""

import gzip
import shutil

import numpy as np
import pytest
from harness.running import run_command
from harness.workspace import (
    MODELS,
    Saved,
    Workspace,
    assert_same_arrays,
    assert_same_checkpoint,
    checkpoints,
    digests,
    infer_metrics,
    metric_lines,
    predictions,
)

from textzoo.running.predictor import supports_bfloat16

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
    unknown = "words that training did not have"  # to a net, which is not there
    assert unknown not in workspace.run("infer", "alone", BOTH).stdout
    metrics = infer_metrics(alone / "infer")
    assert metrics[workspace.model.first_is_gold] > 0.4
    said = "is of before the first step: a net that is not trained counts"
    for weight, warns in ((0.3, True), (1, False)):
        weighted = (BOTH, f"hyper_parameters.linear.weight={weight}")
        assert (said in workspace.run("infer", "alone", *weighted).stdout) == warns
    again = workspace.run("trainer", "alone", *ALONE).stdout
    assert "already trained to the end: raise runner.epochs to train a net too" in again

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
    result = workspace.run("trainer", "all", *none, "runner.epochs=1")
    assert f"{output / 'best'}, the linear part alone, goes" in result.stdout
    assert checkpoints(output) == {"step_0", "0"}  # as if it had never stopped
    workspace.run("trainer", "at once", *none, "runner.epochs=1")
    found, at_once = (Saved(workspace.output(name) / "0") for name in ("all", "at once"))
    assert_same_arrays(found.weights, at_once.weights)
    assert_same_arrays(found.optimizer, at_once.optimizer)
    progress = found.facts["progress"]
    assert progress == at_once.facts["progress"] | {"evaluated": 0}
    assert progress["threshold"] is progress["calibration"] is progress["best_value"] is None
    assert (output / "0/linear/fusion.json").read_text(encoding="utf-8").count("0.5") == 1
    workspace.run("infer", "all", *none)
    assert "0" in infer_metrics(output / "infer")["checkpoints"]
    # Back to no epochs: the linear part alone is not told anew, of a net that is trained.
    result = workspace.run("trainer", "at once", *none, "runner.epochs=0")
    assert "already trained to the end" in result.stdout
    assert checkpoints(workspace.output("at once")) == {"0"}


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


def test_what_static_graph_began_without_a_net_dynamic_graph_ends(workspace, trained):
    workspace.run("static_trainer", "both graphs", *ALONE)
    workspace.run("trainer", "both graphs", BOTH)
    assert_same_checkpoint(workspace.output("both graphs") / "1", trained / "1")
    workspace.run("static_infer", "both graphs", BOTH)
    ours = infer_metrics(workspace.output("both graphs") / "infer")
    workspace.run("static_infer", "trained", BOTH)
    assert ours == infer_metrics(trained / "infer")


def test_compressed_files_give_the_same_model(workspace, trained, tmp_path):
    for file in workspace.train_data.iterdir():
        (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    workspace.run("trainer", "gz", BOTH, f"runner.train_data_dir={tmp_path}")
    assert_same_checkpoint(workspace.output("gz") / "1", trained / "1")
    assert digests(workspace.output("gz") / "1/linear") == digests(trained / "1/linear")


def test_a_threshold_for_each_label_is_the_best_for_rows_left_out(workspace):
    """By brute force: no other threshold gives a label a higher F1."""
    if workspace.model.name == "tagspace":
        pytest.skip("predicts no sets of labels by default")
    own = ("runner.threshold=per_label", "runner.threshold_shrinkage=0", "runner.valid_fraction=0")
    place = workspace.folder / "per label"
    workspace.run("trainer", "per label", *ALONE, *own, f"runner.cache_dir={place}")
    thresholds = Saved(workspace.output("per label") / "best").facts["progress"]["threshold"]
    (folder,) = place.glob("linear-*")
    scores = np.load(folder / "left_out_scores.npy")
    names = (workspace.output("per label") / "best/vocabulary/labels.txt").read_text(
        encoding="utf-8"
    )
    ids = {name: label for label, name in enumerate(names.splitlines())}
    truth = np.zeros(scores.shape, bool)
    for row, line in enumerate(workspace.train_lines()):
        truth[row, [ids[name] for name in line.split("\t")[0].split(",") if name]] = True
    assert len(thresholds) == len(ids)
    for own_scores, has, threshold in zip(scores.T, truth.T[:, :, None], thresholds):
        predicted = own_scores[:, None] > np.append(own_scores, [-9, threshold])
        f1 = 2 * (predicted & has).sum(axis=0) / (predicted.sum(axis=0) + has.sum())
        assert f1[-1] == pytest.approx(f1.max())


def test_static_graph_has_the_same_linear_part(workspace, trained):
    workspace.run("static_trainer", "static", BOTH, "runner.epochs=1")
    static = workspace.output("static")
    ours, theirs = digests(static / "0/linear"), digests(trained / "0/linear")
    for name in (ours.keys() | theirs.keys()) - {"fusion.json", "fusion_labels.npz"}:
        assert ours[name] == theirs[name]
    assert metric_lines(static, "evaluation")[0] == metric_lines(trained, "evaluation")[0]


def scores_by_tag(output):
    """Of each row the scores of all its tags, by name."""
    rows = predictions(output / "infer")
    return [{best["tag"]: best["score"] for best in row["top"]} for row in rows]


def test_several_checkpoints_are_averaged(workspace, trained):
    found = []
    for checkpoint in (
        f"[{trained / '0'}]",
        f"[{trained / '1'}]",
        f"[{trained / '0'}, {trained / '1'}]",
    ):
        every = ("runner.top_k=100", f"runner.infer_ensemble={checkpoint}")
        workspace.run("infer", "trained", BOTH, *every)
        found.append(scores_by_tag(trained))
    for first, second, both in zip(*found):
        assert first.keys() == both.keys()
        for tag, score in both.items():
            assert score == pytest.approx((first[tag] + second[tag]) / 2, abs=1e-5)


def test_bfloat16_computes_the_net_and_leaves_the_linear_scores_as_they_are(workspace, trained):
    if not supports_bfloat16():
        pytest.skip("this processor cannot compute in bfloat16")
    found = {}
    for precision in ("float32", "bfloat16"):
        for weight in (0.5, 1):
            settings = [f"runner.infer_precision={precision}", "runner.infer_checkpoint=last"]
            settings.append(f"hyper_parameters.linear.weight={weight}")
            result = workspace.run("infer", "trained", BOTH, *settings)
            is_computed = "differ from float32" in result.stdout
            assert is_computed == (precision == "bfloat16" and weight < 1)
            found[precision, weight] = np.array(first_scores(trained))
    np.testing.assert_array_equal(found["bfloat16", 1], found["float32", 1])
    np.testing.assert_allclose(found["bfloat16", 0.5], found["float32", 0.5], atol=0.05)


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


def test_ids_are_the_words_of_their_texts(tmp_path):
    """A row of ids is scored as the same row with a tab, but that ids between have labels too."""
    workspace = Workspace(tmp_path, MODELS["tagspace"])
    random = np.random.default_rng(3)
    rows = [(tag, random.integers(0, 30, 6)) for tag in (0, 1, 3) for _ in range(40)]
    texts = [(tag, " ".join(map(str, [*words, 40 + tag, 50 + tag]))) for tag, words in rows]
    found = {}
    for name, mark in (("ids", ","), ("text", "\t")):
        file = tmp_path / f"{name}.txt"
        file.write_text("".join(f"{tag}{mark}{text}\n" for tag, text in texts), encoding="utf-8")
        settings = (f"runner.train_data_dir={file}", f"runner.test_data_dir={file}")
        settings += (
            "hyper_parameters.linear.label_names=0",
            "runner.top_k=9",
            f"reader.format={name}",
        )
        workspace.run("trainer", name, *ALONE, *settings)
        workspace.run("infer", name, *ALONE, *settings)
        found[name] = scores_by_tag(workspace.output(name))
        assert infer_metrics(workspace.output(name) / "infer")["accuracy"] > 0.9
    for ids, text in zip(found["ids"], found["text"]):
        assert ids.keys() == {"0", "1", "2", "3"} and ids["2"] == 0
        assert {tag: ids[tag] for tag in text} == pytest.approx(text, abs=1e-5)


def test_csv_gives_the_same_model(tmp_path):
    workspace = Workspace(tmp_path, MODELS["multilabel"])
    csv = tmp_path / "rows.csv"
    rows = [line.split("\t") for line in workspace.train_lines()]
    csv.write_text(
        "labels,text\n" + "".join(f'"{labels}","{text}"\n' for labels, text in rows),
        encoding="utf-8",
    )
    workspace.run("trainer", "tsv", *ALONE)
    workspace.run("trainer", "csv", *ALONE, f"runner.train_data_dir={csv}", "reader.format=csv")
    tsv, csv = (digests(workspace.output(name) / "best/linear") for name in ("tsv", "csv"))
    assert tsv == csv


@pytest.mark.parametrize("name", ["batchneg", "hardestneg"])
def test_models_of_pairs_have_none(tmp_path, name):
    pairs = Workspace(tmp_path, MODELS[name])
    result = pairs.run("trainer", "pairs", BOTH, expect=2)
    assert "linear.features: received both, expected none: only scores of labels" in result.stderr
