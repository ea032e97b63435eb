"""All metrics of labels that a text has or has not."""

from collections.abc import Sequence
from typing import Any, Optional, Protocol

import numpy as np

from textzoo.config.schema import Runner
from textzoo.errors import UserError
from textzoo.metrics.calibration import Calibration, CalibrationPairs, Reliability
from textzoo.metrics.label_table import LabelTable
from textzoo.metrics.names import CALIBRATED, PREDICTABLE, check_metric_names, family
from textzoo.metrics.propensity import PropensityMetrics, inverse_propensities
from textzoo.metrics.ranking import RankingMetrics
from textzoo.metrics.thresholds import Threshold, ThresholdMetrics, hits_among


class Labels(Protocol):
    """What metrics ask of labels; see `Reader`, which a corpus of texts to find stands in for."""

    @property
    def label_names(self) -> Sequence[str]:
        """The labels in the order of their ids."""
        ...

    @property
    def rows_without_labels_count(self) -> bool:
        """Whether a row without labels has none; otherwise it is left out."""
        ...

    @property
    def label_counts(self) -> Optional[np.ndarray]:
        """`[labels]` training rows with each label, if they are counted."""
        ...

    @property
    def n_train_rows(self) -> int:
        """How many training rows there were."""
        ...


class LabelMetrics:
    """All metrics of one evaluation, fed batch by batch.

    Propensities come from the counts of labels that the reader keeps. Without a threshold, what
    `runner.threshold` says is chosen on these rows, and told among the results.

    Args:
        names: of the metrics, see `names`.
        runner: the config's `runner` block.
        labels: the model's reader, or what stands in for it.
        threshold: the score above which a label is predicted; None: it is chosen on these rows.
        calibration: the one whose probabilities are judged, if there is one. It is no metric to
            ask for: on the rows it was fitted to, its error would be too small.

    Attributes:
        more: what else is told among the results, by name.

    Raises:
        UserError: there is no such metric, or the model's reader keeps no counts of labels.
    """

    def __init__(
        self,
        names: list[str],
        runner: Runner,
        labels: Labels,
        threshold: Optional[Threshold] = None,
        calibration: Optional[Calibration] = None,
    ):
        check_metric_names(names, "tags")
        self.more: dict[str, Any] = {}
        self._names = names
        self._label_names = labels.label_names
        self._n_labels = len(self._label_names)
        self._per_label = runner.threshold == "per_label"
        self._shrinkage = runner.threshold_shrinkage
        self._all_rows = labels.rows_without_labels_count
        self._threshold = threshold
        self._thresholded = [name for name in names if family(name) == "label sets"]
        weighted = [name for name in names if family(name) == "propensity"]
        self._ranking = RankingMetrics([name for name in names if family(name) == "ranking"])
        self._weighted = _propensity_metrics(weighted, runner, labels) if weighted else None
        self._sets = ThresholdMetrics(self._n_labels) if self._thresholded else None
        self._others = ThresholdMetrics(self._n_labels)
        self._top_k = runner.top_k
        self._given_calibration = calibration
        self._pairs, self._reliability = CalibrationPairs(), Reliability()

    def update(
        self,
        ranks: np.ndarray,
        gold: np.ndarray,
        gold_counts: np.ndarray,
        labels: np.ndarray,
        scores: np.ndarray,
    ) -> None:
        """Add a batch.

        Args:
            ranks: `[batch, longest]` of each gold label; infinity if beyond the best labels.
            gold: `[batch, longest]` label ids, -1 for unknown ones and for padding.
            gold_counts: `[batch]` gold labels of each row, unknown ones included.
            labels: `[batch, n]` best labels.
            scores: `[batch, n]` their scores.
        """
        if not self._all_rows:
            facts = (ranks, gold, gold_counts, labels, scores)
            ranks, gold, gold_counts, labels, scores = (part[gold_counts > 0] for part in facts)
        self._ranking.update(ranks, np.maximum(gold_counts, 1), self._n_labels)
        if self._weighted:
            self._weighted.update(ranks, gold, gold_counts)
        if self._sets:
            labels, scores = labels[:, :PREDICTABLE], scores[:, :PREDICTABLE]
            self._sets.update(labels, scores, gold, gold_counts)
        self._update_calibration(labels, scores, gold)

    def choose_on(
        self, labels: np.ndarray, scores: np.ndarray, gold: np.ndarray, gold_counts: np.ndarray
    ) -> None:
        """Have the threshold chosen on further rows, too, of which nothing else is measured.

        Arguments are those of `update`.
        """
        if not self._all_rows:
            facts = (labels, scores, gold, gold_counts)
            labels, scores, gold, gold_counts = (part[gold_counts > 0] for part in facts)
        self._others.update(labels[:, :PREDICTABLE], scores[:, :PREDICTABLE], gold, gold_counts)

    def _update_calibration(self, labels: np.ndarray, scores: np.ndarray, gold: np.ndarray) -> None:
        given = self._given_calibration
        n_best = self._top_k if given else max(self._top_k, CALIBRATED)
        scores, hits = scores[:, :n_best], hits_among(labels[:, :n_best], gold)
        if given:
            self._reliability.update(given(scores), hits)
        else:
            self._pairs.update(scores, hits)

    def result(self) -> dict[str, Any]:
        """The metrics by name in the order asked for, and `rows`.

        With them `threshold`, if there is one; if a calibration was given, how far the
        probabilities of the `runner.top_k` best labels are off, `expected_calibration_error`.
        """
        n_rows = self._ranking.rows
        if not n_rows:
            return {"rows": 0}
        values = self._ranking.result()
        if self._weighted:
            values |= self._weighted.result()
        more = dict(self.more)
        if self._sets:
            threshold = self._chosen_threshold(self._sets)
            values |= self._sets.result(self._thresholded, threshold)
            more["threshold"] = threshold
        if self._given_calibration:
            more["expected_calibration_error"] = self._reliability.expected_error
        return {**{name: values[name] for name in self._names}, **more, "rows": n_rows}

    def calibration(self) -> Optional[Calibration]:
        """What turns scores into probabilities: as given, or fitted to these rows."""
        return self._given_calibration or self._pairs.fitted()

    def _chosen_threshold(self, sets: ThresholdMetrics) -> Threshold:
        if self._threshold is None:
            sets = sets.beside(self._others)
            self._threshold = (
                sets.best_thresholds(self._shrinkage) if self._per_label else sets.best_threshold()
            )
        return self._threshold

    def report(self) -> Optional[LabelTable]:
        """The figures of each label, if rows were evaluated by predicted labels."""
        if not self._sets or not self._ranking.rows:
            return None
        threshold = self._chosen_threshold(self._sets)
        report = self._sets.report(threshold)._asdict()
        labels = {
            label: {name: figures[i].item() for name, figures in report.items()}
            for i, label in enumerate(self._label_names)
        }
        kinds = ("precision", "recall", "f1")
        averages = {}
        for average in ("micro", "macro", "weighted", "samples"):
            names = [f"{average}_{kind}" for kind in kinds]
            figures = self._sets.result(names, threshold)
            averages[f"{average} avg"] = dict(zip(kinds, figures.values()))
            averages[f"{average} avg"]["support"] = self._sets.n_gold
        return LabelTable(labels, averages)


def _propensity_metrics(names: list[str], runner: Runner, labels: Labels) -> PropensityMetrics:
    if labels.label_counts is None:
        raise UserError(f"runner.metrics: {names[0]}: this model's reader keeps no label counts")
    counts = np.append(labels.label_counts, 0)
    a, b = runner.propensity_a, runner.propensity_b
    weights = inverse_propensities(counts, labels.n_train_rows, a, b)
    return PropensityMetrics(names, weights[:-1], weights[-1])
