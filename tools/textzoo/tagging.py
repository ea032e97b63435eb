"""Evaluating and predicting with a model that scores labels for a text."""

import json
from collections.abc import Sequence
from typing import Any, Optional, TextIO

import numpy as np

from textzoo import propensity, thresholds
from textzoo.batching import inference_pools
from textzoo.cache import Rows
from textzoo.errors import UserError
from textzoo.label_report import LabelTable
from textzoo.metrics import RankingMetrics, gold_ranks, ranks_among
from textzoo.propensity import PropensityMetrics, inverse_propensities
from textzoo.schema import Runner
from textzoo.thresholds import Threshold, ThresholdMetrics, is_predicted

# Metrics at a threshold look at so many of a row's best labels: none of them counts as predicted
# beyond. It bounds the memory of an evaluation, and is far above what any text has.
_PREDICTABLE = 100


class Metrics:
    """All metrics of one evaluation, fed batch by batch.

    Propensities come from the counts of labels that the reader keeps. Without a threshold, what
    `runner.threshold` says is chosen on these rows, and told among the results.

    Rows without labels are left out, unless the reader says that they count.
    """

    def __init__(
        self, names: list[str], runner: Runner, reader: Any, threshold: Optional[Threshold] = None
    ):
        """Take the names of the metrics, see `RankingMetrics`, `propensity` and `thresholds`.

        Raises:
            UserError: a name is none of these, or the model's reader keeps no counts of labels.
        """
        check_metric_names(names)
        self._names = names
        self._label_names = reader.label_names
        self._n_labels = len(self._label_names)
        self._per_label = runner.threshold == "per_label"
        self._all_rows = getattr(reader, "rows_without_labels_count", False)
        self._threshold = threshold
        self._thresholded = [name for name in names if thresholds.NAME.fullmatch(name)]
        weighted = [name for name in names if propensity.NAME.fullmatch(name)]
        others = {*self._thresholded, *weighted}
        self._ranking = RankingMetrics([name for name in names if name not in others])
        self._weighted = _propensity_metrics(weighted, runner, reader) if weighted else None
        self._sets = ThresholdMetrics(self._n_labels) if self._thresholded else None

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
            labels, scores = labels[:, :_PREDICTABLE], scores[:, :_PREDICTABLE]
            self._sets.update(labels, scores, gold, gold_counts)

    def result(self) -> dict[str, float]:
        """The metrics by name in the order asked for; `threshold`, if there is one; `rows`."""
        n_rows = self._ranking.rows
        if not n_rows:
            return {"rows": 0}
        values = self._ranking.result()
        if self._weighted:
            values |= self._weighted.result()
        more = {}
        if self._sets:
            if self._threshold is None:
                sets = self._sets
                self._threshold = (
                    sets.best_thresholds() if self._per_label else sets.best_threshold()
                )
            values |= self._sets.result(self._thresholded, self._threshold)
            more = {"threshold": self._threshold}
        return {**{name: values[name] for name in self._names}, **more, "rows": n_rows}

    def report(self) -> Optional[LabelTable]:
        """The figures of each label, if rows were evaluated by predicted labels; after `result`."""
        if not self._sets or not self._ranking.rows:
            return None
        report = self._sets.report(self._threshold)._asdict()
        labels = {
            label: {name: figures[i].item() for name, figures in report.items()}
            for i, label in enumerate(self._label_names)
        }
        kinds = ("precision", "recall", "f1")
        averages = {}
        for average in ("micro", "macro", "weighted", "samples"):
            names = [f"{average}_{kind}" for kind in kinds]
            figures = self._sets.result(names, self._threshold)
            averages[f"{average} avg"] = dict(zip(kinds, figures.values()))
            averages[f"{average} avg"]["support"] = self._sets.n_gold
        return LabelTable(labels, averages)


def _propensity_metrics(names: list[str], runner: Runner, reader: Any) -> PropensityMetrics:
    if not hasattr(reader, "label_counts"):
        raise UserError(f"runner.metrics: {names[0]}: this model's reader keeps no label counts")
    counts = np.append(reader.label_counts, 0)
    a, b = runner.propensity_a, runner.propensity_b
    weights = inverse_propensities(counts, reader.n_train_rows, a, b)
    return PropensityMetrics(names, weights[:-1], weights[-1])


def check_metric_names(names: list[str]) -> None:
    """Refuse unknown names of metrics.

    Raises:
        UserError: naming the first unknown one, and all that there are.
    """
    others = (propensity.NAME, thresholds.NAME)
    RankingMetrics([n for n in names if not any(kind.fullmatch(n) for kind in others)])


def labels_needed(names: list[str], runner: Runner) -> int:
    """How many of a row's best labels these metrics and the outputs of a run look at."""
    needed = [runner.top_k, runner.save_scores]
    for name in names:
        if thresholds.NAME.fullmatch(name):
            needed.append(_PREDICTABLE)
        elif name in ("mrr", "pairwise_accuracy"):
            needed.append(2**31 - 1)  # all
        elif "@" in name:
            needed.append(int(name.partition("@")[2]))
    return max(needed)


