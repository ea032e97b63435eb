"""The inference engine gives what the net gives, for every model of the zoo."""

import itertools
import logging

import numpy as np
import pytest
from harness.converted import converting_here
from harness.workspace import MODELS, Workspace, infer_metrics, predictions

from textzoo.commands.infer import infer
from textzoo.config.loading import load_config
from textzoo.data.dataset import Dataset
from textzoo.export.verification import largest_difference
from textzoo.running import predictor as predictor_module
from textzoo.running.building import build_run, initialise
from textzoo.running.onnx_conversion import missing_converters
from textzoo.running.predictor import Predictor, fastest_first, supports_bfloat16

VARIANTS = {
    "tagspace": ("tagspace",),
    "tagspace with n-grams": (
        "tagspace",
        "reader.ngram_buckets=500",
        "hyper_parameters.ngram_dim=8",
        "hyper_parameters.score=cosine",
    ),
    "xmlcnn": ("xmlcnn",),
    "xmlcnn in chunks": (
        "xmlcnn",
        "hyper_parameters.label_chunk=10",
        "hyper_parameters.n_chunks=3",
        "reader.ngram_buckets=500",
        "hyper_parameters.ngram_dim=8",
    ),
    "multilabel": ("multilabel",),
    "multilabel with LSTM": (
        "multilabel",
        "hyper_parameters.head=bilstm_attention",
        "hyper_parameters.encoder.num_hidden_layers=2",
    ),
    "batchneg": ("batchneg", "hyper_parameters.pooling=cls"),
    "hardestneg": ("hardestneg", "reader.tokenizer=ngram"),
}


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory):
    return {name: Workspace(tmp_path_factory.mktemp(name), model) for name, model in MODELS.items()}


@pytest.fixture(scope="module", autouse=True)
def quick_conversions():
    with converting_here():
        yield


def make_runs(workspaces, name):
    """A run in each graph with the same weights, and the feeds of three batches."""
    model, *overrides = VARIANTS[name]
    arguments = workspaces[model].arguments("trainer", "none", *overrides)
    overrides = arguments[arguments.index("-o") + 1 :]
    config, folder = load_config(workspaces[model].model.config, overrides)
    data = Dataset(config, folder).for_training()
    runs = {}
    for graph in ("dygraph", "static"):
        runs[graph] = build_run(graph, config, folder, data.reader)
        initialise(runs[graph], config, data.reader)
    random = np.random.default_rng(0)
    weights = runs["dygraph"].parameters()
    for values in weights.values():  # what starts at 0 is to count, too
        values += random.normal(0, 0.05, values.shape).astype(values.dtype)
    for run in runs.values():
        run.set_parameters(weights)
    columns = data.train_rows.columns
    columns = {**columns, "text": columns[runs["dygraph"].model.text_column]}
    batches = (np.arange(1), np.arange(50), np.arange(100, 107))
    feeds = [runs["dygraph"].model.infer_feeds(columns, rows) for rows in batches]
    return runs, feeds


