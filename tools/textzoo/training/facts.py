"""What `checkpoint.json` says of a checkpoint: checked once, when it is read."""

import hashlib
import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Optional, Union

import pydantic
from pydantic import ConfigDict, Field

import textzoo
from textzoo.config.schema import NotNegativeInt
from textzoo.errors import UserError
from textzoo.files import write_text
from textzoo.metrics.names import Kind

FACTS = "checkpoint.json"
WEIGHTS = "rec.pdparams"
OPTIMIZER = "rec.pdopt"
_DIGEST = "facts_sha256"  # of all else that is said


@dataclass
class Progress:
    """Where a run stands; all that a resumed run needs beside weights and optimizer.

    Random numbers are no part of it: each step draws from generators seeded by (seed, step).

    Attributes:
        step: updates done.
        epoch: the epoch in work, from 0.
        batch: batches of that epoch done.
        rows: rows of that epoch seen.
        loss_sum: the sum of their losses.
        unreported_rows: rows seen since the last line of metrics.jsonl.
        unreported_loss_sum: the sum of their losses.
        best_metric: the name of the metric that chose `best`; None before the first evaluation.
        best_value: the best validation metric so far.
        best_step: the step it was reached at.
        worse: evaluations since then.
        evaluated: the step of the last evaluation.
        threshold: the score above which a label was predicted there, or one per label.
        calibration: `[a, b]`, which there made probabilities `sigmoid(a * score + b)` of scores;
            None: it is a model of levels or embeddings.
        lexical_weight: with which `index.lexical_weight: auto` had the best metric there; None: it
            was not chosen.
        stopped: whether the run is over before its last epoch.
    """

    step: NotNegativeInt = 0
    epoch: NotNegativeInt = 0
    batch: NotNegativeInt = 0
    rows: NotNegativeInt = 0
    loss_sum: float = 0.0
    unreported_rows: NotNegativeInt = 0
    unreported_loss_sum: float = 0.0
    best_metric: Optional[str] = None
    best_value: Optional[float] = None
    best_step: NotNegativeInt = 0
    worse: NotNegativeInt = 0
    evaluated: Annotated[int, Field(ge=-1)] = -1
    threshold: Optional[Union[float, list[float]]] = None
    calibration: Optional[Annotated[list[float], Field(min_length=2, max_length=2)]] = None
    lexical_weight: Optional[Annotated[float, Field(ge=0, le=1)]] = None
    stopped: bool = False


_LATER = {"lexical_weight"}  # what earlier checkpoints do not tell


class _Strict(pydantic.BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Runner(_Strict):
    epochs: int


class _Config(_Strict):
    runner: _Runner
    reader: dict[str, Any]
    hyper_parameters: dict[str, Any]


class _Facts(_Strict):
    model: str
    kind: Kind
    progress: Progress
    data: dict[str, list[str]]
    config: _Config
    versions: dict[str, str]
    sha256: dict[str, str]

    @pydantic.field_validator("progress", mode="before")
    @classmethod
    def _is_complete(cls, progress: Any) -> Any:
        names = {field.name for field in fields(Progress)}
        if isinstance(progress, dict) and (unlike := (names ^ progress.keys()) - _LATER):
            raise ValueError(f"has no {min(unlike)}, or should not have it")
        return progress

    @pydantic.field_validator("sha256")
    @classmethod
    def _is_inside(cls, sha256: dict[str, str]) -> dict[str, str]:
        for name in sha256:
            if re.search(r"[\0:]", name) or {"", ".", ".."} & set(re.split(r"[/\\]", name)):
                raise ValueError(f"{name!r} is not a file of a checkpoint")
        if not {WEIGHTS, OPTIMIZER} <= sha256.keys():
            raise ValueError(f"has no {WEIGHTS} or no {OPTIMIZER}")
        return sha256


def write_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Write `checkpoint.json`, with a checksum of what it says."""
    content = {**facts, _DIGEST: _digest(facts)}
    write_text(folder / FACTS, json.dumps(content, ensure_ascii=False, indent=1))


def read_facts(folder: Path) -> dict[str, Any]:
    """Read `checkpoint.json`: model, kind, progress, data, config, versions, sha256.

    Raises:
        UserError: there is none, it is damaged, or of another version, which said other things.
    """
    path = folder / FACTS
    try:
        text = path.read_text(encoding="utf-8")
        facts = json.loads(text)
        if _DIGEST not in facts and "versions" in facts:
            raise UserError(
                f"{path}: was saved by textzoo {facts['versions']['textzoo']}, which wrote no "
                f"{_DIGEST} yet; train anew, or use that version"
            )
        if facts.pop(_DIGEST) != _digest(facts):
            raise ValueError("it was changed since it was saved")
        _Facts.model_validate_json(text)
    except FileNotFoundError:
        found = "a folder without it" if folder.is_dir() else "no such folder"
        raise UserError(f"{folder}: is not a checkpoint: expected {FACTS}, found {found}") from None
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None
    except pydantic.ValidationError as failure:
        first = failure.errors()[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        if isinstance(own := facts.get("versions"), dict):
            version = own.get("textzoo")
            if isinstance(version, str) and version != textzoo.__version__:  # and as it was saved
                raise UserError(
                    f"{path}: was saved by textzoo {version}, and this is "
                    f"{textzoo.__version__} ({problem}); train anew, or use that version"
                ) from None
        raise UserError(f"{path}: is damaged ({problem}); use another checkpoint") from None
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as failure:
        raise UserError(f"{path}: is damaged ({failure}); use another checkpoint") from None
    return facts


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
