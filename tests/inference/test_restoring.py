"""Runs with the weights of checkpoints; the predictor's way round: running/test_predictor.py."""

from types import SimpleNamespace

import numpy as np
import pytest
from harness.saved import made_up_facts
from harness.workspace import MODELS

from textzoo.config.checking import differences
from textzoo.config.loading import build_reader, load_config
from textzoo.errors import UserError
from textzoo.inference.restoring import check_same_model, check_same_vocabulary, restore_all
from textzoo.running.building import build_run
from textzoo.training.checkpoint import load_checkpoint, save_checkpoint

SMALL = (
    "hyper_parameters.linear.features=none",
    "hyper_parameters.emb_dim=3",
    "hyper_parameters.hid_dim=4",
)
FEEDS = {"tokens": np.array([[1, 2, 3], [2, 0, 0]]), "lengths": np.array([3, 1])}


def config_of(*overrides):
    return load_config(MODELS["tagspace"].config, [*SMALL, *overrides])


def save_at(folder, scale, lines=("x\ta b c", "x\tb", "y\tc")):
    """A checkpoint whose weights are all drawn from numbers of this scale."""
    config, model = config_of()
    reader = build_reader(config, model)
    reader.fit(map(reader.parse, lines), {})
    folder.mkdir(exist_ok=True)
    run = build_run("dygraph", config, model, reader)
    random = np.random.default_rng(0)
    weights = {
        name: scale * random.normal(size=array.shape).astype("float32")
        for name, array in run.parameters().items()
    }
    facts = made_up_facts(config=config.resolved())
    save_checkpoint(folder / "saved", weights, {"state": np.zeros(1)}, reader.save, facts)
    run.set_parameters(weights)
    return load_checkpoint(folder / "saved"), run.infer_step(FEEDS)["scores"]


@pytest.mark.parametrize("computation", ["dygraph", "static"])
def test_a_restored_run_computes_what_was_trained(tmp_path, computation):
    checkpoint, scores = save_at(tmp_path, 1)
    run, reader = restore_all(*config_of(), [checkpoint], computation)
    np.testing.assert_allclose(run.infer_step(FEEDS)["scores"], scores, rtol=1e-5, atol=1e-6)
    assert reader.label_names == ["x", "y"]


def test_several_give_the_mean_of_their_scores(tmp_path):
    saved = [save_at(tmp_path / str(scale), scale) for scale in (1, 2)]
    run, _ = restore_all(*config_of(), [checkpoint for checkpoint, _ in saved], "dygraph")
    expected = np.mean([scores for _, scores in saved], axis=0)
    np.testing.assert_allclose(run.infer_step(FEEDS)["scores"], expected, rtol=1e-5)
    assert not np.allclose(expected, saved[0][1], rtol=1e-2)


def test_several_need_one_vocabulary(tmp_path):
    ours, _ = save_at(tmp_path / "ours", 1)
    theirs, _ = save_at(tmp_path / "theirs", 1, lines=("x\ta b c", "y\tb", "y\tc"))
    check_same_vocabulary([ours, ours])
    with pytest.raises(UserError, match=r"runner\.infer_ensemble: .*theirs"):
        restore_all(*config_of(), [ours, theirs], "dygraph")


def test_all_settings_that_a_net_depends_on_are_named_and_others_may_change(tmp_path):
    checkpoint, _ = save_at(tmp_path, 1)
    config, _ = config_of("hyper_parameters.optimizer.learning_rate=0.7", "runner.seed=9")
    check_same_model(config, checkpoint, "a key")
    config, _ = config_of("hyper_parameters.hid_dim=5", "reader.lower_case=false")
    with pytest.raises(UserError) as refused:
        check_same_model(config, checkpoint, "a key")
    message = str(refused.value)
    assert message.startswith("a key: ")
    assert "hyper_parameters.hid_dim: 4 there, 5 here" in message
    assert "reader.lower_case: " in message and "learning_rate" not in message


def test_what_only_training_needs_may_differ_and_be_absent_from_older_checkpoints():
    """Frozen layers, rates of layers, negatives of a row."""
    transformer = "hyper_parameters.encoder.config=tiny"
    trained = (
        *("hyper_parameters.encoder.freeze_layers=1", "hyper_parameters.optimizer.layer_decay=0.9"),
        "reader.max_negatives=4",
    )
    config, _ = load_config(MODELS["batchneg"].config, [transformer])
    other, _ = load_config(MODELS["batchneg"].config, [transformer, *trained])
    checkpoint = SimpleNamespace(path="there", facts={"config": other.resolved()})
    check_same_model(config, checkpoint, "a key")

    older = config.resolved()
    del older["hyper_parameters"]["optimizer"]["layer_decay"], older["reader"]["max_negatives"]
    del older["hyper_parameters"]["encoder"]["freeze_layers"]
    assert differences(config.resolved(), older) == []
    changed = differences(other.resolved(), older)  # a run cannot go on with others
    assert [difference.split(":")[0].rpartition(".")[2] for difference in changed] == [
        *("freeze_layers", "layer_decay", "max_negatives"),
    ]