@pytest.mark.parametrize("name", VARIANTS)
def test_the_predictor_gives_what_the_net_gives(workspaces, name):
    runs, batches = make_runs(workspaces, name)
    predictor = Predictor(runs["static"])
    for feeds in batches:
        expected, found = (run.infer_step(feeds) for run in (runs["dygraph"], predictor))
        assert expected.keys() == found.keys()
        for output, values in expected.items():
            assert found[output].dtype == values.dtype
            np.testing.assert_allclose(found[output], values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_another_precision_tells_how_much_it_differs(workspaces, caplog, precision):
    if precision == "int8":
        pytest.importorskip("paddle2onnx")
    elif not supports_bfloat16():
        pytest.skip("this processor cannot compute in bfloat16")
    runs, batches = make_runs(workspaces, "multilabel")
    exact, rounded = Predictor(runs["static"]), Predictor(runs["static"], precision)
    with caplog.at_level(logging.INFO, logger="textzoo"):
        scores = [run.infer_step(batches[1])["scores"] for run in (exact, rounded)]
        rounded.infer_step(batches[1])
    difference = np.abs(scores[0] - scores[1])
    assert 0 < difference.max() < 0.05
    expected = (
        f"{precision}: scores of 50 texts differ from float32 by {difference.max():.2g} at most"
    )
    told = [record.getMessage() for record in caplog.records if record.name == "textzoo"]
    assert [expected in message for message in told] == [True]


def test_auto_measures_what_this_machine_has_and_takes_the_fastest(workspaces, caplog, monkeypatch):
    available = ("float32", *(["bfloat16"] if supports_bfloat16() else []))
    available += () if missing_converters() else ("int8",)
    runs, batches = make_runs(workspaces, "multilabel")

    def last_first(ways, budget):
        assert tuple(ways) == available and budget == 2
        return {name: 0.001 for name in reversed(ways)}

    monkeypatch.setattr(predictor_module, "fastest_first", last_first)
    auto = Predictor(runs["static"], "auto")
    expected = Predictor(runs["static"], available[-1])
    with caplog.at_level(logging.INFO, logger="textzoo"):
        for feeds in batches:
            np.testing.assert_array_equal(
                *(run.infer_step(feeds)["scores"] for run in (auto, expected))
            )
    assert caplog.text.count(f"takes {available[-1]}: a batch in {available[-1]} 1 ms") == (
        len(available) > 1
    )


def test_auto_does_not_take_what_differs_much(workspaces, monkeypatch):
    if not supports_bfloat16():
        pytest.skip("this processor cannot compute in bfloat16")
    monkeypatch.setattr(predictor_module, "_FARTHEST", 0.0)
    runs, batches = make_runs(workspaces, "multilabel")
    exact, auto = Predictor(runs["static"]), Predictor(runs["static"], "auto")
    for feeds in batches:
        np.testing.assert_array_equal(*(run.infer_step(feeds)["scores"] for run in (exact, auto)))


def test_the_fastest_way_has_the_least_median_in_turns():
    now, ran = [0.0], []

    def way(name, seconds):
        def run():
            ran.append(name)
            now[0] += next(seconds)

        return run

    ways = {
        "float32": way("float32", itertools.cycle([2, 2, 2])),
        "int8": way("int8", itertools.cycle([1, 9, 1])),  # slow once
    }
    assert fastest_first(ways, 20, lambda: now[0]) == {"int8": 1, "float32": 2}
    assert ran == ["float32", "int8"] * 4  # 3 + 11 + 3 + 3


@pytest.mark.parametrize("name", VARIANTS)
def test_int8_is_close_to_what_the_net_gives(workspaces, name):
    pytest.importorskip("paddle2onnx")
    runs, batches = make_runs(workspaces, name)
    predictor = Predictor(runs["static"], "int8")
    for feeds in batches:
        exact, found = (run.infer_step(feeds) for run in (runs["dygraph"], predictor))
        assert largest_difference(found, exact) < 0.1


@pytest.mark.parametrize("name", MODELS)
def test_infer_has_the_metrics_and_predictions_of_every_engine(workspaces, name):
    workspace = workspaces[name]
    workspace.run("trainer", "trained", "runner.epochs=1")
    found = {}
    for engine in ("predictor", "dygraph", "static"):
        place = workspace.output(engine)
        settings = (f"runner.infer_engine={engine}", f"runner.infer_output_dir={place}")
        arguments = workspace.arguments("infer", "trained", *settings)
        infer(workspace.model.config, arguments[arguments.index("-o") + 1 :])
        metrics = infer_metrics(place)["checkpoints"]
        found[engine] = next(iter(metrics.values())), predictions(place)
    for metrics, rows in found.values():
        assert metrics == pytest.approx(found["dygraph"][0], abs=1e-5)
        for row, expected in zip(rows, found["dygraph"][1]):
            ours, theirs = ([best["score"] for best in r["top"]] for r in (row, expected))
            assert ours == pytest.approx(theirs, abs=1e-5)


def test_a_net_that_the_predictor_refuses_is_computed_in_dynamic_graph(
    workspaces, monkeypatch, caplog
):
    def refuse(*_, **__):
        raise RuntimeError("a long story\n(Unimplemented) no such operator")

    workspace = workspaces["tagspace"]
    workspace.run("trainer", "trained again", "runner.epochs=1")
    monkeypatch.setattr("textzoo.running.predictor.PaddleEngine", refuse)
    monkeypatch.setattr("textzoo.logs.start_logging", lambda **_: None)
    arguments = workspace.arguments("infer", "trained again")
    with caplog.at_level(logging.INFO, logger="textzoo"):
        infer(workspace.model.config, arguments[arguments.index("-o") + 1 :])
    said = [message for message in caplog.messages if "infer_engine" in message]
    assert len(said) == 1
    assert said[0].endswith("dygraph does: (Unimplemented) no such operator")
    assert predictions(workspace.output("trained again") / "infer")


def test_a_precision_needs_the_predictor(workspaces):
    settings = ("runner.infer_engine=dygraph", "runner.infer_precision=bfloat16")
    refused = workspaces["tagspace"].run("infer", "none", *settings, expect=2)
    assert "-o runner.infer_engine=predictor" in refused.stderr
