"""What is refused of a run before any data are read."""

import pytest
from harness.running import ROOT

from textzoo.config.loading import load_config
from textzoo.errors import UserError
from textzoo.running.building import check_run


def check(model, *overrides, graph="dygraph", trains=True, config="config.yaml"):
    path = ROOT / "models" / model / config
    nowhere = "runner.train_data_dir=/no/such/data"
    check_run(graph, *load_config(path, [nowhere, *overrides]), trains)


@pytest.mark.parametrize(
    ("model", "override", "says"),
    [
        ("tagspace", "runner.metrics=[accuracy, f1]", "runner.metrics: received 'f1', expected"),
        ("tagspace", "runner.best_metric=acuracy", "runner.best_metric: received 'acuracy'"),
        ("batchneg", "runner.metrics=[micro_f1]", "runner.metrics: received 'micro_f1'"),
        ("multilabel", "runner.metrics=[level_error]", "runner.metrics: received 'level_error'"),
        ("xmlcnn", "runner.gradient_cache_rows=4", "is for models of pairs in dynamic graph"),
    ],
)
def test_what_a_kind_of_model_does_not_have(model, override, says):
    with pytest.raises(UserError, match=says):
        check(model, override)


def test_what_only_training_asks_for_is_not_asked_of_inference():
    for override in ("runner.best_metric=acuracy", "runner.gradient_cache_rows=4"):
        check("tagspace", override, trains=False)


def test_gradients_are_cached_in_dynamic_graph_alone():
    check("batchneg", "runner.gradient_cache_rows=4")
    with pytest.raises(UserError, match="received model batchneg in static"):
        check("batchneg", "runner.gradient_cache_rows=4", graph="static")


def test_a_model_of_levels_has_the_metrics_of_levels():
    check("multilabel", "runner.metrics=[level_error]", config="config_fine_grained.yaml")
    with pytest.raises(UserError, match=r"runner\.metrics: received 'micro_f1'"):
        check("multilabel", "runner.metrics=[micro_f1]", config="config_fine_grained.yaml")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "models").glob("*/config*.yaml")), ids=lambda path: path.parent.name
)
def test_every_config_of_the_zoo_is_whole(path):
    try:
        check_run("dygraph", *load_config(path, []), trains=True)
    except UserError as problem:  # what a script of datasets/ fetches
        assert "fetch it with: " in str(problem)
