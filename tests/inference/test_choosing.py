import logging
from pathlib import Path

import pytest

from textzoo.config.schema import IndexSettings, Runner
from textzoo.errors import UserError
from textzoo.inference.choosing import (
    chosen_calibration,
    chosen_checkpoints,
    chosen_computation,
    chosen_index,
    chosen_threshold,
    load_checkpoints,
    load_chosen,
)
from textzoo.training.checkpoint import Checkpoint


@pytest.fixture
def saved(save, runs):
    """A folder with the checkpoints of two epochs and the best one."""
    for step, name in enumerate(("0", "1", "best")):
        save(name, step=step)
    return runs


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["best"]),
        ({"infer_checkpoint": "best"}, ["best"]),
        ({"infer_checkpoint": "last"}, ["1"]),
        ({"infer_start_epoch": 0}, ["0"]),
        ({"infer_start_epoch": 0, "infer_end_epoch": 2}, ["0", "1"]),
        ({"infer_end_epoch": 1}, ["0"]),
        ({"infer_checkpoint": "last", "infer_start_epoch": 0}, ["1"]),
    ],
)
def test_the_keys_choose_the_checkpoints(saved, chosen, expected):
    found = chosen_checkpoints(Runner(infer_load_path=saved, **chosen))
    assert found == [saved / name for name in expected]


def test_a_path_is_taken_wherever_it_lies_and_without_a_best_one_the_newest(save, runs, tmp_path):
    save("0")
    elsewhere = Path(tmp_path / "elsewhere")
    assert chosen_checkpoints(Runner(infer_checkpoint=elsewhere)) == [elsewhere]
    assert chosen_checkpoints(Runner(model_save_path=runs)) == [runs / "0"]


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (
            {"infer_start_epoch": 1, "infer_end_epoch": 4},
            "no checkpoint of epoch 2, 3; training with -o runner.keep_ch",
        ),
        ({"infer_start_epoch": 1, "infer_end_epoch": 1}, r"runner\.infer_end_epoch: received 1"),
    ],
)
def test_epochs_that_are_not_there_are_named(saved, chosen, says):
    with pytest.raises(UserError, match=says):
        chosen_checkpoints(Runner(infer_load_path=saved, **chosen))


def test_a_folder_without_a_checkpoint_says_what_to_do(saved, tmp_path):
    with pytest.raises(UserError, match=r"no checkpoint in .*: train first"):
        chosen_checkpoints(Runner(infer_load_path=tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"it is one itself: -o runner\.infer_checkpoint="):
        chosen_checkpoints(Runner(infer_load_path=saved / "0"))


def test_an_ensemble_goes_before_a_checkpoint_and_of_several_epochs_the_last_counts(saved):
    both = Runner(infer_load_path=saved, infer_ensemble=[saved / "1", saved / "0"])
    assert [each.path.name for each in load_chosen(both)] == ["1", "0"]
    epochs = Runner(infer_load_path=saved, infer_start_epoch=0, infer_end_epoch=2)
    assert [each.path.name for each in load_chosen(epochs)] == ["1"]


def test_what_is_read_is_logged(saved, caplog):
    with caplog.at_level(logging.INFO, logger="textzoo"):
        load_checkpoints([saved / "1"])
    assert f"checkpoint {saved / '1'} (step 1)" in caplog.messages


def checkpoint(threshold):
    return Checkpoint(Path("run"), {"progress": {"threshold": threshold}}, {})


def test_the_configs_number_goes_before_the_tuned_threshold():
    assert chosen_threshold(Runner(threshold=0.7), [checkpoint(0.2)], ["macro_f1"]) == 0.7
    assert chosen_threshold(Runner(), [checkpoint(0.2)], ["macro_f1"]) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("names", "kind"), [(["mrr"], "tags"), (["macro_f1"], "levels"), (["mrr"], "embeddings")]
)
def test_without_metrics_of_predicted_labels_there_is_no_threshold(names, kind):
    assert chosen_threshold(Runner(threshold=0.7), [checkpoint(0.2)], names, kind) is None


@pytest.mark.parametrize(
    ("asked", "tuned", "made"), [("tuned", [0.2, 0.3], "per_label"), ("per_label", 0.2, "tuned")]
)
def test_a_threshold_of_another_form_than_the_trained_one_is_refused(asked, tuned, made):
    with pytest.raises(UserError, match=rf"received {asked}, .* {made}"):
        chosen_threshold(Runner(threshold=asked), [checkpoint(tuned)], ["micro_f1"])


def test_a_gpu_computes_the_net_itself():
    assert chosen_computation(Runner()) == "predictor"
    assert chosen_computation(Runner(use_gpu=True)) == "dygraph"
    assert chosen_computation(Runner(infer_engine="static")) == "static"


@pytest.mark.parametrize("more", [{"infer_engine": "static"}, {"use_gpu": True}])
def test_a_precision_that_only_the_predictor_has_is_refused_elsewhere(more):
    assert chosen_computation(Runner(infer_precision="int8")) == "predictor"
    with pytest.raises(UserError, match=r"runner\.infer_precision: received int8"):
        chosen_computation(Runner(infer_precision="int8", **more))


def test_calibrations_are_averaged_where_every_checkpoint_has_one():
    def fitted(calibration):
        return Checkpoint(Path("run"), {"progress": {"calibration": calibration}}, {})

    assert chosen_calibration([fitted([2.0, -1.0])]) == (2.0, -1.0)
    assert chosen_calibration([fitted([2.0, -1.0]), fitted([4.0, 0.0])]) == (3.0, -0.5)
    assert chosen_calibration([fitted([2.0, -1.0]), fitted(None)]) is None


def with_weight(weight):
    return Checkpoint(Path("best"), {"progress": {"lexical_weight": weight}}, {})


def test_the_lexical_weight_is_the_config_s_or_the_mean_of_the_checkpoints():
    settings = IndexSettings(lexical_weight=0.7)
    assert chosen_index(settings, [with_weight(0.1)]) is settings
    settings = IndexSettings(lexical_weight="auto", ef=7)
    found = chosen_index(settings, [with_weight(0.1), with_weight(0.2)])
    assert found.lexical_weight == pytest.approx(0.15)
    assert found.ef == 7
    with pytest.raises(UserError, match=r"received auto, but no weight was chosen when best was"):
        chosen_index(settings, [with_weight(0.1), with_weight(None)])
