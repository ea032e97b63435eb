"""Where the figures of a run go beside its own files: VisualDL, TensorBoard, MLflow, W&B.

All keep them on this machine unless variables of the environment name a server, and are told to
send nothing about their use.
"""

import hashlib
import importlib
import json
import logging
import os
import re
import time
from pathlib import Path
from typing import Any, Optional, Protocol

from textzoo.config.dotted import flat_given
from textzoo.config.schema import LoggerName, Runner
from textzoo.errors import UserError

log = logging.getLogger("textzoo")

# Unless the user has set them: nothing about their use is sent, and a server that is down is not
# waited for.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "WANDB_ERROR_REPORTING": "false",
}
_PROJECT = "textzoo"
_CREDENTIALS = re.compile(r"//[^/\s]+@")
_EXTRAS: dict[LoggerName, tuple[str, str]] = {
    "visualdl": ("VisualDL", "visual"),
    "tensorboard": ("TensorBoard", "tensorboard"),
    "mlflow": ("MLflow", "mlflow"),
    "wandb": ("Weights & Biases", "wandb"),
}


class Logger(Protocol):
    """Takes the figures of a run."""

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Take figures of a step, by names such as `train/loss`."""
        ...

    def close(self) -> None:
        """Write what is not written yet."""
        ...


class Loggers:
    """The loggers of a run, opened with its first figures.

    One that fails is named in a warning and left out from then on: the run goes on.

    Args:
        runner: the config's `runner` block, which names them.
        folder: the run's, with its `metrics.jsonl`.
        settings: the config's keys with their values, which a new run starts with.
        step: from which the run goes on; 0: it is new; None: figures are added to it.
    """

    def __init__(self, runner: Runner, folder: Path, settings: dict[str, Any], step: Optional[int]):
        self._names = runner.logger_names
        self._place = _Place(folder, settings, step)
        self._open: dict[LoggerName, Logger] = {}
        self._left_out: set[LoggerName] = set()

    def scalars(self, step: int, values: dict[str, Any]) -> None:
        """Give all of them the figures of a step; what is no number is left out."""
        numbers = {k: float(v) for k, v in values.items() if isinstance(v, (int, float))}
        for name in self._names:
            if name in self._left_out:
                continue
            try:
                if name not in self._open:
                    self._open[name] = _opened(name, self._place)
                self._open[name].scalars(step, numbers)
            except Exception as failure:  # whatever it is, the run is worth more
                self._leave_out(name, failure)

    def close(self) -> None:
        """Close all of them."""
        for name, logger in self._open.items():
            try:
                logger.close()
            except Exception as failure:
                self._leave_out(name, failure)
        self._open = {}

    def _leave_out(self, name: LoggerName, failure: Exception) -> None:
        self._left_out.add(name)
        problem = str(failure).strip() or type(failure).__name__
        problem = _CREDENTIALS.sub("//...@", problem)  # which the address of a server may have
        log.warning(
            "runner.loggers: %s failed, and gets nothing from here on: %s", name, problem[:500]
        )


def check_loggers(runner: Runner) -> None:
    """Refuse a run whose loggers are not installed, before any work is done.

    Raises:
        UserError: naming the extra.
    """
    for name in runner.logger_names:
        _load(name, "runner.loggers" if name in runner.loggers else "runner.use_visual")


def _load(name: LoggerName, key: str) -> Any:
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    called, extra = _EXTRAS[name]
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(f"{key}: needs {called}: pip install 'textzoo[{extra}]'") from None


class _Place:
    """What a logger is opened with; see `Loggers`."""

    def __init__(self, folder: Path, settings: dict[str, Any], step: Optional[int]):
        self.folder, self.settings, self.step = folder, flat_given(settings), step

    @property
    def name(self) -> str:
        """What a run is called."""
        return "/".join(self.folder.resolve().parts[-2:])

    @property
    def identity(self) -> str:
        """Tells runs apart: the same for a run that goes on, another one when it starts over."""
        first = b""
        path = self.folder / "metrics.jsonl"
        if path.is_file():
            with path.open("rb") as file:
                first = file.readline()
        facts = str(self.folder.resolve()).encode() + b"\0" + first
        return hashlib.sha256(facts).hexdigest()[:16]


def _opened(name: LoggerName, place: _Place) -> Logger:
    module = _load(name, "runner.loggers")
    return _CLASSES[name](module, place)


class _VisualDL:
    def __init__(self, module: Any, place: _Place):
        self._writer = module.LogWriter(logdir=str(place.folder / "visual"))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(tag=name, step=step, value=value)

    def close(self) -> None:
        self._writer.close()


class _TensorBoard:
    """Files of events below `tensorboard`; the settings are hyper-parameters of its plugin."""

    def __init__(self, module: Any, place: _Place):
        from tensorboard.plugins.hparams import summary_v2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        # Made when they are imported: a type checker finds nothing in them.
        events = importlib.import_module("tensorboard.compat.proto.event_pb2")
        summaries = importlib.import_module("tensorboard.compat.proto.summary_pb2")
        self._event, self._summary = events.Event, summaries.Summary
        folder = str(place.folder / "tensorboard")
        self._writer = EventFileWriter(folder, flush_secs=10)
        if place.step == 0:
            chosen = {key: _simple(value) for key, value in place.settings.items()}
            self._add(0, summary_v2.hparams_pb(chosen, trial_id=place.identity))
        if place.step is not None:  # what an interrupted run told of later steps is no longer so
            start = events.SessionLog(status=events.SessionLog.START)
            event = events.Event(wall_time=time.time(), step=place.step + 1, session_log=start)
            self._writer.add_event(event)

    def _add(self, step: int, summary: Any) -> None:
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        value_of = self._summary.Value
        told = [value_of(tag=name, simple_value=value) for name, value in values.items()]
        self._add(step, self._summary(value=told))

    def close(self) -> None:
        self._writer.close()


class _MLflow:
    """A run at MLFLOW_TRACKING_URI, by default in the file `mlflow.db` of the run's folder."""

    def __init__(self, module: Any, place: _Place):
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        self._metric = Metric
        own = (place.folder / "mlflow.db").resolve().as_posix()
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{own}"
        for noisy in ("mlflow", "alembic"):  # of the tables that they make
            logging.getLogger(noisy).setLevel(logging.WARNING)
        self._client = MlflowClient(tracking_uri=uri)
        experiment = self._experiment(place)
        found = [] if place.step == 0 else self._found(experiment, place.identity)
        if found:
            self._id = found[0].info.run_id
            self._client.update_run(self._id, status="RUNNING")
            return
        tags = {f"{_PROJECT}.run": place.identity}
        self._id = self._client.create_run(experiment, tags=tags, run_name=place.name).info.run_id
        told = [Param(key, str(_simple(v))[:500]) for key, v in place.settings.items()]
        for first in range(0, len(told), 100):  # the most at once
            self._client.log_batch(self._id, params=told[first : first + 100])

    def _experiment(self, place: _Place) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _PROJECT)
        found = self._client.get_experiment_by_name(name)
        if found:
            return found.experiment_id
        is_local = not os.environ.get("MLFLOW_TRACKING_URI")
        artifacts = (place.folder / "mlflow").resolve().as_uri() if is_local else None
        return self._client.create_experiment(name, artifact_location=artifacts)

    def _found(self, experiment: str, identity: str) -> list[Any]:
        wanted = f"tags.`{_PROJECT}.run` = '{identity}'"
        return list(self._client.search_runs([experiment], wanted, max_results=1))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        now = int(time.time() * 1000)
        # It takes no @ in names.
        told = [self._metric(k.replace("@", "_at_"), v, now, step) for k, v in values.items()]
        self._client.log_batch(self._id, metrics=told)

    def close(self) -> None:
        self._client.set_terminated(self._id)


class _Wandb:
    """A run in the folder `wandb`, which `wandb sync` sends; WANDB_MODE=online sends it at once."""

    def __init__(self, module: Any, place: _Place):
        quiet = module.Settings(console="off", silent=True, disable_git=True)
        self._run = module.init(
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
            id=place.identity,
            name=place.name,
            resume="allow",
            dir=str(place.folder),
            config=place.settings if place.step == 0 else None,
            mode=os.environ.get("WANDB_MODE", "offline"),
            settings=quiet,
        )
        self._run.define_metric("*", step_metric="step")  # its own steps never go back

    def scalars(self, step: int, values: dict[str, float]) -> None:
        self._run.log({"step": step, **values})

    def close(self) -> None:
        self._run.finish()


_CLASSES: dict[LoggerName, Any] = {
    "visualdl": _VisualDL,
    "tensorboard": _TensorBoard,
    "mlflow": _MLflow,
    "wandb": _Wandb,
}


def _simple(value: Any) -> Any:
    """A value as hyper-parameters may be: a number, a text, true or false."""
    is_simple = isinstance(value, (bool, int, float, str))
    return value if is_simple else json.dumps(value, ensure_ascii=False)
