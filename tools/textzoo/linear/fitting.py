"""The linear part fitted to training rows: its settings chosen, its scores of rows left out."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Optional

import numpy as np
import scipy

from textzoo.config.schema import Linear
from textzoo.data.text_vectors import embedded
from textzoo.errors import UserError
from textzoo.linear.embeddings import Embeddings, Vectors, centred
from textzoo.linear.features import Features, ViewSettings
from textzoo.linear.matrices import Rows, SparseRows
from textzoo.linear.part import LinearPart, Weights, in_half
from textzoo.linear.ridge import EXACT_ROWS, kernel
from textzoo.linear.solving import (
    FOLDS,
    STEP_COST,
    Exact,
    Iterative,
    TrainingRows,
    n_numbers,
    solver_of,
    takes_too_long,
)
from textzoo.metrics.ranking import RankingMetrics, gold_ranks
from textzoo.metrics.thresholds import threshold_curve
from textzoo.progress import Work
from textzoo.text.characters import (
    MOSTLY_UNSPACED,
    before,
    characters_of,
    texts_of,
    unspaced_share,
)
from textzoo.text.ragged import Ragged

log = logging.getLogger("textzoo")

_MOST_ROWS = 200_000  # that are fitted to
_SAMPLE = 5_000  # rows on which settings are chosen
_STRENGTHS = (0.1, 0.25, 0.5, 1.0, 2.0)
_MEANS = (0.0, 0.3, 0.6, 1.0)
_WEIGHTS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)  # of embeddings
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


class Encoder(NamedTuple):
    """What embeds texts.

    Attributes:
        embed: gives the embeddings, of length 1.
        sha256: of its files.
    """

    embed: Vectors
    sha256: str


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
    encoder: Optional[Encoder] = None,
) -> tuple[LinearPart, LeftOut]:
    """Fit the linear part.

    Where `regularisation`, `label_names`, `label_means` and `embeddings_weight` are not given, they
    are chosen: names by how many rows a label has, the others together by how good the scores are
    that up to 5,000 rows have when they are left out.

    Args:
        characters: of the texts of the training rows, see `text.characters`; with an encoder they
            are not lower-cased.
        labels: the ids of their labels.
        label_names: of all labels, by their ids.
        settings: of the config.
        by_sets: whether settings are judged by the best micro F1 of predicted sets of labels; else
            by ndcg@5.
        asked: numbers of the rows that are to be left out; of very many, an even part is.
        n_threads: how many there are.
        encoder: whose embeddings count beside the n-grams.

    Raises:
        UserError: no n-gram is in enough texts, or no text has words before the mark `lead_words`.
    """
    n_labels = len(label_names)
    chosen = _evenly(np.arange(len(characters)), _MOST_ROWS)
    if len(chosen) < len(characters):
        log.info("linear: fitted to %d of %d rows, evenly", len(chosen), len(characters))
    asked = _evenly(asked, max(1, _MOST_SCORES // max(1, n_labels)))
    texts = characters.chosen(chosen)
    if encoder:
        as_written = texts_of(texts)
        texts = characters_of(as_written)
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
    name_weight = _name_weight(settings, len(chosen), n_labels)
    of_rows, of_names = Rows.of(rows), Rows.of(features(characters_of(names)))
    if encoder:
        vectors = embedded(as_written, encoder.embed)
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        of_rows = of_rows._replace(dense=centred(vectors, mean))
        vectors = embedded(names if name_weight else [""] * n_labels, encoder.embed)
        of_names = of_names._replace(dense=centred(vectors, mean))
    data = TrainingRows(
        of_rows,
        targets,
        of_names,
        name_weight,
        _row_weights(targets, settings.label_balance),
    )
    places = _places(asked, chosen)
    if takes_too_long(data, places):
        weight = 1.0 if settings.embeddings_weight == "auto" else settings.embeddings_weight
        with Work(f"linear: means of {n_labels} labels"):
            weights, of_dense, left_out = _means_alone(data.weighted(weight), places)
    else:
        with Work("linear: regularisation"):
            strength, mean_weight, weight = _chosen(settings, data, by_sets, n_threads)
        data = data.weighted(weight)
        weights, of_dense, left_out = _solved(data, strength, mean_weight, places, n_threads)
    part = LinearPart(features, weights)
    if encoder:
        part.embeddings = Embeddings(mean, weight, of_dense, encoder.sha256)
        part.embeddings.embed = encoder.embed
    scores = np.empty((len(asked), n_labels), np.float32)
    is_in = np.isin(asked, chosen)
    scores[is_in] = left_out
    with Work("linear: scores"):
        if not is_in.all():
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


def climb(
    values: Sequence[float], quality: Callable[[float], float], first: Optional[float] = None
) -> None:
    """Ask for the quality of one of sorted values, and of the best one's neighbours.

    Args:
        values: those that may be asked for.
        quality: of one; the larger the better.
        first: the first that is asked for; default: the middle one.
    """
    asked: dict[int, float] = {}
    place = len(values) // 2 if first is None else values.index(first)
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


class _Settings(NamedTuple):
    """What is chosen for rows left out.

    Attributes:
        strength: of the ridge.
        mean_weight: of the labels' means.
        weight: of embeddings.
    """

    strength: float
    mean_weight: float
    weight: float


def _chosen(settings: Linear, data: TrainingRows, by_sets: bool, n_threads: int) -> _Settings:
    """The settings of a fit: as given, or the best for rows left out.

    Rows are left out of a fit to all others where that is cheap, else of one to a sample.
    """
    strengths, means = _STRENGTHS, _MEANS if data.name_weight else (0.0,)
    weights = _WEIGHTS if data.features.dense.shape[1] else (1.0,)
    if settings.regularisation != "auto":
        strengths = (settings.regularisation,)
    if settings.label_means != "auto":
        means = (settings.label_means,)
    if settings.embeddings_weight != "auto":
        weights = (settings.embeddings_weight,)
    if len(strengths) == len(means) == len(weights) == 1:
        return _Settings(strengths[0], means[0], weights[0])
    n, n_labels = data.targets.shape
    asked = _evenly(np.arange(n), _SAMPLE)
    if n > _SAMPLE and STEP_COST * n_numbers(data.features) * n_labels <= _CHEAP:
        asked = _evenly(asked, n // FOLDS)
    else:
        data, asked = data.sample(asked), np.arange(len(asked))
    truth = data.targets[asked].toarray()
    is_sample = len(asked) == data.features.n
    found: dict[_Settings, float] = {}

    def best_with(weight: float) -> float:
        """The best that a weight of embeddings gives, with any strength and weight of means."""
        own = data.weighted(weight)
        of_means = own.means().left_out(own.features.chosen(asked), truth) if any(means) else 0
        features, targets, row_weights = own.with_names()
        products = kernel(features) if is_sample else None

        def quality(strength: float) -> float:
            """The best that a strength gives with any weight of means."""
            if products is not None:
                of_strength = products.copy(order="F")
                ridge = Exact(of_strength, row_weights, strength, asked).left_out(targets)
            else:
                ridge = Iterative(own, strength, asked, n_threads).left_out(targets)
            for mean_weight in means:
                scores = ridge + mean_weight * of_means
                scores = _without_unknown(scores, truth, data.targets)
                of_all = _quality(scores, truth, by_sets)
                found[_Settings(strength, mean_weight, weight)] = of_all
            return max(found[_Settings(strength, each, weight)] for each in means)

        before = max(found, key=lambda each: found[each]).strength if found else None
        climb(strengths, quality, before)
        return max(value for each, value in found.items() if each.weight == weight)

    climb(weights, best_with)
    best = max(found, key=lambda each: found[each])
    measure = "micro F1" if by_sets else "ndcg@5"
    log.info(
        "linear: regularisation %g, label_means %g%s: %s %.4f of %d rows that were left out",
        *(best.strength, best.mean_weight),
        f", embeddings_weight {best.weight:g}" if data.features.dense.shape[1] else "",
        *(measure, found[best], len(truth)),
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
) -> tuple[Weights, np.ndarray, np.ndarray]:
    """The weights of n-grams and of embeddings; the scores of rows left out, `[asked, labels]`."""
    features, targets, _ = data.with_names()
    (n_rows, n_ngrams), n_labels = features.ngrams.shape, targets.shape[1]
    with Work(f"linear: products of {n_rows} rows"):
        solver = solver_of(data, strength, asked, n_threads)
    columns, means, by_label = features.ngrams.T.tocsr(), data.means(), targets.tocsc()
    left_out = np.zeros((len(asked), n_labels), np.float32)
    of_dense = np.zeros((features.dense.shape[1], n_labels), np.float32)

    def weights() -> Iterator[np.ndarray]:
        per_block = max(1, _BLOCK // max(n_ngrams, n_rows))
        work = Work(f"linear: fit to {n_rows} rows", n_labels, "labels")
        for block_of in work.over(np.arange(n_labels), per_block):
            own = slice(block_of[0], block_of[-1] + 1)
            dual, left_out[:, own] = solver.solve(by_label[:, own])
            block, of_dense[:, own] = columns @ dual, features.dense.T @ dual
            if mean_weight:
                vectors = means.vectors(own)
                block += mean_weight * vectors.ngrams.T.toarray()
                of_dense[:, own] += mean_weight * vectors.dense.T
            yield block

    found = Weights.largest(weights(), n_ngrams)
    truth = data.targets[asked].toarray()
    if mean_weight:
        left_out += mean_weight * means.left_out(data.features.chosen(asked), truth)
    return found, in_half(of_dense), _without_unknown(left_out, truth, data.targets)


def _means_alone(data: TrainingRows, asked: np.ndarray) -> tuple[Weights, np.ndarray, np.ndarray]:
    """The same without the ridge."""
    means, truth = data.means(), data.targets[asked].toarray()
    left_out = means.left_out(data.features.chosen(asked), truth)
    vectors = means.vectors()
    weights = Weights.largest_of_rows(vectors.ngrams)
    return weights, in_half(vectors.dense.T), _without_unknown(left_out, truth, data.targets)


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
