"""What infer.py left of an evaluation, read back: row by row what was right and what was given."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Optional, Union

import numpy as np
import pydantic
from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import NotRequired, TypedDict

from textzoo.called import program
from textzoo.errors import UserError, shortened, shown
from textzoo.evaluation.outcomes import GivenRows
from textzoo.evaluation.result_files import METRICS, PREDICTIONS
from textzoo.files import read_json
from textzoo.metrics.names import family

_MOST = 2**53  # what is counted: a float holds each number up to it
_ALIKE = 1e-5  # metrics as they were written and as the rows give them


class _Row(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True)  # pyright: ignore

    text: str
    tags: list[str]
    ranks: NotRequired[list[Optional[Annotated[int, Field(ge=1)]]]]
    predicted: NotRequired[Union[list[str], dict[str, Annotated[int, Field(ge=0, le=1000)]]]]


_ROW = TypeAdapter(_Row)


@dataclass
class SavedResults:
    """The results of one evaluation.

    Attributes:
        folder: that infer.py wrote to.
        texts: of the rows.
        rows: what is right for them and what was given.
        metrics: as they were written, those that the rows tell, by name.
        untold: the names of the others.
    """

    folder: Path
    texts: list[str]
    rows: GivenRows
    metrics: dict[str, float]
    untold: list[str]

    @classmethod
    def read(cls, place: Path) -> "SavedResults":
        """Read the results in a folder, or in the folder `infer` of a run.

        Raises:
            UserError: there are none, they are damaged, or of another version, which wrote less.
        """
        folder = next((own for own in (place, place / "infer") if (own / METRICS).is_file()), None)
        if folder is None:
            inside = sorted(path.parents[1].name for path in place.glob(f"*/infer/{METRICS}"))
            raise UserError(
                f"{place}: holds no {METRICS}, expected what {program('infer')} writes: its "
                "runner.infer_output_dir, or the run's folder"
                + (f". There are such runs in it: {', '.join(inside)}" if inside else "")
            )
        facts = _facts(folder / METRICS)
        path = folder / PREDICTIONS
        if not path.is_file():
            raise UserError(
                f"{folder}: holds no {PREDICTIONS}, expected the results of one checkpoint: "
                "evaluate one, with runner.infer_checkpoint"
            )
        read = list(_rows(path))
        if not read:
            raise UserError(f"{path}: received no rows, expected some")
        rows = _given(path, read, facts["labels"])
        if facts["rows"] == sum(map(bool, rows.gold)) != len(read):
            counted = [i for i, gold in enumerate(rows.gold) if gold]
            rows, read = rows.chosen(counted), [read[i] for i in counted]
        if len(read) != facts["rows"]:
            raise UserError(
                f"{path}: received {len(read)} rows, expected the {facts['rows']} of {METRICS} "
                f"beside it; run {program('infer')} again"
            )
        kind = "levels" if rows.is_graded else "tags"
        told = {k: v for k, v in facts.items() if isinstance(v, float) and family(k, kind)}
        found = {k: v for k, v in told.items() if rows.tells(k)}
        untold = [name for name in told if name not in found]
        return cls(folder, [row["text"] for row in read], rows, found, untold)

    def check_values(self, values: dict[str, np.ndarray]) -> None:
        """Refuse rows that do not give the metrics that were written.

        Raises:
            UserError: they are of another evaluation.
        """
        for name, value in values.items():
            if not abs(float(value[0]) - self.metrics[name]) <= _ALIKE:  # as NaN never is
                raise UserError(
                    f"{self.folder}: {METRICS} tells {name} {self.metrics[name]:.6f}, but the "
                    f"rows of {PREDICTIONS} give {float(value[0]):.6f}: they are of two "
                    f"evaluations; run {program('infer')} again"
                )


def check_same_rows(first: SavedResults, second: SavedResults) -> None:
    """Refuse results of different rows.

    Raises:
        UserError: they differ in number, or naming the first one that differs.
    """
    if first.rows.is_graded != second.rows.is_graded:
        raise UserError(f"{second.folder}: is of another kind of model than {first.folder}")
    labels = [{*(of.rows.predicted or [()])[0]} for of in (first, second)]
    if first.rows.is_graded and labels[0] != labels[1]:
        raise UserError(f"{second.folder}: has levels of other labels than {first.folder}")
    for name, ours, theirs in (
        ("the text", first.texts, second.texts),
        ("the labels", first.rows.gold, second.rows.gold),
    ):
        for place, (own, other) in enumerate(zip(ours, theirs), 1):
            if own != other:
                raise UserError(
                    f"{second.folder}: row {place} has {name} {shown(other)}, but {shown(own)} in "
                    f"{first.folder}; expected two evaluations of the same rows"
                )
    if len(first.texts) != len(second.texts):
        raise UserError(
            f"{second.folder}: received {len(second.texts)} rows, expected the {len(first.texts)} "
            f"of {first.folder}: two evaluations of the same rows"
        )


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = read_json(path)
    except (OSError, ValueError) as failure:
        raise UserError(f"{path}: cannot be read: {failure}") from None
    if not isinstance(facts, dict) or not _is_count(facts.get("rows")):
        raise UserError(f"{path}: expected the metrics of an evaluation with their `rows`")
    if facts.get("labels") is None:
        raise UserError(
            f"{path}: tells no `labels`, as an earlier version wrote it; run {program('infer')} "
            "again"
        )
    if not _is_count(facts["labels"]):
        raise UserError(f"{path}: labels: received {shown(facts['labels'])}, expected how many")
    return facts


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 < value <= _MOST


def _rows(path: Path) -> Iterator[_Row]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield _ROW.validate_json(line)
                except pydantic.ValidationError as failure:
                    first = failure.errors()[0]
                    key = ".".join(map(str, first["loc"]))
                    raise UserError(
                        f"{path}:{number}: {shortened(f'{key}: ' * bool(key) + first['msg'])}; "
                        f"expected a line as {program('infer')} writes it"
                    ) from None
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None


def _check_levels(path: Path, gold: list[list[str]], predicted: list[Any]) -> None:
    """Refuse rows of levels that are not of the same labels.

    Raises:
        UserError: naming the first one.
    """
    for number, (tags, own) in enumerate(zip(gold, predicted), 1):
        parts = [tag.rpartition(":") for tag in tags]
        is_right = all(label in own and level.isdecimal() for label, _, level in parts)
        if not is_right or own.keys() != predicted[0].keys():
            raise UserError(
                f"{path}:{number}: received levels of other labels, expected those of "
                f"{shown([*predicted[0]])}"
            )


def _given(path: Path, read: list[_Row], n_labels: int) -> GivenRows:
    """What the rows tell.

    Raises:
        UserError: they do not tell alike, or less than is needed.
    """
    gold, predicted = [row["tags"] for row in read], [row.get("predicted") for row in read]
    if all(isinstance(own, dict) for own in predicted):
        _check_levels(path, gold, predicted)
        return GivenRows(gold, None, predicted, n_labels, True)
    for number, row in enumerate(read, 1):
        ranks = row.get("ranks")
        if ranks is None or isinstance(row.get("predicted"), dict):
            raise UserError(
                f"{path}:{number}: tells no `ranks`, as an earlier version wrote it; run "
                f"{program('infer')} again"
            )
        if len(ranks) != len(row["tags"]):
            raise UserError(
                f"{path}:{number}: received {len(ranks)} ranks, expected one for each of "
                f"{len(row['tags'])} tags"
            )
        if (last := max(filter(None, ranks), default=0)) > n_labels:
            raise UserError(
                f"{path}:{number}: received rank {shown(last)}, expected at most {n_labels}: "
                f"{METRICS} beside it tells so many labels"
            )
    ranks = [[np.inf if rank is None else rank for rank in row.get("ranks", ())] for row in read]
    has_sets = all(isinstance(own, list) for own in predicted)
    return GivenRows(gold, ranks, predicted if has_sets else None, n_labels, False)
