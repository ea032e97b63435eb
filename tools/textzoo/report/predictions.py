"""What the predictions of a run show, read in one pass: hits, confusions, examples.

Of labels, those count as predicted that score above their threshold. Without thresholds, it is as
many of a text's best labels as it has; of levels, the level of every label; of embeddings, the
nearest text.
"""

import heapq
import re
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np

from textzoo.metrics.calibration import Reliability
from textzoo.metrics.thresholds import ThresholdCurve, ratios, threshold_curve
from textzoo.report import N_WRONG
from textzoo.report.files import read_rows

N_EXAMPLES = 8
NO_LABEL = ""
_LOW = 0xFFFFFFFF  # the bits of a pair that are the predicted label

Row = dict[str, Any]


class Mistake(NamedTuple):
    """A wrong prediction; mistakes are ordered by score.

    Attributes:
        score: of the wrong label.
        place: the number of its row, from 0, negated: of equal scores the first one counts.
        label: what was predicted.
        row: of predictions.jsonl.
    """

    score: float
    place: int
    label: str
    row: Row


class Confusion(NamedTuple):
    """A label that was predicted in place of another one.

    Attributes:
        gold: the label that was missed, or `NO_LABEL`.
        predicted: the one that was wrongly predicted, or `NO_LABEL`.
        count: in how many texts.
    """

    gold: str
    predicted: str
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]


