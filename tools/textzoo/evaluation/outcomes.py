"""What each row adds to metrics: sums, from which the metrics of any choice of rows follow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

import numpy as np
from scipy import sparse

from textzoo.metrics.names import family
from textzoo.metrics.ranking import of_rows
from textzoo.metrics.thresholds import ratios

SparseRows = Any  # scipy.sparse.csr_matrix: SciPy brings no types
Values = dict[str, np.ndarray]  # of each metric, by name, `[choices of rows]`

_OF_ALL_LABELS = (
    "pairwise_accuracy",
    "hamming_loss",
    "macro_f1",
    "macro_precision",
    "macro_recall",
)


@dataclass
class GivenRows:
    """What is right for rows, and what a model gave for them.

    Attributes:
        gold: the labels of each row; of levels those above 0, as `label:level`.
        ranks: the place of each of them among all labels, infinity for one that was not found;
            None: it is a model of levels.
        predicted: the labels of each row above their threshold, or its level of each label; None:
            there is no threshold.
        n_labels: how many labels were ranked.
        is_graded: whether it is a model of levels.
    """

    gold: Sequence[Sequence[str]]
    ranks: Optional[Sequence[Sequence[float]]]
    predicted: Optional[Sequence[Any]]
    n_labels: int
    is_graded: bool

    def __len__(self) -> int:
        return len(self.gold)

    def chosen(self, rows: Sequence[int]) -> "GivenRows":
        """These rows alone."""
        ranks = self.ranks and [self.ranks[i] for i in rows]
        predicted = self.predicted and [self.predicted[i] for i in rows]
        gold = [self.gold[i] for i in rows]
        return GivenRows(gold, ranks, predicted, self.n_labels, self.is_graded)

    def tells(self, name: str) -> bool:
        """Whether a metric follows from the rows: not so where weights of labels count."""
        kind = family(name, "levels" if self.is_graded else "tags")
        return kind in ("ranking", "levels") or (kind == "label sets" and bool(self.predicted))


class Outcomes(NamedTuple):
    """What the rows of one evaluation add up to.

    Attributes:
        sums: `[rows, n]` what each row adds.
        values: from `[choices, n]` sums over rows, and how many rows each choice has, to the
            metrics of each choice.
    """

    sums: SparseRows
    values: Callable[[np.ndarray, int], Values]

    def of(self, sums: np.ndarray) -> Values:
        """The metrics of choices of as many rows as there are."""
        return self.values(sums, self.sums.shape[0])

    def of_all(self) -> Values:
        """The metrics of all rows, once."""
        return self.of(np.asarray(self.sums.sum(axis=0)).reshape(1, -1))


def same_labels_needed(name: str) -> bool:
    """Whether a metric means another thing among another number of labels."""
    return name in _OF_ALL_LABELS


def outcomes_of(several: Sequence[GivenRows], names: Sequence[str]) -> list[Outcomes]:
    """What the rows of evaluations of one kind of model add up to, column by column the same.

    Args:
        several: what each model gave.
        names: of metrics that these rows tell.
    """
    if several[0].is_graded:
        return [_of_levels(rows, names, several) for rows in several]
    return [_of_labels(rows, names, _ever_hit(several)) for rows in several]


def _of_labels(rows: GivenRows, names: Sequence[str], places: dict[str, int]) -> Outcomes:
    counts = np.array([len(own) for own in rows.gold])
    means = [name for name in names if not _is_of_counts(name)]
    columns = [_mean_column(rows, name, counts) for name in means]
    blocks = [sparse.csr_matrix(np.array(columns, float).reshape(len(means), len(rows)).T)]
    blocks.append(sparse.csr_matrix(_set_counts(rows, counts)))
    blocks += _counts_by_label(rows, places)
    n_labels = rows.n_labels

    def values(sums: np.ndarray, n_rows: int) -> Values:
        found = {name: sums[:, place] / n_rows for place, name in enumerate(means)}
        hits, predicted, gold = sums[:, len(means) : len(means) + 3].T
        by_label = np.split(sums[:, len(means) + 3 :], 3, axis=1)
        of_labels = ratios(*by_label) if by_label[0].size else {}
        for measure, of_all in ratios(hits, predicted, gold).items():
            each = of_labels.get(measure, np.zeros((len(sums), 1)))
            weights = by_label[2] if of_labels else each
            found[f"micro_{measure}"] = of_all
            found[f"macro_{measure}"] = each.sum(axis=1) / n_labels
            found[f"weighted_{measure}"] = (each * weights).sum(axis=1) / np.maximum(gold, 1)
        return {name: found[name] for name in names}

    return Outcomes(sparse.hstack(blocks, format="csr"), values)


def _is_of_counts(name: str) -> bool:
    """Whether a metric follows from sums of counts alone: it is no mean over rows."""
    return name.partition("_")[0] in ("micro", "macro", "weighted")


def _mean_column(rows: GivenRows, name: str, counts: np.ndarray) -> np.ndarray:
    """What a metric that is a mean over rows is for each row, `[rows]`."""
    if family(name) == "ranking":
        ranks = np.full((len(rows), max(1, counts.max(initial=0))), np.inf)
        inside = np.arange(ranks.shape[1]) < counts[:, None]
        ranks[inside] = [rank for own in rows.ranks or () for rank in own]
        ranks = np.sort(ranks, axis=1)
        return of_rows(name, ranks, np.maximum(counts, 1), rows.n_labels)
    hits, predicted, gold = _set_counts(rows, counts).T
    if name == "subset_accuracy":
        return (hits == predicted) & (hits == gold)
    if name == "hamming_loss":
        return (predicted + gold - 2 * hits) / rows.n_labels
    return ratios(hits, predicted, gold)[name.removeprefix("samples_")]


def _set_counts(rows: GivenRows, counts: np.ndarray) -> np.ndarray:
    """Of each row how many labels are rightly predicted, predicted, and gold, `[rows, 3]`."""
    if rows.predicted is None:
        return np.zeros((len(rows), 3))
    hits = [len({*own} & {*gold}) for own, gold in zip(rows.predicted, rows.gold)]
    return np.column_stack([hits, [len(own) for own in rows.predicted], counts]).astype(float)


def _ever_hit(several: Sequence[GivenRows]) -> dict[str, int]:
    """A number for each label that is rightly predicted anywhere: all others have an F1 of 0."""
    found: dict[str, int] = {}
    for rows in several:
        for own, gold in zip(rows.predicted or (), rows.gold):
            for label in own:
                if label in gold:
                    found.setdefault(label, len(found))
    return found


def _counts_by_label(rows: GivenRows, places: dict[str, int]) -> list[SparseRows]:
    """For each label whether a row rightly has it, has it, and is to have it, `[rows, labels]`."""
    predicted = rows.predicted or [()] * len(rows)
    hits = [[label for label in own if label in gold] for own, gold in zip(predicted, rows.gold)]
    return [
        _ones([[places[x] for x in own if x in places] for own in each], len(places))
        for each in (hits, predicted, rows.gold)
    ]


def _ones(columns: Sequence[Sequence[int]], n_columns: int) -> SparseRows:
    """1 in these columns of each row."""
    counts = np.array([len(own) for own in columns], np.int64)
    flat = np.fromiter((place for own in columns for place in own), np.int64, int(counts.sum()))
    ends = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_matrix((np.ones(len(flat)), flat, ends), (len(columns), n_columns))


def _of_levels(rows: GivenRows, names: Sequence[str], several: Sequence[GivenRows]) -> Outcomes:
    labels = list((rows.predicted or [{}])[0])
    gold, predicted = _levels(rows, labels)
    n_levels = 1 + max(
        int(levels.max(initial=0)) for own in several for levels in _levels(own, labels)
    )
    distance = np.abs(gold - predicted)
    means = {
        "level_accuracy": (distance == 0).mean(axis=1),
        "level_error": distance.mean(axis=1),
        "subset_accuracy": (distance == 0).all(axis=1),
    }
    is_gold, is_predicted = (np.eye(n_levels)[levels] for levels in (gold, predicted))
    shape = (len(rows), len(labels) * n_levels)
    blocks = [
        np.column_stack(list(means.values())),
        (is_gold * is_predicted).reshape(shape),
        (is_gold + is_predicted).reshape(shape),
    ]

    def values(sums: np.ndarray, n_rows: int) -> Values:
        found = {name: sums[:, place] / n_rows for place, name in enumerate(means)}
        right, both = (
            sums[:, len(means) :].reshape(len(sums), 2, len(labels), n_levels).swapaxes(0, 1)
        )
        f1 = 2 * right / np.maximum(both, 1)
        found["macro_f1"] = (f1.sum(axis=2) / (both > 0).sum(axis=2)).mean(axis=1)
        return {name: found[name] for name in names}

    return Outcomes(sparse.csr_matrix(np.hstack(blocks)), values)


def _levels(rows: GivenRows, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The levels that are right and those that were given, `[rows, labels]` each."""
    places = {label: place for place, label in enumerate(labels)}
    gold = np.zeros((len(rows), len(labels)), np.int64)
    for row, own in enumerate(rows.gold):
        for tag in own:
            label, _, level = tag.rpartition(":")
            gold[row, places[label]] = int(level)
    predicted = np.array([[own[label] for label in labels] for own in rows.predicted or ()])
    return gold, predicted
