"""Linear models on the files of a data set: what a network has to be better than.

    python tools/benchmarks/peers/linear.py TRAIN TEST [--valid VALID] [--analyzer char]

TRAIN, TEST and VALID are files, or folders of files, with rows `label,label<TAB>text`. TF-IDF of
words, or of 1 to 3 characters, with a one-versus-rest SVM (scikit-learn) and, for words, with trees
of labels (in Parabel's form, if omikuji is installed), the 10 nearest training texts, and the
nearest label, taken as the mean of its texts and its name. Prints precision@k in percent, and micro
and macro F1 of the SVM, whose C and threshold have the best micro F1 on VALID, or else on training
rows that were left out (5 folds).
"""

import argparse
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.datasets import dump_svmlight_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer, normalize
from sklearn.svm import LinearSVC

from textzoo.metrics.thresholds import ThresholdMetrics

K = (1, 3, 5)
FOLDS = 5
COSTS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # C of the SVM


def read(path: Path, separators: str) -> tuple[list[list[str]], list[str]]:
    """The labels and the text of each row."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    rows = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    columns = [row.split("\t", 1) for row in rows]
    for separator in separators[1:]:
        columns = [[labels.replace(separator, separators[0]), text] for labels, text in columns]
    labels = [[name for name in own.split(separators[0]) if name] for own, _ in columns]
    return labels, [text for _, text in columns]


def precisions(best: Iterable[list[str]], gold: list[list[str]]) -> str:
    """P@k in percent of the best labels, best first."""
    best = list(best)
    hits = [[sum(b in own for b in row[:k]) for k in K] for row, own in zip(best, gold)]
    return "  ".join(f"P@{k} {100 * p / k:.2f}" for k, p in zip(K, np.mean(hits, axis=0)))


def decisions(
    classifier: Any, features: sp.csr_matrix, targets: sp.csr_matrix, test_features: sp.csr_matrix
) -> np.ndarray:
    """How far test rows are on the side of each label, `[rows, labels]`.

    Args:
        classifier: of sets of labels; it is fitted.
        features: `[rows, features]` of training rows.
        targets: `[rows, labels]` 1 where a row has a label.
        test_features: `[rows, features]`.
    """
    targets = targets.astype(np.int64)  # scikit-learn numbers labels in the type of the targets
    takes_sparse = not isinstance(classifier, RidgeClassifier)
    classifier.fit(features, targets if takes_sparse else targets.toarray())
    scores = np.asarray(classifier.decision_function(test_features), np.float32)
    scores = scores.reshape(test_features.shape[0], -1)
    scores[:, targets.getnnz(axis=0) == 0] = scores.min()  # scikit-learn gives 0: as if in doubt
    return scores


def left_out_decisions(
    classifier: Any,
    features: sp.csr_matrix,
    targets: sp.csr_matrix,
    folds: range = range(FOLDS),
) -> tuple[np.ndarray, np.ndarray]:
    """The same of training rows, each by a fit that has not seen it.

    Args:
        classifier: see `decisions`.
        features: see `decisions`.
        targets: see `decisions`.
        folds: those of five whose rows are wanted.

    Returns:
        `[n]` the rows, which grow, and their scores, `[n, labels]`.
    """
    scores = np.full(targets.shape, np.nan, np.float32)
    divided = KFold(FOLDS, shuffle=True, random_state=0).split(features)
    for kept, left_out in islice(divided, folds.start, folds.stop):
        scores[left_out] = decisions(classifier, features[kept], targets[kept], features[left_out])
    rows = np.flatnonzero(~np.isnan(scores[:, 0]))
    return rows, scores[rows]


def svm(cost: float) -> OneVsRestClassifier:
    """A linear SVM for each label."""
    return OneVsRestClassifier(LinearSVC(C=cost))


def measured(scores: np.ndarray, gold: list[list[str]], names: Iterable[str]) -> ThresholdMetrics:
    """The F1 of scores at any threshold, as the zoo's models are measured."""
    ids = {name: i for i, name in enumerate(names)}
    rows = np.full((len(gold), max(map(len, gold))), -1)
    for row, own in zip(rows, gold):
        row[: len(own)] = [ids.get(name, -1) for name in own]
    metrics = ThresholdMetrics(len(ids))
    labels = np.broadcast_to(np.arange(len(ids)), scores.shape)
    metrics.update(labels, scores, rows, np.array([len(own) for own in gold]))
    return metrics


