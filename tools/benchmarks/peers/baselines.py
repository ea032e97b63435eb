"""scikit-learn's linear models of labels, on the n-grams that a linear part takes.

Their C or alpha, and the threshold, are chosen on rows that they have not seen.
"""

import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Optional

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import Normalizer

from benchmarks.peers.linear import FOLDS, decisions, left_out_decisions, svm
from textzoo.linear.features import ViewSettings
from textzoo.linear.fitting import climb
from textzoo.text.characters import EAST_ASIAN

FEW_LABELS = 200  # beyond, logistic regression takes hours: it is left out, and grids are small
_FEW = 100_000  # rows x labels up to which all folds choose
_FEW_FOLDS = 1, 3  # beyond, so many choose C, and so many its threshold
_STEPS = 300  # of logistic regression
_ANALYZERS = {"words": "word", "characters": "char", "within_words": "char_wb"}
_WORDS = r"\w+|[^\w\s]"
_EAST_ASIAN = "".join(f"{chr(first)}-{chr(last)}" for first, last in EAST_ASIAN)
_LEFT_OUT = re.compile(f"(?<=[{_EAST_ASIAN}]) (?=[{_EAST_ASIAN}])")

Quality = Callable[[Optional[np.ndarray], np.ndarray], tuple[float, Any]]


class Family(NamedTuple):
    """A classifier with what is tried.

    Attributes:
        make: a new one, by its C or alpha.
        grid: values of it.
    """

    make: Callable[[float], Any]
    grid: Sequence[float]


class Tuned(NamedTuple):
    """What one was tuned to, and what it gives.

    Attributes:
        value: its C or alpha.
        threshold: above which a label is predicted.
        scores: `[test rows, labels]`.
        seconds: with the choice.
        fit_seconds: of the last fit alone.
    """

    value: float
    threshold: Any
    scores: np.ndarray
    seconds: float
    fit_seconds: float


class OneOfAll:
    """Logistic regression of rows that have one label each, over all labels at once."""

    def __init__(self, cost: float):
        self._model = LogisticRegression(C=cost, max_iter=_STEPS)
        self._n_labels = 0

    def fit(self, features: sp.csr_matrix, targets: sp.csr_matrix) -> "OneOfAll":
        """Fit to `[rows, labels]` with one 1 a row."""
        self._n_labels = targets.shape[1]
        self._model.fit(features, targets.indices)
        return self

    def decision_function(self, features: sp.csr_matrix) -> np.ndarray:
        """The logits, `[rows, labels]`; 0 for labels that no row had."""
        logits = self._model.decision_function(features)
        if logits.ndim == 1:
            logits = np.stack([-logits, logits], axis=1)
        scores = np.zeros((len(logits), self._n_labels))
        scores[:, self._model.classes_] = logits
        return scores


def families(targets: sp.csr_matrix) -> dict[str, Family]:
    """What is compared with, by the targets of training rows, `[rows, labels]`.

    Of more than 200 labels only the SVM and the ridge, each with a small grid.
    """
    if targets.shape[1] > FEW_LABELS:
        return {
            "LinearSVC": Family(svm, (0.3, 1.0, 3.0)),
            "RidgeClassifier": Family(ridge, (0.3, 1.0)),
        }
    has_one = (targets.getnnz(axis=1) == 1).all()
    return {
        "LinearSVC": Family(svm, (0.1, 0.3, 1.0, 3.0, 10.0)),
        "LogisticRegression": Family(
            OneOfAll if has_one else _logistic, (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
        ),
        "RidgeClassifier": Family(ridge, (0.1, 0.3, 1.0, 3.0, 10.0)),
    }


def is_small(targets: sp.csr_matrix) -> bool:
    """Whether many fits to rows with such targets, `[rows, labels]`, take minutes at most."""
    return targets.shape[0] * targets.shape[1] <= _FEW


def ridge(alpha: float, solver: str = "auto") -> RidgeClassifier:
    """A ridge regression of each label."""
    return RidgeClassifier(alpha=alpha, solver=solver)


def _logistic(cost: float) -> OneVsRestClassifier:
    # Coordinate ascent: the sooner the more features than rows there are; 100 steps are too few.
    model = LogisticRegression(C=cost, solver="liblinear", dual=True, max_iter=_STEPS)
    return OneVsRestClassifier(model)


def vectorizer(views: Sequence[ViewSettings], min_count: int) -> Pipeline:
    """TF-IDF of the same n-grams: rows of length 1 of all views, each with its weight."""
    union = FeatureUnion(
        [
            (
                view.kind,
                TfidfVectorizer(
                    analyzer=_ANALYZERS[view.kind],
                    preprocessor=_unspaced if view.kind == "characters" else None,
                    token_pattern=_WORDS if view.kind == "words" else None,
                    ngram_range=(view.shortest, view.longest),
                    sublinear_tf=True,
                    min_df=min_count,
                ),
            )
            for view in views
        ],
        transformer_weights={view.kind: view.weight for view in views},
    )
    return Pipeline([("tf-idf", union), ("length 1", Normalizer(copy=False))])


def tuned(
    family: Family,
    features: sp.csr_matrix,
    targets: sp.csr_matrix,
    valid_features: Optional[sp.csr_matrix],
    test_features: sp.csr_matrix,
    quality: Quality,
) -> Tuned:
    """Choose C or alpha and the threshold, then fit to all training rows.

    As the linear part does, from the middle of the grid to the better neighbour while there is one.

    Args:
        family: of what.
        features: `[rows, features]` of training rows.
        targets: `[rows, labels]` theirs.
        valid_features: of validation rows; None: training rows are left out, fold by fold.
        test_features: of test rows.
        quality: how good scores are, and with which threshold, from the numbers of the training
            rows that they are of (None: of all validation rows) and the scores `[rows, labels]`.
    """
    started = time.perf_counter()
    n_first, n_all = (FOLDS, FOLDS) if is_small(targets) else _FEW_FOLDS
    unseen: dict[float, tuple[Optional[np.ndarray], np.ndarray]] = {}
    found: dict[float, tuple[float, Any]] = {}

    def judged(value: float) -> float:
        classifier = family.make(value)
        if valid_features is not None:
            unseen[value] = None, decisions(classifier, features, targets, valid_features)
        else:
            unseen[value] = left_out_decisions(classifier, features, targets, range(n_first))
        found[value] = quality(*unseen[value])
        return found[value][0]

    with _quiet():
        climb(family.grid, judged)
        best = max(found, key=lambda value: found[value][0])
        threshold = found[best][1]
        if threshold is not None and valid_features is None and n_first < n_all:
            more = range(n_first, n_all)
            others = left_out_decisions(family.make(best), features, targets, more)
            rows, scores = (np.concatenate(parts) for parts in zip(unseen[best], others))
            order = np.argsort(rows)
            threshold = quality(rows[order], scores[order])[1]
        last = time.perf_counter()
        scores = decisions(family.make(best), features, targets, test_features)
    ended = time.perf_counter()
    return Tuned(best, threshold, scores, ended - started, ended - last)


def _unspaced(text: str) -> str:
    """Lower case, without spaces between Chinese or Japanese characters."""
    return _LEFT_OUT.sub("", text.lower())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings, one a label, of steps that did not suffice and of labels without rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Label not", UserWarning)
        yield
