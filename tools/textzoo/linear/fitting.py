"""The linear part fitted to training rows: its settings chosen, its scores of rows left out."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import scipy

from textzoo.config.schema import Linear
from textzoo.errors import UserError
from textzoo.linear.features import Features, ViewSettings
from textzoo.linear.matrices import SparseRows
from textzoo.linear.part import LinearPart, Weights
from textzoo.linear.ridge import EXACT_ROWS, kernel
from textzoo.linear.solving import (
    FOLDS,
    STEP_COST,
    Exact,
    Iterative,
    TrainingRows,
    solver_of,
    takes_too_long,
)
from textzoo.metrics.ranking import RankingMetrics, gold_ranks
from textzoo.metrics.thresholds import threshold_curve
from textzoo.progress import Work
from textzoo.text.characters import MOSTLY_UNSPACED, before, characters_of, unspaced_share
from textzoo.text.ragged import Ragged

log = logging.getLogger("textzoo")

_MOST_ROWS = 200_000  # that are fitted to
_SAMPLE = 5_000  # rows on which settings are chosen
_STRENGTHS = (0.1, 0.25, 0.5, 1.0, 2.0)
_MEANS = (0.0, 0.3, 0.6, 1.0)
_FEW_ROWS = 20  # a label: with fewer its name counts as a row
_CHEAP = 2e10  # multiplications of a fit
_MOST_SCORES = 50_000_000  # of rows left out
_BLOCK = 25_000_000  # numbers of a dense matrix
_UNKNOWN = -1.0  # the score of a label that no other row has: without this row it were unknown


class LeftOut(NamedTuple):
    """What a fit to all other rows gives for some.

    Attributes:
        rows: `[n]` their numbers.
        scores: `[n, labels]`.
    """

    rows: np.ndarray
    scores: np.ndarray

    def without(self, rows: np.ndarray) -> "LeftOut":
        """Those of other rows."""
        kept = ~np.isin(self.rows, rows)
        return LeftOut(self.rows[kept], self.scores[kept])


def is_cheap(n_rows: int, n_labels: int) -> bool:
    """Whether to leave all rows out costs no further fit, and their scores little memory."""
    return n_rows <= EXACT_ROWS and n_rows * n_labels <= _MOST_SCORES


def fit_linear(
    characters: Ragged,
    labels: Ragged,
    label_names: Sequence[str],
    settings: Linear,
    by_sets: bool,
    asked: np.ndarray,
    n_threads: int,
) -> tuple[LinearPart, LeftOut]:
    """Fit the linear part.

    Where `regularisation`, `label_names` and `label_means` are not given, they are chosen: names
    by how many rows a label has, the others together by how good the scores are that up to 5,000
    rows have when they are left out.

    Args:
        characters: of the texts of the training rows, see `text.characters`.
        labels: the ids of their labels.
        label_names: of all labels, by their ids.
        settings: of the config.
        by_sets: whether settings are judged by the best micro F1 of predicted sets of labels; else
            by ndcg@5.
        asked: numbers of the rows that are to be left out; of very many, an even part is.
        n_threads: how many there are.

    Raises:
        UserError: no n-gram is in enough texts, or no text has words before the mark `lead_words`.
    """
    n_labels = len(label_names)
    chosen = _evenly(np.arange(len(characters)), _MOST_ROWS)
    if len(chosen) < len(characters):
        log.info("linear: fitted to %d of %d rows, evenly", len(chosen), len(characters))
    asked = _evenly(asked, max(1, _MOST_SCORES // max(1, n_labels)))
    texts = characters.chosen(chosen)
    views = views_of(settings, texts)
    with Work(f"linear: n-grams of {len(texts)} rows"):
        features, rows = Features.fit(texts, views, settings.min_count)
    if not len(features):
        raise UserError(
            f"hyper_parameters.linear.min_count: received {settings.min_count}, but no n-gram is "
            "in so many training texts; lower it, or set hyper_parameters.linear.features=none"
        )
    mark = settings.lead_words
    if isinstance(mark, str) and not before(texts, mark).counts.any():
        raise UserError(
            f"hyper_parameters.linear.lead_words: received {mark!r}, but no training text has "
            "words before such a mark; set one that is there, or how many words count twice"
        )
    names = [name.replace("_", " ").replace("-", " ") for name in label_names]
    targets = _targets(labels.chosen(chosen), n_labels)
    data = TrainingRows(
        rows,
        targets,
        features(characters_of(names)),
        _name_weight(settings, len(chosen), n_labels),
        _row_weights(targets, settings.label_balance),
    )
    places = _places(asked, chosen)
    if takes_too_long(data, places):
        with Work(f"linear: means of {n_labels} labels"):
            weights, left_out = _means_alone(data, places)
    else:
        with Work("linear: regularisation"):
            strength, mean_weight = _chosen(settings, data, by_sets, n_threads)
        weights, left_out = _solved(data, strength, mean_weight, places, n_threads)
    part = LinearPart(features, weights)
    scores = np.empty((len(asked), n_labels), np.float32)
    is_in = np.isin(asked, chosen)
    scores[is_in] = left_out
    with Work("linear: scores"):
        scores[~is_in] = part.scores(characters.chosen(asked[~is_in]))
    return part, LeftOut(asked, scores)


def views_of(settings: Linear, characters: Ragged) -> list[ViewSettings]:
    """The n-grams that a config asks for.

    Args:
        settings: of the config.
        characters: of the training texts, which say what `auto` is.
    """
    common = {
        "lead_words": settings.lead_words,
        "is_binary": settings.term_frequency == "binary",
        "idf_power": settings.idf_power,
    }
    kind = settings.features
    if kind == "auto":
        kind = "characters" if unspaced_share(characters) > MOSTLY_UNSPACED else "both"
    log.info("linear: features %s of %d rows", kind, len(characters))  # the rest may take minutes
    if kind == "characters":
        return [ViewSettings("characters", 1, settings.ngram_max or 3, **common)]
    views = [ViewSettings("words", 1, settings.ngram_max or 2, **common)]
    if kind == "both":
        views.append(ViewSettings("within_words", 3, 5, settings.character_weight, **common))
    return views


def climb(values: Sequence[float], quality: Callable[[float], float]) -> None:
    """Ask for the quality of the middle one of sorted values, and of the best one's neighbours.

    Args:
        values: those that may be asked for.
        quality: of one; the larger the better.
    """
    asked: dict[int, float] = {}
    place = len(values) // 2
    while place not in asked:
        asked[place] = quality(values[place])
        best = max(asked, key=lambda each: asked[each])
        neighbours = [n for n in (best - 1, best + 1) if 0 <= n < len(values) and n not in asked]
        place = neighbours[0] if neighbours else best


def _row_weights(targets: SparseRows, balance: float) -> np.ndarray:
    """How often each row counts, 1 in the mean: the rarer its labels, the more often."""
    n = targets.shape[0]
    if not balance:
        return np.ones(n, np.float32)
    n_rows = np.maximum(np.bincount(targets.indices, minlength=targets.shape[1]), 1)
    sums = targets @ (n_rows ** -float(balance))
    n_labels = np.diff(targets.indptr)
    weights = np.where(n_labels > 0, sums / np.maximum(n_labels, 1), n ** -float(balance))
    return (weights / weights.mean()).astype(np.float32)


def _name_weight(settings: Linear, n_rows: int, n_labels: int) -> float:
    if settings.label_names == "auto":
        return float(n_rows < _FEW_ROWS * n_labels)
    return settings.label_names


def _chosen(
    settings: Linear, data: TrainingRows, by_sets: bool, n_threads: int
) -> tuple[float, float]:
    """The strength of the ridge and the weight of means: as given, or the best for rows left out.

    Rows are left out of a fit to all others where that is cheap, else of one to a sample.
    """
    strengths, means = _STRENGTHS, _MEANS if data.name_weight else (0.0,)
    if settings.regularisation != "auto":
        strengths = (settings.regularisation,)
    if settings.label_means != "auto":
        means = (settings.label_means,)
    if len(strengths) == len(means) == 1:
        return strengths[0], means[0]
    n, n_labels = data.targets.shape
    asked = _evenly(np.arange(n), _SAMPLE)
    if n > _SAMPLE and STEP_COST * data.features.nnz * n_labels <= _CHEAP:
        asked = _evenly(asked, n // FOLDS)
    else:
        data, asked = data.sample(asked), np.arange(len(asked))
    truth = data.targets[asked].toarray()
    of_means = data.means().left_out(data.features[asked], truth) if any(means) else 0
    features, targets, row_weights = data.with_names()
    is_sample = len(asked) == data.features.shape[0]
    products = kernel(features) if is_sample else None
    found: dict[tuple[float, float], float] = {}

    def quality(strength: float) -> float:
        """The best that a strength gives with any weight of means."""
        if products is not None:
            own = products.copy(order="F")
            ridge = Exact(own, row_weights, strength, asked).left_out(targets)
        else:
            ridge = Iterative(data, strength, asked, n_threads).left_out(targets)
        for weight in means:
            scores = _without_unknown(ridge + weight * of_means, truth, data.targets)
            found[strength, weight] = _quality(scores, truth, by_sets)
        return max(found[strength, weight] for weight in means)

    climb(strengths, quality)
    best = max(found, key=lambda pair: found[pair])
    measure = "micro F1" if by_sets else "ndcg@5"
    log.info(
        "linear: regularisation %g, label_means %g: %s %.4f of %d rows that were left out",
        *(*best, measure, found[best], len(truth)),
    )
    return best


def _quality(scores: np.ndarray, truth: np.ndarray, by_sets: bool) -> float:
    if by_sets:
        return threshold_curve(scores.ravel(), truth.ravel() > 0, int(truth.sum())).f1.max()
    metrics = RankingMetrics(["ndcg@5"])
    counts = truth.sum(axis=1).astype(np.int64)
    rows = np.flatnonzero(counts)
    gold, _ = _lists(scipy.sparse.csr_matrix(truth)).padded(rows, fill=-1)
    metrics.update(gold_ranks(scores[rows], gold), counts[rows], truth.shape[1])
    return metrics.result()["ndcg@5"]


def _without_unknown(scores: np.ndarray, truth: np.ndarray, targets: SparseRows) -> np.ndarray:
    """The same, but for labels that no other row has: a fit without the row did not know them."""
    is_alone = np.bincount(targets.indices, minlength=targets.shape[1]) == 1
    return np.where((truth > 0) & is_alone, np.float32(_UNKNOWN), scores)


def _solved(
    data: TrainingRows, strength: float, mean_weight: float, asked: np.ndarray, n_threads: int
) -> tuple[Weights, np.ndarray]:
    """The weights of all labels; the scores `[asked, labels]` that rows have when left out."""
    features, targets, _ = data.with_names()
    (n_rows, n_features), n_labels = features.shape, targets.shape[1]
    with Work(f"linear: products of {n_rows} rows"):
        solver = solver_of(data, strength, asked, n_threads)
    columns, means, by_label = features.T.tocsr(), data.means(), targets.tocsc()
    left_out = np.zeros((len(asked), n_labels), np.float32)

    def weights() -> Iterator[np.ndarray]:
        per_block = max(1, _BLOCK // max(n_features, n_rows))
        work = Work(f"linear: fit to {n_rows} rows", n_labels, "labels")
        for block_of in work.over(np.arange(n_labels), per_block):
            own = slice(block_of[0], block_of[-1] + 1)
            dual, left_out[:, own] = solver.solve(by_label[:, own])
            block = columns @ dual
            if mean_weight:
                block += mean_weight * means.vectors(own).T.toarray()
            yield block

    found = Weights.largest(weights(), n_features)
    truth = data.targets[asked].toarray()
    if mean_weight:
        left_out += mean_weight * means.left_out(data.features[asked], truth)
    return found, _without_unknown(left_out, truth, data.targets)


def _means_alone(data: TrainingRows, asked: np.ndarray) -> tuple[Weights, np.ndarray]:
    """The same without the ridge."""
    means, truth = data.means(), data.targets[asked].toarray()
    left_out = means.left_out(data.features[asked], truth)
    return Weights.largest_of_rows(means.vectors()), _without_unknown(left_out, truth, data.targets)


def _targets(labels: Ragged, n_labels: int) -> SparseRows:
    """1 where a row has a label, `[rows, labels]`."""
    ones = np.ones(len(labels.values), np.float32)
    return scipy.sparse.csr_matrix((ones, (labels.rows(), labels.values)), (len(labels), n_labels))


def _lists(targets: SparseRows) -> Ragged:
    return Ragged(targets.indices, targets.indptr)


def _evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of some rows, evenly apart."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _places(asked: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Where among the chosen rows, which are sorted, each of those asked for is that is there."""
    return np.searchsorted(chosen, asked[np.isin(asked, chosen)])