def label_trees(
    features: sp.csr_matrix, targets: sp.csr_matrix, test_features: sp.csr_matrix
) -> list[list[int]]:
    """The best labels of each test row, best first.

    Raises:
        ImportError: omikuji is not installed.
    """
    import omikuji

    with tempfile.NamedTemporaryFile("r+", suffix=".txt") as file:
        dump_svmlight_file(features, targets, file.name, multilabel=True)
        content = Path(file.name).read_text(encoding="utf-8")
        header = f"{features.shape[0]} {features.shape[1]} {targets.shape[1]}\n"
        Path(file.name).write_text(header + content, encoding="utf-8")
        model = omikuji.Model.train_on_data(file.name)
    rows = (list(zip(row.indices, row.data)) for row in test_features)
    return [[label for label, _ in model.predict(row, top_k=max(K))] for row in rows]


def main() -> None:
    """Train and evaluate each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--valid", type=Path)
    parser.add_argument("--analyzer", choices=["word", "char"], default="word")
    parser.add_argument("--longest", type=int, help="n-gram; default: 1 word or 3 characters")
    parser.add_argument("--separators", default=",")
    arguments = parser.parse_args()
    labels, texts = read(arguments.train, arguments.separators)
    gold, test_texts = read(arguments.test, arguments.separators)
    ngrams = 1, arguments.longest or (1 if arguments.analyzer == "word" else 3)
    vectorizer = TfidfVectorizer(
        analyzer=arguments.analyzer, ngram_range=ngrams, sublinear_tf=True, min_df=2
    )
    features, test_features = vectorizer.fit_transform(texts), vectorizer.transform(test_texts)
    binarizer = MultiLabelBinarizer(sparse_output=True)
    targets = binarizer.fit_transform(labels)
    names = binarizer.classes_

    started = time.perf_counter()
    valid = read(arguments.valid, arguments.separators) if arguments.valid else None
    choices = []
    for cost in COSTS:
        if valid:
            unseen = decisions(svm(cost), features, targets, vectorizer.transform(valid[1]))
        else:
            unseen = left_out_decisions(svm(cost), features, targets)[1]
        metrics = measured(unseen, valid[0] if valid else labels, names)
        threshold = metrics.best_threshold()
        choices.append((metrics.result(["micro_f1"], threshold)["micro_f1"], cost, threshold))
    _, cost, threshold = max(choices)
    scores = decisions(svm(cost), features, targets, test_features)
    seconds = time.perf_counter() - started
    best = ([names[i] for i in np.argsort(-row)[: max(K)]] for row in scores)
    f1 = measured(scores, gold, names).result(["micro_f1", "macro_f1"], threshold)
    print(
        f"SVM      {precisions(best, gold)}  micro F1 {f1['micro_f1']:.4f}  "
        f"macro F1 {f1['macro_f1']:.4f}  C {cost:g}, threshold {threshold:.2f}  {seconds:.0f} s"
    )
    if arguments.analyzer == "char":
        return

    try:
        started = time.perf_counter()
        best = [[names[i] for i in row] for row in label_trees(features, targets, test_features)]
        print(f"omikuji  {precisions(best, gold)}  {time.perf_counter() - started:.0f} s")
    except ImportError:
        print("omikuji  is not installed: pip install omikuji")

    cosines = (test_features @ features.T).tocsr()
    nearest = sp.vstack([_ten_highest(row) for row in cosines])
    votes = np.asarray((nearest @ targets).todense())
    best = ([names[i] for i in np.argsort(-row)[: max(K)]] for row in votes)
    print(f"10-NN    {precisions(best, gold)}")

    # The mean text of each label, and half as much its name.
    spoken = [name.replace("-", " ").replace("_", " ") for name in names]
    labels_as_texts = normalize(targets.T @ features) + 0.5 * vectorizer.transform(spoken)
    scores = (test_features @ labels_as_texts.T).toarray()
    best = ([names[i] for i in np.argsort(-row)[: max(K)]] for row in scores)
    print(f"means    {precisions(best, gold)}")


def _ten_highest(row: sp.csr_matrix) -> sp.csr_matrix:
    chosen = np.argsort(-row.data)[:10]
    places = np.zeros(len(chosen), int), row.indices[chosen]
    return sp.csr_matrix((row.data[chosen], places), row.shape)


if __name__ == "__main__":
    main()
