"""What is predicted for texts, as predictions.jsonl and the server show it."""

import json
from collections.abc import Sequence
from typing import Any, Optional, Protocol, TextIO

import numpy as np

from textzoo.data.cache import Rows
from textzoo.evaluation.label_predictions import LabelPredictions
from textzoo.evaluation.level_predictions import LevelPredictions
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.names import Kind
from textzoo.metrics.thresholds import Threshold
from textzoo.text.reader import Feeds


class Predictions(Protocol):
    """Names what is predicted, from the outputs of a net."""

    def of_batch(self, outputs: Feeds) -> list[dict[str, Any]]:
        """What is predicted for each text of a batch, see `Model.infer_forward`."""
        ...


def predictions_of(
    kind: Kind,
    names: Sequence[str],
    top_k: int,
    threshold: Optional[Threshold],
    calibration: Optional[Calibration] = None,
) -> Predictions:
    """What names the predictions of a kind of model.

    Args:
        kind: `tags` or `levels`.
        names: of all labels.
        top_k: how many labels to list.
        threshold: the score above which a label is predicted; None: there is no such score.
        calibration: what turns scores of `tags` into probabilities, if that is known.
    """
    if kind == "levels":
        return LevelPredictions(names, top_k)
    return LabelPredictions(names, top_k, threshold, calibration)


class Described(Protocol):
    """Shows a line of a file; see `Reader.describe`."""

    def describe(self, line: str) -> dict[str, Any]:
        """The line's text and its own labels."""
        ...


class PredictionFile:
    """Writes one JSON object per row: what the row says, and what is predicted for it.

    Args:
        file: where to write.
        reader: what describes a row.
    """

    def __init__(self, file: TextIO, reader: Described):
        self._file = file
        self._reader = reader
        self._pool: list[tuple[int, dict[str, Any]]] = []

    def add(self, numbers: np.ndarray, predicted: Sequence[dict[str, Any]]) -> None:
        """Note a batch: row numbers `[batch]`, and what is predicted for each."""
        self._pool += zip(numbers.tolist(), predicted)

    def add_ranked(
        self,
        numbers: np.ndarray,
        predicted: Sequence[dict[str, Any]],
        ranks: np.ndarray,
        gold_counts: np.ndarray,
    ) -> None:
        """The same with `ranks`, the place of each of the row's own labels among all.

        Args:
            numbers: `[batch]` of the rows.
            predicted: what is predicted for each.
            ranks: `[batch, longest]`, see `LabelMetrics.update`; infinity is written as null.
            gold_counts: `[batch]` labels of each row.
        """
        places = (
            [int(rank) if np.isfinite(rank) else None for rank in own[:count]]
            for own, count in zip(ranks, gold_counts)
        )
        self.add(numbers, [{**row, "ranks": own} for row, own in zip(predicted, places)])

    def end_pool(self, rows: Rows) -> None:
        """Write the rows noted since the last call, in the order of the file."""
        for number, predicted in sorted(self._pool, key=lambda pair: pair[0]):
            row = self._reader.describe(rows.line(number).text) | predicted
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._pool = []
