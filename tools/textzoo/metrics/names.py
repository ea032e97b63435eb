"""The names of metrics: which there are by what a model gives, and which way is better."""

import json
import re
from typing import Any, Literal, Optional

from textzoo.config.schema import Runner
from textzoo.errors import UserError

Kind = Literal["tags", "levels", "embeddings"]  # what a model gives for a text
Family = Literal["ranking", "propensity", "label sets", "levels"]

# Metrics of predicted sets look at so many of a row's best labels: none counts as predicted beyond.
# It bounds the memory of an evaluation, and is far above what any text has.
PREDICTABLE = 100

# Scores become probabilities by so many of a row's best labels at least. With few, labels further
# down would have the probability of those few; with very many, all would be fitted to the tail.
CALIBRATED = 10

_AVERAGES, _OF_SETS = ("micro", "macro", "weighted", "samples"), ("f1", "precision", "recall")
# With k for a number from 1.
_FAMILIES: dict[Family, tuple[str, ...]] = {
    "ranking": (
        *("accuracy", "mrr", "pairwise_accuracy"),
        *("precision@k", "recall@k", "ndcg@k"),
    ),
    "propensity": ("psp@k", "psndcg@k"),
    "label sets": (
        *(f"{average}_{measure}" for average in _AVERAGES for measure in _OF_SETS),
        *("subset_accuracy", "hamming_loss"),
    ),
    "levels": ("level_accuracy", "level_error", "macro_f1", "subset_accuracy"),
}
_BY_KIND: dict[Kind, tuple[Family, ...]] = {
    "tags": ("ranking", "propensity", "label sets"),
    "levels": ("levels",),
    "embeddings": ("ranking",),
}
_LOWER_IS_BETTER = ("hamming_loss", "level_error", "expected_calibration_error")


def family(name: str, kind: Kind = "tags") -> Optional[Family]:
    """The family of a metric of this kind of model; None if it has no such metric."""
    form = re.sub(r"@[1-9]\d*$", "@k", name) if not name.endswith("@k") else ""
    return next((each for each in _BY_KIND[kind] if form in _FAMILIES[each]), None)


def at(name: str) -> tuple[str, int]:
    """The measure and the k of a name such as `ndcg@5`; 0 where it has none."""
    measure, _, k = name.partition("@")
    return measure, int(k or 0)


def check_metric_names(names: list[str], kind: Kind, key: str = "runner.metrics") -> None:
    """Refuse names of metrics that this kind of model does not have.

    Raises:
        UserError: naming the first one, and all that there are.
    """
    for name in names:
        if family(name, kind) is None:
            valid = ", ".join(each for own in _BY_KIND[kind] for each in _FAMILIES[own])
            raise UserError(
                f"{key}: received {name!r}, expected {valid}"
                + ("; k is a number from 1" if "@k" in valid else "")
            )


def lower_is_better(name: str) -> bool:
    """Whether a metric is an error, of which less is better."""
    return name in _LOWER_IS_BETTER


def is_better(name: str, value: float, than: float) -> bool:
    """Whether one value of a metric is better than another one."""
    return value < than if lower_is_better(name) else value > than


def labels_needed(names: list[str], runner: Runner) -> int:
    """How many of a row's best labels these metrics and the outputs of a run look at."""
    needed = [runner.top_k, runner.save_scores, CALIBRATED]
    for name in names:
        if family(name) == "label sets":
            needed.append(PREDICTABLE)
        elif name in ("mrr", "pairwise_accuracy"):
            needed.append(2**31 - 1)  # all
        else:
            needed.append(at(name)[1])
    return max(needed)


def printed(metrics: dict[str, Any]) -> str:
    """The last line of a command that evaluates: JSON with 4 digits, where files are exact."""
    return f"metrics: {json.dumps(_rounded(metrics))}"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return round(value, 4) if isinstance(value, float) else value
