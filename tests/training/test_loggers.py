import importlib
import json
import logging
import os
import sys
import types

import pytest
from harness.workspace import infer_metrics

from textzoo.config.schema import Runner
from textzoo.errors import UserError
from textzoo.training.loggers import Loggers, check_loggers

NAMES = ("visualdl", "tensorboard", "mlflow", "wandb")
FAKES = ("visualdl", "wandb")  # whose calls are written down


@pytest.fixture
def calls(monkeypatch):
    """What is called of modules that stand in for VisualDL and W&B."""
    made = []

    def noted(name):
        return lambda *given, **named: made.append((name, *given, named))

    writer = types.SimpleNamespace(add_scalar=noted("add_scalar"), close=noted("close"))
    visualdl = types.ModuleType("visualdl")
    visualdl.LogWriter = lambda logdir: (made.append(("LogWriter", logdir)), writer)[1]
    run = types.SimpleNamespace(
        **{name: noted(name) for name in ("define_metric", "log", "finish")}
    )
    wandb = types.ModuleType("wandb")
    wandb.Settings = lambda **settings: settings
    wandb.init = lambda **given: (made.append(("init", given)), run)[1]
    monkeypatch.setitem(sys.modules, "visualdl", visualdl)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    return made


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    """Whatever the machine has set: nothing names a server."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def loggers(folder, *names, step=0, settings=None):
    return Loggers(Runner(loggers=list(names)), folder, settings or {}, step)


def events(folder):
    """What TensorBoard reads of a run: the steps and values of each figure."""
    module = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    found = module.EventAccumulator(str(folder / "tensorboard"))
    found.Reload()
    scalars = {
        tag: [(event.step, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }
    return scalars, found


def mlflow_runs(folder):
    """What MLflow has of a run's folder: its client and its runs."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{(folder / 'mlflow.db').as_posix()}")
    experiment = client.get_experiment_by_name("textzoo")
    return client, client.search_runs([experiment.experiment_id])


# ------------------------------------------------------------------ which there are


def test_the_old_key_is_one_of_the_names():
    assert Runner(use_visual=True).logger_names == ["visualdl"]
    named = Runner(use_visual=True, loggers=["visualdl", "mlflow"]).logger_names
    assert named == ["visualdl", "mlflow"]
    assert Runner().logger_names == []


@pytest.mark.parametrize(
    ("name", "extra"), [*((name, name) for name in NAMES[1:]), ("visualdl", "visual")]
)
def test_one_that_is_not_installed_stops_the_run_with_its_extra(name, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=rf"runner\.loggers: .*'textzoo\[{extra}\]'"):
        check_loggers(Runner(loggers=[name]))


def test_the_old_key_is_named_where_it_asks(monkeypatch):
    monkeypatch.setitem(sys.modules, "visualdl", None)
    with pytest.raises(UserError, match=r"runner\.use_visual: .*'textzoo\[visual\]'"):
        check_loggers(Runner(use_visual=True))


def test_nothing_about_their_use_is_sent_unless_the_user_says_so(calls, monkeypatch):
    for name in ("MLFLOW_DISABLE_TELEMETRY", "WANDB_ERROR_REPORTING"):
        monkeypatch.delenv(name, raising=False)
    check_loggers(Runner(loggers=["wandb"]))
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"


# ------------------------------------------------------------------ what each of them gets


def test_visualdl_gets_numbers_by_step(tmp_path, calls):
    told = loggers(tmp_path, "visualdl")
    told.scalars(3, {"train/loss": 0.5, "train/epoch": 0, "evaluation/calibration": [1.0, 2.0]})
    told.close()
    assert calls == [
        ("LogWriter", str(tmp_path / "visual")),
        ("add_scalar", {"tag": "train/loss", "step": 3, "value": 0.5}),
        ("add_scalar", {"tag": "train/epoch", "step": 3, "value": 0.0}),
        ("close", {}),
    ]


def test_wandb_stays_on_this_machine_and_goes_on_under_its_name(tmp_path, calls, monkeypatch):
    (tmp_path / "metrics.jsonl").write_text('{"kind": "session"}\n', encoding="utf-8")
    settings = {"runner": {"epochs": 3}}
    for step in (0, 20):
        told = loggers(tmp_path, "wandb", step=step, settings=settings)
        told.scalars(step + 5, {"train/loss": 0.5})
        told.close()
    (first, second) = [call[1] for call in calls if call[0] == "init"]
    assert (first["mode"], first["project"], first["dir"]) == ("offline", "textzoo", str(tmp_path))
    assert (first["config"], second["config"]) == ({"runner.epochs": 3}, None)
    assert first["id"] == second["id"] and second["resume"] == "allow"
    assert [call[1] for call in calls if call[0] == "log"] == [
        {"step": 5, "train/loss": 0.5},
        {"step": 25, "train/loss": 0.5},
    ]
    assert calls.count(("define_metric", "*", {"step_metric": "step"})) == 2
    # Another run in the folder is another one there.
    (tmp_path / "metrics.jsonl").write_text('{"kind": "session", "step": 0}\n', encoding="utf-8")
    monkeypatch.setenv("WANDB_MODE", "online")
    loggers(tmp_path, "wandb").scalars(1, {"train/loss": 0.5})
    assert calls[-3][1]["id"] != first["id"] and calls[-3][1]["mode"] == "online"


