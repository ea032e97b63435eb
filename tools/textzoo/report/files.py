"""The files of a run as report.py takes them: what is damaged is named in the log and left out.

A run may be at work, or have been interrupted, and the report is to show what there is.
"""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, TypeVar, Union

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import NotRequired, TypedDict

log = logging.getLogger("textzoo")

Facts = dict[str, Any]
Read = TypeVar("Read")

_Count = Annotated[int, Field(ge=0, le=2**53)]
_Number = Annotated[float, Field(ge=-1e100, le=1e100)]  # which can be drawn; NaN is none


class _Told(pydantic.BaseModel):
    """What the report uses; all other values are numbers, most of them metrics."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, _Number]  # pyright: ignore


class _Line(_Told):
    kind: str
    step: _Count
    seconds: _Number = 0.0
    loss: _Number = 0.0
    learning_rate: _Number = 0.0
    rows_per_second: _Number = 0.0


class _Evaluation(_Line):
    rows: _Count
    threshold: Union[_Number, list[_Number], None] = None
    calibration: Optional[list[_Number]] = None


class _Session(_Line):
    started: datetime
    train_rows: _Count


class _Test(_Told):
    rows: _Count
    checkpoint: Annotated[str, Field(pattern=r"^[^/\\]+$")]  # it names a folder
    checkpoints: dict[str, Any]
    steps: list[_Count] = []
    threshold: Union[_Number, list[_Number], None] = None


class _Trial(pydantic.BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    metric: str
    number: _Count
    state: Literal["complete", "pruned", "failed"]
    settings: dict[str, Any]
    value: Optional[_Number]
    values: list[_Number]
    seconds: _Number
    note: str


class _Spread(pydantic.BaseModel):
    model_config = ConfigDict(strict=True)

    values: list[_Number]
    mean: _Number
    std: _Number
    min: _Number
    max: _Number


class _Repeats(pydantic.BaseModel):
    model_config = ConfigDict(strict=True)

    runs: Annotated[
        list[Annotated[str, Field(pattern=r"^(seed|fold)-[0-9]+$")]],  # they name folders
        Field(min_length=1),
    ]
    test: dict[str, _Spread] = {}
    validation: dict[str, _Spread] = {}
    folds: dict[str, _Spread] = {}
    out_of_fold: dict[str, _Number] = {}

    @pydantic.model_validator(mode="after")
    def _check(self) -> "_Repeats":
        if len({*self.runs}) < len(self.runs):
            raise ValueError("a run is named twice")
        for spreads in (self.test, self.validation, self.folds):
            if any(len(spread.values) != len(self.runs) for spread in spreads.values()):
                raise ValueError("there is not one value for each run")
        return self


class _LabelReport(pydantic.BaseModel):
    model_config = ConfigDict(strict=True)

    labels: dict[str, dict[str, Optional[_Number]]]
    averages: dict[str, dict[str, Optional[_Number]]] = {}


class _Best(TypedDict):
    tag: str
    score: _Number
    probability: NotRequired[Annotated[float, Field(ge=0, le=1)]]


class _Row(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True)  # pyright: ignore

    text: str
    tags: list[str]
    top: list[_Best]
    predicted: NotRequired[list[str]]


class _GradedRow(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True)  # pyright: ignore

    text: str
    tags: list[Annotated[str, Field(pattern=r":[0-9]+$")]]
    top: list[_Best]
    predicted: dict[str, _Count]


class _Word(TypedDict):
    start: _Count
    end: _Count
    share: _Number


class _Explanation(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True)  # pyright: ignore

    text: str
    tag: str
    score: _Number
    words: list[_Word]


_LINES = {"evaluation": _Evaluation, "session": _Session}
_ROWS: tuple[TypeAdapter[Any], ...] = (TypeAdapter(_Row), TypeAdapter(_GradedRow))
_EXPLANATION: TypeAdapter[Any] = TypeAdapter(_Explanation)


def read_test(path: Path) -> Optional[Facts]:
    """`infer_metrics.json`; None if there is none, or it is damaged."""
    return _read_object(path, _Test)


def read_label_report(path: Path) -> Optional[Facts]:
    """`label_report.json`, likewise."""
    return _read_object(path, _LabelReport)


def read_lines(path: Path) -> Iterator[Facts]:
    """The lines of a metrics.jsonl."""
    return _whole_lines(path, _line)


def read_rows(path: Path, kind: str) -> Iterator[Facts]:
    """The rows of a predictions.jsonl of a kind of model."""
    return _whole_lines(path, _ROWS[kind == "levels"].validate_json)


def read_repeats(path: Path) -> Optional[Facts]:
    """A seeds.json or folds.json; None: there is none, or it is damaged."""
    return _read_object(path, _Repeats)


def read_trials(path: Path) -> Iterator[Facts]:
    """The lines of a trials.jsonl."""
    return _whole_lines(path, lambda text: _Trial.model_validate_json(text).model_dump())


def read_explanations(path: Path) -> Iterator[Facts]:
    """The rows of an explanations.jsonl."""
    return _whole_lines(path, _EXPLANATION.validate_json)


def _line(text: bytes) -> Facts:
    facts = json.loads(text)
    kind = facts.get("kind") if isinstance(facts, dict) else None
    checked = _LINES.get(str(kind), _Line).model_validate_json(text)
    return {**facts, "started": checked.started} if isinstance(checked, _Session) else facts


def _read_object(path: Path, model: type[pydantic.BaseModel]) -> Optional[Facts]:
    if not path.is_file():
        return None
    try:
        text = path.read_bytes()
        model.model_validate_json(text)
        return json.loads(text)
    except (OSError, ValueError, RecursionError) as failure:
        log.warning("%s: is damaged and left out: %s", path, _problem(failure))
        return None


def _whole_lines(path: Path, read: Callable[[bytes], Read]) -> Iterator[Read]:
    """What is read of each line of a file, if there is one."""
    if not path.is_file():
        return
    first, n_damaged = "", 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                found = read(line)
            except (ValueError, RecursionError) as failure:
                first = first or f"{path}:{number}: {_problem(failure)}"
                n_damaged += 1
                continue
            yield found
    if n_damaged:
        lines = "this line is" if n_damaged == 1 else f"this and {n_damaged - 1} more lines are"
        log.warning("%s; %s damaged and left out", first, lines)


def _problem(failure: Exception) -> str:
    if not isinstance(failure, pydantic.ValidationError):
        return str(failure)
    error = failure.errors()[0]
    place = ".".join(map(str, error["loc"]))
    return f"{place}: {error['msg']}" if place else error["msg"]
