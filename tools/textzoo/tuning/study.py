"""A study of Optuna: which settings are tried next, and what came of those before.

It is kept in SQLite. What is drawn for a trial depends on the seed, on how many there were before
it, and on what came of these: a study that was interrupted goes on as if it had not been.
"""

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional

import pydantic
from pydantic import ConfigDict
from typing_extensions import TypedDict

from textzoo.config.checking import differences
from textzoo.config.search import Choices, Space
from textzoo.errors import UserError
from textzoo.metrics.names import is_better, lower_is_better

try:
    import optuna
except ImportError:
    raise UserError("tuning needs Optuna: pip install 'textzoo[tune]'") from None

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

_NAME = "textzoo"
_DIGITS = 4  # that a setting has: more would say nothing
_AT_RANDOM = 6  # trials before the sampler learns from them
_UNPRUNED = 4  # trials that are trained to the end, for others to be compared with
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}

Settings = dict[str, Any]
State = Literal["complete", "pruned", "failed"]


class Trial(NamedTuple):
    """A trial that has ended.

    Attributes:
        number: from 0, which is the config as it was.
        state: `complete`; `pruned`: worse than the median of others after as many evaluations;
            `failed`: with an error.
        settings: the value of each searched key.
        value: the best value of the metric, if it is complete.
        values: those of its evaluations.
        seconds: how long it took.
        note: why it failed, or which earlier one it repeats.
    """

    number: int
    state: State
    settings: Settings
    value: Optional[float]
    values: list[float]
    seconds: float
    note: str


class _Noted(TypedDict):
    """What the database has of a trial beside what Optuna keeps itself."""

    __pydantic_config__ = ConfigDict(strict=True)  # pyright: ignore

    settings: Settings
    seconds: float
    note: str


_NOTED = pydantic.TypeAdapter(_Noted)


class Asked:
    """A trial that is at work.

    Attributes:
        number: from 0.
        settings: the value of each searched key.
    """

    def __init__(self, trial: optuna.Trial, number: int, settings: Settings):
        self.number = number
        self.settings = settings
        self.trial = trial
        self.values: list[float] = []

    def judge(self, value: float) -> bool:
        """Note an evaluation; whether the trial is worth going on with."""
        self.trial.report(value, len(self.values))
        self.values.append(value)
        return not self.trial.should_prune()  # of which the first one never is, see `Study`