@dataclass
class Predictions:
    """What predictions.jsonl shows.

    Attributes:
        kind: `tags`, `levels` or `embeddings`.
        n_rows: rows that count.
        n_gold: labels that they have together.
        gold: how many rows have a label.
        predicted: for how many it was predicted.
        hits: for how many rightly.
        wrong: the mistakes with the highest scores, the highest first.
        examples: rows from all over the file.
    """

    kind: str
    n_rows: int = 0
    n_gold: int = 0
    gold: Counter = field(default_factory=Counter)
    predicted: Counter = field(default_factory=Counter)
    hits: Counter = field(default_factory=Counter)
    wrong: list[Mistake] = field(default_factory=list)
    examples: list[Row] = field(default_factory=list)
    _ids: dict[str, int] = field(default_factory=dict)
    _pairs: array = field(default_factory=lambda: array("q"))
    _scores: array = field(default_factory=lambda: array("f"))
    _probabilities: array = field(default_factory=lambda: array("d"))
    _is_hit: array = field(default_factory=lambda: array("b"))
    _listed: set[str] = field(default_factory=set)
    _n_listed: int = 0
    _highest_last: float = -np.inf
    _most_gold: int = 0

    @classmethod
    def read(cls, path: Path, kind: str, n_counted: Optional[int]) -> Optional["Predictions"]:
        """Read a predictions.jsonl, if there is one.

        Args:
            path: the file.
            kind: of the model.
            n_counted: how many rows the metrics are over; if not all, those without labels are
                left out here too.
        """
        if not path.is_file():
            return None
        with path.open("rb") as file:
            n_rows = sum(1 for _ in file)
        shown = set(np.linspace(0, n_rows - 1, N_EXAMPLES).astype(int).tolist())
        all_count = n_counted in (None, n_rows)
        found = cls(kind)
        for place, row in enumerate(read_rows(path, kind)):
            if place in shown:
                found.examples.append(row)
            if row["tags"] or all_count:
                found._add(place, row)
        found.wrong.sort(reverse=True)
        return found if found.n_rows else None

    @property
    def is_complete_above(self) -> Optional[float]:
        """Above which score no row has labels that its list lacks; None: no row lacks any."""
        if self.kind == "embeddings" or len(self._listed.union(self.gold)) <= self._n_listed:
            return None
        return self._highest_last

    @property
    def has_one_label_a_row(self) -> bool:
        """Whether each row has exactly one label of its own."""
        return self._most_gold == 1 and self.n_gold == self.n_rows

    def curve(self) -> ThresholdCurve:
        """Precision, recall and F1 of what is listed by threshold; of embeddings, of the first."""
        return threshold_curve(
            np.frombuffer(self._scores, np.float32),
            np.frombuffer(self._is_hit, np.int8).astype(bool),
            self.n_gold,
        )

    def reliability(self) -> Optional[Reliability]:
        """How far the probabilities of what is listed can be trusted; None: it has none."""
        if not self._probabilities or len(self._probabilities) != len(self._is_hit):
            return None
        found = Reliability()
        hits = np.frombuffer(self._is_hit, np.int8).astype(bool)
        found.update(np.frombuffer(self._probabilities, np.float64), hits)
        return found

    @property
    def n_confusions(self) -> int:
        """How many different pairs of labels were confused."""
        return len(self._counted_pairs[0])

    def confusions(
        self, most: Optional[int] = None, among: Optional[Sequence[str]] = None
    ) -> list[Confusion]:
        """Labels that were predicted in place of others, the commonest first.

        What was missed alone, or predicted alone, comes after what was taken for something else.

        Args:
            most: how many pairs; default: all.
            among: only those of two of these labels.
        """
        names = list(self._ids)
        pairs, counts = self._counted_pairs
        if among is not None:
            ids = [self._ids[label] for label in among]
            chosen = np.isin(pairs >> 32, ids) & np.isin(pairs & _LOW, ids)
            pairs, counts = pairs[chosen], counts[chosen]
        return [
            Confusion(names[pair >> 32], names[pair & _LOW], count)
            for pair, count in zip(pairs[:most].tolist(), counts[:most].tolist())
        ]

    @cached_property
    def _counted_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        pairs, counts = np.unique(np.frombuffer(self._pairs, np.int64), return_counts=True)
        nothing = self._ids.get(NO_LABEL, -1)
        is_alone = (pairs >> 32 == nothing) | (pairs & _LOW == nothing)
        order = np.lexsort((-counts, is_alone))
        return pairs[order], counts[order]

    def labels(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and support of each label."""
        names = sorted(self.gold | self.predicted, key=label_order)
        columns = [
            np.array([counts[name] for name in names])
            for counts in (self.hits, self.predicted, self.gold)
        ]
        figures = {**ratios(*columns), "support": columns[2]}
        return {
            name: {key: values[i].item() for key, values in figures.items()}
            for i, name in enumerate(names)
        }

    def _add(self, place: int, row: Row) -> None:
        top = {best["tag"]: best["score"] for best in row["top"]}
        gold, predicted = _gold(row), _predicted(row, self.kind)
        self.n_rows += 1
        self.n_gold += len(gold)
        self._most_gold = max(self._most_gold, len(gold))
        self.gold.update(gold)
        self.predicted.update(predicted)
        self.hits.update(gold & predicted)
        if self.kind != "embeddings" and gold != predicted:
            self._add_pairs(gold - predicted, predicted - gold)
        listed = list(top.items())[: 1 if self.kind == "embeddings" else None]
        self._scores.extend(score for _, score in listed)
        self._is_hit.extend(label in gold for label, _ in listed)
        if self.kind == "tags":
            self._probabilities.extend(
                best["probability"] for best in row["top"] if "probability" in best
            )
        self._listed.update(top)
        self._n_listed = max(self._n_listed, len(listed))
        if listed:
            self._highest_last = max(self._highest_last, listed[-1][1])
        wrong = [(top[label], label) for label in predicted - gold if label in top]
        if wrong:
            mistake = Mistake(max(wrong)[0], -place, max(wrong)[1], row)
            if len(self.wrong) < N_WRONG:
                heapq.heappush(self.wrong, mistake)
            else:
                heapq.heappushpop(self.wrong, mistake)

    def _add_pairs(self, missed: set[str], wrong: set[str]) -> None:
        for gold in sorted(missed) or [NO_LABEL]:
            for label in sorted(wrong) or [NO_LABEL]:
                # Of levels, only those of one label can be taken for each other.
                if self.kind != "levels" or _label(gold) == _label(label):
                    one, other = (self._ids.setdefault(x, len(self._ids)) for x in (gold, label))
                    self._pairs.append(one << 32 | other)


def label_order(label: str) -> tuple[bool, float, str]:
    """What labels are sorted by: numbers by their value, before texts."""
    is_number = re.fullmatch(r"-?\d+(\.\d+)?", label) is not None
    return not is_number, float(label) if is_number else 0.0, label


def _gold(row: Row) -> set[str]:
    """The row's own labels; of levels, also those at 0, which the row does not name."""
    if not isinstance(row.get("predicted"), dict):
        return set(row["tags"])
    given = set(map(_label, row["tags"]))
    return {*row["tags"], *(f"{label}:0" for label in row["predicted"] if label not in given)}


def _predicted(row: Row, kind: str) -> set[str]:
    predicted = row.get("predicted")
    if isinstance(predicted, dict):
        return {f"{label}:{level}" for label, level in predicted.items()}
    if predicted is not None and kind == "tags":
        return set(predicted)
    n_best = 1 if kind == "embeddings" else len(row["tags"])
    return {best["tag"] for best in row["top"][:n_best]}


def _label(graded: str) -> str:
    return graded.rpartition(":")[0]


def level(graded: str) -> str:
    """The level of `label:level`."""
    return graded.rpartition(":")[2]
