"""What a training run has left in its folder."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Optional

from textzoo.config.dotted import flat_given
from textzoo.errors import UserError
from textzoo.metrics.names import lower_is_better
from textzoo.report.files import (
    Facts,
    read_label_report,
    read_lines,
    read_test,
    read_trials,
)
from textzoo.report.wording import Said, say
from textzoo.training.facts import FACTS, read_facts

log = logging.getLogger("textzoo")

METRICS = "metrics.jsonl"
TRIALS, BEST_CONFIG = "trials.jsonl", "best_config.yaml"  # of a study
SEEDS, FOLDS = "seeds.json", "folds.json"  # of `--seeds` and `--folds`
# Of a line of metrics.jsonl, what is no metric.
_NO_METRICS = (
    *("kind", "step", "epoch", "rows", "threshold", "calibration", "lexical_weight", "seconds"),
)

# Of the path of training data, what does not say which they are.
_ANY_DATA = ("", "corpus", "data", "dataset", "datasets", "input", "train", "training")


@dataclass
class Session:
    """Training from where a run began, or was resumed, to where it ended or was interrupted.

    Attributes:
        started: when.
        train_rows: how many rows there are to train on.
        seconds: how long it lasted; if it was killed, or is at work, up to its last line.
    """

    started: datetime
    train_rows: int
    seconds: float = 0.0


@dataclass
class Run:
    """A training run, as far as it has come.

    Attributes:
        folder: its `model_save_path`.
        name: what tells it from other runs of the report.
        training: the lines of metrics.jsonl about the loss.
        evaluations: those about the validation rows.
        saved: `checkpoint.json` of each checkpoint by its name.
        checkpoint: that of `best`, or of the newest checkpoint.
        progress: that of the newest checkpoint.
        sessions: one, and one more for each time it was resumed; none of a run that an earlier
            version began, which did not note them.
        test: `infer_metrics.json`.
        infer: the folder of the predictions that this is about.
        label_report: the figures of each label and their averages, of the same predictions.
        trials: those of the study that found its settings, if one did.
    """

    folder: Path
    name: str
    training: list[Facts] = field(default_factory=list)
    evaluations: list[Facts] = field(default_factory=list)
    saved: dict[str, Facts] = field(default_factory=dict)
    checkpoint: Optional[Facts] = None
    progress: Optional[Facts] = None
    sessions: list[Session] = field(default_factory=list)
    test: Optional[Facts] = None
    infer: Optional[Path] = None
    label_report: Optional[Facts] = None
    trials: list[Facts] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What the model gives for a text: `tags`, `levels` or `embeddings`."""
        return (self.checkpoint or {}).get("kind", "tags")

    @property
    def model(self) -> Optional[str]:
        """The name of the model's folder."""
        return self.checkpoint["model"] if self.checkpoint else None

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of the config that are set, with their blocks' names before them."""
        return flat_given(self.checkpoint["config"]) if self.checkpoint else {}

    @property
    def data(self) -> Optional[str]:
        """What the training data are called: by the end of their path that is a name."""
        path = self.settings.get("runner.train_data_dir")
        parts = re.split(r"[/\\]", path) if isinstance(path, str) else []
        stems = (re.sub(r"(?<=.)(\.\w+)+$", "", part) for part in reversed(parts))
        return next((stem for stem in stems if stem.lower() not in _ANY_DATA), None)

    @property
    def subject(self) -> Optional[str]:
        """The model, and what it was trained on."""
        if self.data in (None, self.model):
            if self.model and self.data:
                return say("{model} on its own data", model=self.model)
            return self.model
        return say("{model} on {data}", model=self.model, data=self.data)

    @property
    def last_step(self) -> int:
        """The last step that is told of."""
        return max([line["step"] for line in [*self.training, *self.evaluations]], default=0)

    @property
    def seconds(self) -> float:
        """How long all sessions took together."""
        return sum(session.seconds for session in self.sessions)

    @property
    def best_evaluation(self) -> Optional[Facts]:
        """The one whose first metric, which chooses `best`, is best: the first one of equals."""
        told = [line for line in self.evaluations if metrics_of(line)]
        if not told:
            return None
        name = next(iter(metrics_of(told[0])))
        choose = min if lower_is_better(name) else max
        return choose((line for line in told if name in line), key=lambda line: line[name])

    @property
    def is_outdated(self) -> bool:
        """Whether the predictions are of another step than the checkpoint of that name is now."""
        test = self.test or {}
        steps = test.get("steps")
        saved = self.saved.get(str(test.get("checkpoint")))
        return bool(steps and saved and steps != [saved["progress"]["step"]])