def test_tensorboard_has_figures_and_settings_without_what_was_lost(tmp_path):
    pytest.importorskip("tensorboard")
    told = loggers(tmp_path, "tensorboard", settings={"runner": {"epochs": 3, "metrics": ["mrr"]}})
    for step in (10, 20, 30):
        told.scalars(step, {"train/loss": 1 / step})
    told.close()
    told = loggers(tmp_path, "tensorboard", step=20)  # a checkpoint of step 20
    told.scalars(30, {"train/loss": 2.0})
    told.close()
    scalars, found = events(tmp_path)
    assert scalars == {"train/loss": [(10, pytest.approx(0.1)), (20, pytest.approx(0.05)), (30, 2)]}
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    data = importlib.import_module("tensorboard.plugins.hparams.plugin_data_pb2")
    started = data.HParamsPluginData.FromString(content).session_start_info.hparams
    assert started["runner.epochs"].number_value == 3
    assert started["runner.metrics"].string_value == '["mrr"]'


def test_mlflow_goes_on_with_its_run_and_begins_another_one(tmp_path):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    (tmp_path / "metrics.jsonl").write_text('{"kind": "session"}\n', encoding="utf-8")
    settings = {"runner": {"epochs": 3}, "reader": {f"key{i}": i for i in range(120)}}
    for step in (0, 20):
        told = loggers(tmp_path, "mlflow", step=step, settings=settings)
        told.scalars(step + 5, {"train/loss": 0.5, "evaluation/precision@1": step / 100})
        told.close()
    client, (run,) = mlflow_runs(tmp_path)
    history = client.get_metric_history(run.info.run_id, "evaluation/precision_at_1")
    assert [(metric.step, metric.value) for metric in history] == [(5, 0.0), (25, 0.2)]
    assert len(run.data.params) == 121 and run.data.params["runner.epochs"] == "3"
    assert run.info.status == "FINISHED"
    (tmp_path / "metrics.jsonl").write_text('{"kind": "session", "step": 0}\n', encoding="utf-8")
    told = loggers(tmp_path, "mlflow")
    told.scalars(5, {"train/loss": 0.5})
    told.close()
    assert len(mlflow_runs(tmp_path)[1]) == 2


# ------------------------------------------------------------------ when one fails


def test_one_that_fails_is_told_of_once_and_the_others_go_on(tmp_path, calls, caplog):
    def fail(**given):
        raise ConnectionError("no server")

    sys.modules["wandb"].init = fail
    told = loggers(tmp_path, "wandb", "visualdl")
    for step in (1, 2):
        told.scalars(step, {"train/loss": 0.5})
    told.close()
    assert [record.getMessage() for record in caplog.records] == [
        "runner.loggers: wandb failed, and gets nothing from here on: no server"
    ]
    assert [call[0] for call in calls] == ["LogWriter", "add_scalar", "add_scalar", "close"]


def test_the_password_in_the_address_of_a_server_is_not_told(tmp_path, calls, caplog):
    def fail(**given):
        raise ConnectionError("no answer from http://me:p@ss@host:9/api (http://me:p@ss@host)")

    sys.modules["wandb"].init = fail
    loggers(tmp_path, "wandb").scalars(1, {"train/loss": 0.5})
    assert (
        caplog.records[0]
        .getMessage()
        .endswith(": no answer from http://...@host:9/api (http://...@host)")
    )


def test_one_that_fails_when_it_closes_does_not_end_the_run(tmp_path, calls, caplog):
    told = loggers(tmp_path, "visualdl")
    told.scalars(1, {"train/loss": 0.5})
    del sys.modules["visualdl"].LogWriter
    told._open["visualdl"]._writer.close = lambda: 1 / 0
    told.close()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and "division by zero" in record.getMessage()


# ------------------------------------------------------------------ with the commands


def test_a_run_that_goes_on_and_infer_log_to_the_same_places(workspace):
    pytest.importorskip("tensorboard")
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    both = "runner.loggers=[tensorboard, mlflow]"
    for epochs in (1, 2):
        workspace.run("trainer", "logged", both, f"runner.epochs={epochs}")
    workspace.run("infer", "logged", both)
    folder = workspace.output("logged")
    lines = map(json.loads, (folder / "metrics.jsonl").open(encoding="utf-8"))
    told = [line for line in lines if line["kind"] in ("train", "evaluation")]
    scalars, _ = events(folder)
    client, (run,) = mlflow_runs(folder)
    for kind, name in (
        *(("train", name) for name in ("loss", "learning_rate", "rows_per_second")),
        ("evaluation", "accuracy"),
    ):
        expected = [(line["step"], line[name]) for line in told if line["kind"] == kind]
        assert len(expected) >= 2
        assert scalars[f"{kind}/{name}"] == [(step, pytest.approx(v)) for step, v in expected]
        history = client.get_metric_history(run.info.run_id, f"{kind}/{name}")
        assert [(metric.step, metric.value) for metric in history] == expected
    accuracy = infer_metrics(folder / "infer")["accuracy"]
    ((step, value),) = scalars["test/accuracy"]
    assert value == pytest.approx(accuracy)
    assert step in [line["step"] for line in told]
    assert run.data.metrics["test/accuracy"] == accuracy
    assert run.data.params["model"] == "tagspace"


def test_a_logger_that_is_not_installed_stops_the_trainer_before_it_begins(workspace, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    result = workspace.run("trainer", "refused", "runner.loggers=[wandb]", expect=2)
    assert "pip install 'textzoo[wandb]'" in result.stderr
    assert not workspace.output("refused").exists()


def test_an_unknown_logger_is_refused_with_those_there_are(workspace):
    result = workspace.run("trainer", "refused", "runner.loggers=[tensorbord]", expect=2)
    assert "runner.loggers" in result.stderr and "tensorboard" in result.stderr