def evaluate(
    run: Any,
    rows: Rows,
    chosen: np.ndarray,
    metrics: Metrics,
    batch_size: int,
    results: Sequence[Any] = (),
) -> dict[str, float]:
    """Metrics over rows that carry labels; results for all rows.

    Args:
        run: `DygraphRun` or `StaticRun` of a model whose outputs have `scores` of all labels, or
            `best_labels` with `best_scores`.
        rows: the encoded rows.
        chosen: `[n]` which of them to evaluate.
        metrics: the metrics to compute.
        batch_size: rows per batch.
        results: such as `Predictions` and `ScoreMatrix`, given the best labels of each batch.

    Returns:
        The metrics by name, and `rows`, the number of labelled rows they are over.
    """
    text, labels = (rows.columns[name] for name in run.model.columns)
    for pool in inference_pools(text.lengths(chosen), batch_size):
        for batch in pool:
            numbers = chosen[batch]
            outputs = run.infer_step(run.model.infer_feeds(rows.columns, numbers))
            gold, counts = labels.padded(numbers, fill=-1)
            ranks, best, scores = _ranking(outputs, gold, run.model.n_best)
            for result in results:
                result.add(numbers, best, scores)
            metrics.update(ranks, gold, counts, best, scores)
        for result in results:
            result.end_pool(rows)
        rows.release()
    return metrics.result()


def _ranking(
    outputs: dict[str, np.ndarray], gold: np.ndarray, n_best: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ranks of the gold labels, the best labels, and their scores."""
    if "scores" not in outputs:
        best, scores = best_labels(outputs, n_best)
        return ranks_among(best, gold), best, scores
    return gold_ranks(outputs["scores"], gold), *best_labels(outputs, n_best)


def best_labels(outputs: dict[str, np.ndarray], n_best: int) -> tuple[np.ndarray, np.ndarray]:
    """The best labels of each text and their scores, best first, both `[batch, n_best]` at most.

    Raises:
        FloatingPointError: a score is not finite.
    """
    if "scores" not in outputs:
        best, best_scores = outputs["best_labels"][:, :n_best], outputs["best_scores"][:, :n_best]
    else:
        scores = outputs["scores"]
        # A stable sort ranks equal scores by label id, as `gold_ranks` does.
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n_best]
        best_scores = np.take_along_axis(scores, best, axis=1)
    if not np.isfinite(best_scores).all():
        raise FloatingPointError("a score is not finite: the weights are damaged")
    return best, best_scores


def prediction(
    names: Sequence[str],
    labels: np.ndarray,
    scores: np.ndarray,
    top_k: int,
    threshold: Optional[Threshold],
) -> dict[str, Any]:
    """What is predicted for one text.

    Args:
        names: of all labels.
        labels: `[n]` best labels, best first; see `n_predictable`.
        scores: `[n]` their scores.
        top_k: how many of them to list.
        threshold: the score above which a label is predicted; None: there is no such score.

    Returns:
        `predicted`, names of labels, if there is a threshold; `top`, tags with scores.
    """
    found = {}
    if threshold is not None:
        chosen = labels[is_predicted(labels, scores, threshold)]
        found["predicted"] = [names[label] for label in chosen]
    found["top"] = [
        {"tag": names[label], "score": round(float(score), 6)}
        for label, score in zip(labels[:top_k], scores)
    ]
    return found


def predictions(
    names: Sequence[str], outputs: dict[str, np.ndarray], top_k: int, threshold: Optional[Threshold]
) -> list[dict[str, Any]]:
    """What is predicted for each text of a batch, from its outputs; see `prediction`."""
    labels, scores = best_labels(outputs, n_predictable(top_k, threshold))
    return [prediction(names, *row, top_k, threshold) for row in zip(labels, scores)]


def n_predictable(top_k: int, threshold: Optional[Threshold]) -> int:
    """How many of a text's best labels a prediction looks at."""
    return top_k if threshold is None else max(top_k, _PREDICTABLE)


class Predictions:
    """Writes one JSON object per row: what the row says, and its top labels with scores."""

    def __init__(
        self, file: TextIO, reader: Any, top_k: int, threshold: Optional[Threshold] = None
    ):
        """Take where to write, and the threshold above which labels are `predicted`, if any."""
        self._file = file
        self._reader = reader
        self._top_k = top_k
        self._threshold = threshold
        self._n_kept = n_predictable(top_k, threshold)
        self._pool: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, numbers: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> None:
        """Note a batch: row numbers `[batch]`; labels and scores `[batch, n]`, best first."""
        self._pool.append((numbers, labels[:, : self._n_kept], scores[:, : self._n_kept]))

    def end_pool(self, rows: Rows) -> None:
        """Write the rows noted since the last call, in the order of the file."""
        numbers, top, scores = (np.concatenate(parts) for parts in zip(*self._pool))
        names = self._reader.label_names
        for i in np.argsort(numbers):
            row = self._reader.describe(rows.line(int(numbers[i])).text)
            row |= prediction(names, top[i], scores[i], self._top_k, self._threshold)
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._pool = []