def read_runs(folders: list[Path], awaited: Optional[list[str]] = None) -> list[Run]:
    """The runs of these folders; of a study's folder the best trial.

    Args:
        folders: of runs.
        awaited: gets what is wrong with a folder that is none of a run, in place of an error.

    Raises:
        UserError: one is no folder of a run, or is named twice.
    """
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < len(places):
        raise UserError("RUN_DIR: received the same folder twice")
    runs = []
    for folder, name in zip(folders, _names(places)):
        try:
            runs.append(_read_run(folder, name))
        except UserError as missing:
            if awaited is None:
                raise
            awaited.append(missing.args[0])  # in both languages
    return runs


def metrics_of(line: Facts) -> dict[str, float]:
    """The metrics of an evaluation or of `infer_metrics.json` by name."""
    return {k: v for k, v in line.items() if isinstance(v, float) and k not in _NO_METRICS}


def best_trial(trials: list[Facts]) -> Optional[Facts]:
    """The trial of the best value, the first of equals; None: none is complete."""
    complete = [trial for trial in trials if trial["value"] is not None]
    choose = min if complete and lower_is_better(complete[0]["metric"]) else max
    return choose(complete, key=lambda trial: trial["value"], default=None)


def best_run(folder: Path, trials: list[Facts]) -> Path:
    """The run of a study that is kept, that of its best trial; of no study the folder itself."""
    best = best_trial(trials)
    return folder / f"trial_{best['number']}" if best else folder


def _read_run(folder: Path, name: str) -> Run:
    trials = list(read_trials(folder / TRIALS))
    folder = best_run(folder, trials)
    lines = list(read_lines(folder / METRICS))
    saved = _checkpoints(folder)
    newest = max(saved.values(), key=lambda facts: facts["progress"]["step"], default=None)
    run = Run(
        folder,
        name,
        training=[line for line in lines if line["kind"] == "train"],
        evaluations=[line for line in lines if line["kind"] == "evaluation"],
        saved=saved,
        checkpoint=saved.get("best", newest),
        progress=newest and newest["progress"],
        sessions=_sessions(lines),
        test=read_test(folder / "infer" / "infer_metrics.json"),
        trials=trials,
    )
    if run.test:
        infer = folder / "infer"
        if len(run.test["checkpoints"]) > 1:
            infer /= run.test["checkpoint"]
        run.infer, run.label_report = infer, read_label_report(infer / "label_report.json")
    if not (lines or run.checkpoint or run.test):
        raise UserError(
            say(
                "{folder}: is no folder of a run: expected train.log, {metrics} and checkpoints, "
                "as a run leaves them in its runner.model_save_path; found {found}",
                folder=folder,
                metrics=METRICS,
                found=_found_instead(folder),
            )
        )
    return run


def _found_instead(folder: Path) -> Said:
    """What a folder is that is none of a run."""
    if not folder.is_dir():
        return say("a file") if folder.is_file() else say("no such folder")
    inside = sorted({path.relative_to(folder).parts[0] for path in _found_in(folder)})
    if not inside:
        return say("a folder without them")
    return say("a folder without them. There are runs in it: {runs}", runs=", ".join(inside))


def _found_in(folder: Path) -> Iterator[Path]:
    """The files of runs in folders of a folder, or in folders of these, such as `seeds`."""
    for depth in ("*", "*/*"):
        yield from folder.glob(f"{depth}/{METRICS}")


def _names(places: list[Path]) -> list[str]:
    """As much of the end of each path as it takes to tell them apart."""
    n_parts = 1
    while len({place.parts[-n_parts:] for place in places}) < len(places):
        n_parts += 1
    return ["/".join(place.parts[-n_parts:]) for place in places]


def _sessions(lines: list[Facts]) -> list[Session]:
    """The sessions of a metrics.jsonl: each begins with a line of its own.

    None if others come before the first of these: how long it took to them is not known.
    """
    if not lines or lines[0]["kind"] != "session":
        return []
    sessions = []
    for line in lines:
        if line["kind"] == "session":
            sessions.append(Session(line["started"], line["train_rows"]))
        sessions[-1].seconds = line.get("seconds", sessions[-1].seconds)
    return sessions


def _checkpoints(folder: Path) -> dict[str, Facts]:
    """The facts of the checkpoints in a folder; damaged ones are named in the log."""
    found = {}
    for path in sorted(folder.glob(f"[!.]*/{FACTS}")):
        try:
            found[path.parent.name] = read_facts(path.parent)
        except UserError as damage:
            log.warning("passed over: %s", damage)
    return found