class Study:
    """The trials of a folder.

    Args:
        path: of the database, which is made if there is none.
        spaces: what is searched for each dotted key.
        own: the values that the config has itself.
        metric: what is to be good.
        seed: of what is drawn.
        facts: what the trials have in common, by which a study is known again.

    Raises:
        UserError: the file is no study, or one of other settings.
    """

    def __init__(
        self,
        path: Path,
        spaces: dict[str, Space],
        own: Settings,
        metric: str,
        seed: int,
        facts: dict[str, Any],
    ):
        self._spaces = {key: spaces[key] for key in sorted(spaces)}
        self._own = {key: own.get(key) for key in self._spaces}
        self._metric = metric
        self._seed = seed
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        url = URL.create("sqlite", database=str(path)).render_as_string()
        self._path = path
        with _of_database(path):
            self._study = optuna.create_study(
                storage=optuna.storages.RDBStorage(url),
                study_name=_NAME,
                direction="minimize" if lower_is_better(metric) else "maximize",
                # Of the first evaluation, which may be that of the linear part alone, little can
                # be told.
                pruner=optuna.pruners.MedianPruner(_UNPRUNED, n_warmup_steps=1),
                load_if_exists=True,
            )
            self._check(path, json.loads(json.dumps(facts)))
            for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                # The process that ran it has ended.
                self._study.set_user_attr(f"dropped {trial.number}", True)
                self._study.tell(trial.number, state=TrialState.FAIL)

    def _check(self, path: Path, facts: dict[str, Any]) -> None:
        before = self._study.user_attrs.get("facts")
        if not isinstance(before, (dict, type(None))):
            raise _unfit(path, "its facts are none")
        if before is not None and (changed := differences(facts, before)):
            raise UserError(
                f"{path}: holds trials of other settings:\n  "
                + "\n  ".join(changed)
                + "\nScores would not compare: choose another folder with --output, or remove this "
                "one"
            )
        self._study.set_user_attr("facts", facts)

    @property
    def keys(self) -> list[str]:
        """The dotted keys that are searched."""
        return list(self._spaces)

    @property
    def trials(self) -> list[Trial]:
        """Those that have ended, in their order; one that was killed is none."""
        with _of_database(self._path):
            dropped = self._study.user_attrs
            ended = [
                trial
                for trial in self._study.get_trials(deepcopy=False)
                if trial.state.is_finished() and f"dropped {trial.number}" not in dropped
            ]
        return [self._told(number, trial) for number, trial in enumerate(ended)]

    def _told(self, number: int, trial: FrozenTrial) -> Trial:
        try:
            told = _NOTED.validate_python(trial.user_attrs)
        except pydantic.ValidationError as failure:
            key = ".".join(map(str, failure.errors()[0]["loc"]))
            raise _unfit(self._path, f"trial {trial.number} tells no {key}") from None
        if told["settings"].keys() != self._own.keys():
            raise _unfit(self._path, f"trial {trial.number} is of other keys")
        complete = trial.state == TrialState.COMPLETE
        return Trial(
            number,
            _STATES[trial.state],  # pyright: ignore[reportArgumentType]
            told["settings"],
            trial.value if complete else None,
            list(trial.intermediate_values.values()),
            told["seconds"],
            told["note"],
        )

    @property
    def best(self) -> Optional[Trial]:
        """The best of those that are complete, and the first of equals."""
        return best_of(self.trials, self._metric)

    def ask(self) -> Asked:
        """What to try next: first the config as it is."""
        number = len(self.trials)
        self._study.sampler = optuna.samplers.TPESampler(
            seed=(self._seed + number) % 2**32, n_startup_trials=_AT_RANDOM, multivariate=False
        )
        spaces, settings = self._spaces, self._own
        with _of_database(self._path):
            if not number:
                own = {key: _drawn(space, self._own[key]) for key, space in spaces.items()}
                own = {key: value for key, value in own.items() if value is not None}
                spaces = {key: spaces[key] for key in own}  # `auto` is within no range
                if not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
                    self._study.enqueue_trial(own)
            trial = self._study.ask({key: _distribution(of) for key, of in spaces.items()})
            if number:
                settings = {key: _setting(of, trial.params[key]) for key, of in spaces.items()}
            trial.set_user_attr("settings", settings)
        return Asked(trial, number, settings)

    def repeated(self, asked: Asked) -> Optional[Trial]:
        """The earlier trial of the same settings, if there is one."""
        return next((trial for trial in self.trials if trial.settings == asked.settings), None)

    def repeat(self, asked: Asked, earlier: Trial) -> Trial:
        """Let a trial end as an earlier one did."""
        asked.values += earlier.values
        return self.end(asked, earlier.state, 0.0, f"as trial {earlier.number}")

    def end(self, asked: Asked, state: State, seconds: float, note: str = "") -> Trial:
        """Note what came of a trial, whose best evaluation counts if it is complete."""
        value = None
        if state == "complete":
            value = min(asked.values) if lower_is_better(self._metric) else max(asked.values)
        as_optuna = next(of for of, name in _STATES.items() if name == state)
        with _of_database(self._path):
            asked.trial.set_user_attr("seconds", round(seconds, 3))
            asked.trial.set_user_attr("note", note)
            self._study.tell(asked.trial, value, state=as_optuna)
        return self.trials[-1]


def best_of(trials: list[Trial], metric: str) -> Optional[Trial]:
    """The trial with the best value of a metric, the first of equals; None: none is complete."""
    best = None
    for trial in trials:
        if trial.value is None:
            continue
        if best is None or best.value is None or is_better(metric, trial.value, best.value):
            best = trial
    return best


def _distribution(space: Space) -> BaseDistribution:
    if isinstance(space, Choices):
        return CategoricalDistribution([json.dumps(value) for value in space.values])
    if space.is_whole:
        return IntDistribution(int(space.low), int(space.high), space.log, int(space.step or 1))
    return FloatDistribution(space.low, space.high, space.log, space.step)


def _setting(space: Space, drawn: Any) -> Any:
    """The value of a key as a config has it."""
    if isinstance(space, Choices):
        return json.loads(drawn)
    if space.is_whole:
        return drawn
    return min(max(float(f"{drawn:.{_DIGITS}g}"), space.low), space.high)


def _drawn(space: Space, value: Any) -> Any:
    """What Optuna would have drawn for a value; None: it could not have."""
    if isinstance(space, Choices):
        return json.dumps(value) if value in space.values else None
    if type(value) not in (int, float) or not space.low <= value <= space.high:
        return None
    steps = (value - space.low) / space.step if space.step else 0
    if not math.isclose(steps, round(steps), abs_tol=1e-9):
        return None
    return value if space.is_whole else float(value)


@contextmanager
def _of_database(path: Path) -> Iterator[None]:
    """Have what makes a database unfit for use be the user's to put right.

    What Optuna warns of, such as the end of a range that no step meets, is not shown.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (SQLAlchemyError, RuntimeError, ValueError, KeyError) as failure:
        first = (str(failure).splitlines() or [type(failure).__name__])[0]
        raise _unfit(path, first) from None


def _unfit(path: Path, cause: str) -> UserError:
    return UserError(
        f"{path}: cannot be used as a study ({cause}); choose another folder with --output, or "
        "make room there"
    )
