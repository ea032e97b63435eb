"""Searching a corpus: embedding its texts, and how well queries find what they are to find."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np

from textzoo.config.schema import Runner
from textzoo.data.batching import inference_pools
from textzoo.data.cache import Rows
from textzoo.data.corpus import read_entries
from textzoo.metrics.labels import Metrics
from textzoo.metrics.ranking import gold_ranks
from textzoo.text.ragged import Column

# Always the same, so that ranks do not hang on how a batch's shape rounds the last bit.
_BATCH = 64
# Cosines count to 5 decimals: those of texts that a net hardly tells apart are equal, however an
# engine rounds them.
_STEPS = np.float32(2**17)
_LOWEST = -2.0  # below any cosine


class Corpus:
    """Different texts and their ids.

    Args:
        texts: the texts; one that comes again is left out.
        reader: what turns a text into ids.

    Attributes:
        texts: the texts in their order.
        places: where in `texts` a text is.
        reader: as given.
    """

    def __init__(self, texts: list[str], reader: Any):
        self.texts = list(dict.fromkeys(texts))
        self.places = {text: place for place, text in enumerate(self.texts)}
        self.reader = reader
        self._column = Column.of([reader.tokenize(text) for text in self.texts])

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def read(cls, path: Path, reader: Any) -> "Corpus":
        """Read a corpus file.

        Raises:
            UserError: as `read_entries` does.
        """
        entries = read_entries(path, "runner.corpus_file")
        return cls([entry.text for entry in entries], reader)

    @property
    def label_names(self) -> list[str]:
        """The texts, as what a row's query is ranked against."""
        return self.texts

    def describe(self, line: str) -> dict[str, Any]:
        """A row as predictions show it."""
        return self.reader.describe(line)

    def embeddings(self, run: Any) -> np.ndarray:
        """The embedding of every text, `[texts, width]`."""
        return embed(run, self._column)


def load_corpus(runner: Runner, reader: Any, rows: Rows, chosen: np.ndarray) -> Corpus:
    """The corpus of a config, or else all texts of the chosen rows, in their order."""
    if runner.corpus_file:
        return Corpus.read(runner.corpus_file, reader)
    pairs = [reader.parse(rows.line(int(row)).text) for row in chosen]
    return Corpus([text for pair in pairs for text in pair.texts], reader)


def embed(run: Any, column: Column) -> np.ndarray:
    """The embedding of every text of a column, `[texts, width]`, in the column's order."""
    n_texts = len(column.offsets) - 1
    embeddings: Optional[np.ndarray] = None
    for pool in inference_pools(column.lengths(np.arange(n_texts)), _BATCH):
        for batch in pool:
            feeds = run.model.infer_feeds({"text": column}, batch)
            found = run.infer_step(feeds)["embeddings"]
            if embeddings is None:
                embeddings = np.empty((n_texts, found.shape[1]), np.float32)
            embeddings[batch] = found
    return embeddings


def evaluate(
    run: Any,
    rows: Rows,
    chosen: np.ndarray,
    metrics: Metrics,
    corpus: Corpus,
    n_best: int,
    results: Sequence[Any] = (),
) -> dict[str, float]:
    """Metrics of recalling each row's title from a corpus by its query.

    The query's own text is no candidate. A title that the corpus lacks is never found.

    Args:
        run: `DygraphRun` or `StaticRun` of a model of pairs.
        rows: the encoded rows.
        chosen: `[n]` which of them to evaluate.
        metrics: the metrics to compute.
        corpus: the candidates.
        n_best: how many candidates `results` are given for each row.
        results: such as `Predictions`, given the best candidates in the order of the file.

    Returns:
        The metrics by name, and `rows`, the number of rows they are over.
    """
    pairs = [corpus.reader.parse(rows.line(int(row)).text) for row in chosen]
    own = np.array([corpus.places.get(pair.query, -1) for pair in pairs])
    gold = np.array([corpus.places.get(pair.title, -1) for pair in pairs])
    gold[gold == own] = -1
    queries = embed(run, Column.of([corpus.reader.tokenize(pair.query) for pair in pairs]))
    candidates = corpus.embeddings(run)
    n_best = min(n_best, len(corpus)) if results else 0
    for first in range(0, len(pairs), _BATCH):
        batch = np.arange(first, min(first + _BATCH, len(pairs)))
        scores = np.rint(queries[batch] @ candidates.T * _STEPS) / _STEPS
        known = own[batch] >= 0
        scores[known, own[batch][known]] = _LOWEST
        batch_gold = gold[batch][:, None]
        best = best_labels(scores, n_best)
        best_scores = np.take_along_axis(scores, best, axis=1)
        ranks = gold_ranks(scores, batch_gold)
        metrics.update(ranks, batch_gold, np.ones(len(batch), int), best, best_scores)
        for result in results:
            result.add(chosen[batch], best, best_scores)
            result.end_pool(rows)
    return metrics.result()


def best_labels(scores: np.ndarray, k: int) -> np.ndarray:
    """The ids of the k highest scores, best first, `[batch, k]`; equal scores by label id.

    Args:
        scores: `[batch, labels]`.
        k: how many, at most the number of labels.
    """
    if not k:
        return np.empty((len(scores), 0), np.int64)
    # Only what reaches the k-th highest score is sorted: there may be very many labels.
    threshold = np.partition(scores, -k, axis=1)[:, -k]
    best = np.empty((len(scores), k), np.int64)
    for row, (values, lowest) in enumerate(zip(scores, threshold)):
        reaching = np.flatnonzero(values >= lowest)
        best[row] = reaching[np.argsort(-values[reaching], kind="stable")][:k]
    return best
