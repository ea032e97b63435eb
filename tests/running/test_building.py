"""From a model folder to a run; a folder that breaks its contract is refused by its file."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
from harness.own_model import fitted, write_own_model

from textzoo.commands.train import train
from textzoo.config.loading import build_reader, load_config
from textzoo.config.schema import EncoderSettings
from textzoo.errors import UserError
from textzoo.running.building import build_run, chosen_metrics, initialise, model_class

LOSS = "return net.loss(**batch)"
SCORES = 'return {"scores": net(**batch)}'


@pytest.fixture
def own(tmp_path):
    """A function that makes a model folder of the user's."""
    return functools.partial(write_own_model, tmp_path)


def build(path, *overrides, graph="dygraph"):
    config, folder = load_config(path, list(overrides))
    reader = fitted(build_reader(config, folder))
    return build_run(graph, config, folder, reader), config, reader


def test_both_graphs_start_from_the_weights_of_the_seed(own):
    path = own()
    one, again, static, other = (
        build(path, f"runner.seed={seed}", graph=graph)[0].parameters()
        for seed, graph in ((1, "dygraph"), (1, "dygraph"), (1, "static"), (2, "dygraph"))
    )
    for name, array in one.items():
        np.testing.assert_array_equal(array, again[name])
        np.testing.assert_array_equal(array, static[name])
    assert any((array != other[name]).any() for name, array in one.items())


def test_metrics_are_the_models_own_unless_the_config_names_others(own):
    run, config, _ = build(own())
    assert chosen_metrics(config.runner, run.model)[0] == "accuracy"
    config.runner.metrics = ["mrr"]
    assert chosen_metrics(config.runner, run.model) == ["mrr"]
    config.runner.metrics = ["level_error"]
    with pytest.raises(UserError, match=r"runner\.metrics: received 'level_error'"):
        chosen_metrics(config.runner, run.model)


@pytest.mark.parametrize("graph", ["dygraph", "static"])
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (LOSS, f"{LOSS} * paddle.ones([2])", "train_forward: received a loss of shape [2]"),
        (SCORES, 'return {"scores": net(**batch)[:, 1:]}', "shape [8, 3], expected [8, 4]"),
        (SCORES, 'return {"scores": net(**batch).tile([1, 2])}', "shape [8, 8], expected [8, 4]"),
        (SCORES, 'return {"scores": net(**batch)[:1]}', "shape [1, 4], expected [8, 4]"),
        (SCORES, 'return {"scores": net(**batch).mean(0)}', "shape [4], expected [8, 4]"),
        (SCORES, 'return {"logits": net(**batch)}', "received logits, expected scores"),
    ],
)
def test_what_a_model_computes_has_its_shape(own, graph, before, after, says):
    path = own("dygraph_model.py", before, after)
    with pytest.raises(UserError) as refused:
        train(path, [], graph)
    message = str(refused.value)
    assert says in message
    assert message.startswith(str(path.parent / f"{graph}_model.py"))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('    text_column = "words"\n', "", "text_column: received None, expected one of words,"),
        ('text_column = "words"', 'text_column = "wordz"', "text_column: received 'wordz'"),
        ('label_column = "tags"', 'label_column = "label"', "label_column: received 'label'"),
        ("    text_column", '    kind = "labels"\n    text_column', "expected one of tags, levels"),
    ],
)
def test_what_a_model_says_of_itself_is_there(own, before, after, says):
    path = own("dygraph_model.py", before, after)
    with pytest.raises(UserError) as refused:
        build(path)
    assert str(refused.value).startswith(f"{path.parent / 'dygraph_model.py'}: ")
    assert says in str(refused.value)


def test_a_static_model_derives_from_the_contract_too(own):
    path = own("static_model.py", "class StaticModel(DygraphModel)", "class StaticModel")
    _, folder = load_config(path, [])
    assert model_class(folder) is folder.dygraph_model
    with pytest.raises(UserError, match=r"static_model\.py: StaticModel does not derive from"):
        model_class(folder, "static")


@pytest.mark.parametrize("n_frozen", [None, 0, 1])
def test_random_weights_that_are_never_trained_are_warned_of(caplog, n_frozen):
    def nothing(*arguments):
        return {}

    model = SimpleNamespace(word_embedding=None, initialise=nothing, initialise_labels=nothing)
    run = SimpleNamespace(model=model, parameters=nothing, set_parameters=nothing)
    encoder = EncoderSettings(config="tiny", freeze_layers=n_frozen)
    initialise(run, SimpleNamespace(hyper_parameters={"encoder": encoder}), None)
    said = f"encoder.freeze_layers: received {n_frozen}, but the encoder starts from random weights"
    assert (said in caplog.text) == (n_frozen is not None)
