"""Evaluating a model that embeds texts: how well queries find what they are to find."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional, TextIO

import numpy as np

from textzoo.config.schema import IndexSettings, Runner
from textzoo.data.cache import Rows
from textzoo.data.corpus import read_entries
from textzoo.data.encoding import Refusals
from textzoo.errors import BadLine, UserError
from textzoo.evaluation.label_predictions import LabelPredictions
from textzoo.evaluation.predictions import PredictionFile
from textzoo.evaluation.row_outputs import embed
from textzoo.evaluation.score_matrix import ScoreMatrix
from textzoo.index.centering import centred
from textzoo.index.lexical import LexicalForm, LexicalIndex
from textzoo.index.mixing import mixed, standardised
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.names import is_better
from textzoo.metrics.ranking import best_labels, gold_ranks
from textzoo.metrics.thresholds import Threshold
from textzoo.progress import Work
from textzoo.running.run import InferenceRun
from textzoo.text.ragged import Ragged
from textzoo.text.reader import Embed, Reader

log = logging.getLogger("textzoo")

_QUERIES = 64  # compared with the corpus at once; always so many, see `row_outputs.embed`
# Cosines count to 5 decimals: those of texts that a net hardly tells apart are equal, however an
# engine rounds them.
_STEPS = np.float32(2**17)
_LOWEST, _LOWEST_MIXED = -2.0, -1e6  # below any cosine, and below any mixed score
# What `index.lexical_weight: auto` chooses among. Few texts share n-grams with a query, and their
# standardised scores are high: small weights are what matters.
WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)


class Corpus:
    """Different texts and their ids, which stand in for labels; see `metrics.labels.Labels`.

    Args:
        texts: the texts; one that comes again is left out.
        reader: what turns a text into ids.

    Attributes:
        label_names: the texts in their order.
        places: where a text is among them.
        reader: as given.
    """

    rows_without_labels_count: bool = False
    label_counts: Optional[np.ndarray] = None
    n_train_rows: int = 0

    def __init__(self, texts: list[str], reader: Reader):
        self.label_names = list(dict.fromkeys(texts))
        self.places = {text: place for place, text in enumerate(self.label_names)}
        self.reader = reader
        self._ids = Ragged.of([reader.encode_title(text)["text"] for text in self.label_names])

    def __len__(self) -> int:
        return len(self.label_names)

    @classmethod
    def read(
        cls,
        path: Path,
        reader: Reader,
        bad_lines: str,
        chosen: Callable[[list[str]], list[str]] = list,
    ) -> "Corpus":
        """Read a corpus file.

        Args:
            path: the file.
            reader: see `Corpus`.
            bad_lines: whether malformed lines are an "error", or to "skip".
            chosen: takes from its texts those that count; default: all.

        Raises:
            UserError: as `read_entries` does; or the model cannot read a text.
        """
        refusals = Refusals(bad_lines)
        entries = read_entries(path, "runner.corpus_file", refused=refusals, reader=reader)
        refusals.log(path)
        try:
            return cls(chosen([entry.text for entry in entries]), reader)
        except BadLine as problem:  # of a tokenizer that fails at a text
            raise UserError(f"runner.corpus_file: {path}: {problem}") from None

    def describe(self, line: str) -> dict[str, Any]:
        """A row as predictions show it."""
        return self.reader.describe(line)

    def embeddings(self, run: InferenceRun) -> np.ndarray:
        """The embedding of every text, `[texts, width]`."""
        return embed(run, self._ids)


class EmbeddingEvaluator:
    """Recalls each row's title from a corpus by its query; see `Evaluator`.

    The corpus is that of the config, or else all texts of the chosen rows, in their order. A
    query's own text is no candidate; a title that the corpus lacks is never found. Embeddings are
    centred, and mixed with scores of n-grams, as those of an index of the corpus would be. With
    `n_others`, so many texts of the config's corpus count, and the titles of the rows; 0: all.
    """

    def __init__(
        self,
        runner: Runner,
        reader: Reader,
        rows: Rows,
        chosen: np.ndarray,
        index: Optional[IndexSettings] = None,
        embed_texts: Optional[Embed] = None,
        n_others: int = 0,
    ):
        self._embed_texts = embed_texts
        self._runner = runner
        self._index = index or IndexSettings()
        self._lexical: Optional[LexicalIndex] = None
        self._rows = rows
        self._chosen = chosen
        self._pairs = [reader.parse(rows.line(int(row)).text) for row in chosen]
        if runner.corpus_file:
            self._corpus = Corpus.read(
                runner.corpus_file,
                reader,
                runner.bad_lines,
                lambda texts: self._with_others(texts, n_others or len(texts)),
            )
            self._warn_of_lacking(runner.corpus_file)
        else:
            self._corpus = Corpus([text for pair in self._pairs for text in pair.texts], reader)
        if self._pairs and all(pair.query == pair.title for pair in self._pairs):
            log.warning(
                "each of the %d rows that are evaluated is a text and itself, which is never found:"
                " evaluate pairs, with reader.unlabelled=false",
                len(self._pairs),
            )

    def _with_others(self, texts: list[str], n: int) -> list[str]:
        """The rows' titles and so many other texts of a corpus, in its order."""
        titles = {pair.title for pair in self._pairs}
        others = [place for place, text in enumerate(texts) if text not in titles]
        drawn = set(np.random.default_rng(self._runner.seed).permutation(others)[:n].tolist())
        return [text for place, text in enumerate(texts) if text in titles or place in drawn]

    def _warn_of_lacking(self, path: Path) -> None:
        lacking = [pair.title for pair in self._pairs if pair.title not in self._corpus.places]
        if lacking:
            log.warning(
                "%s: lacks the titles of %d of %d rows that are evaluated, which are never found, "
                "such as %r",
                *(path, len(lacking), len(self._pairs), lacking[0]),
            )

    @property
    def n_labels(self) -> int:
        """See `Evaluator.n_labels`."""
        return len(self._corpus)

    def metrics(self, names: list[str], threshold: Optional[Threshold] = None) -> LabelMetrics:
        """See `Evaluator.metrics`; embeddings have no threshold."""
        return LabelMetrics(names, self._runner, self._corpus)

    def __call__(
        self,
        run: InferenceRun,
        names: list[str],
        threshold: Optional[Threshold] = None,
        predictions: Optional[TextIO] = None,
        scores: Optional[ScoreMatrix] = None,
        calibration: Optional[Calibration] = None,
    ) -> LabelMetrics:
        """See `Evaluator.__call__`; the first of the names chooses among lexical weights."""
        weight, corpus = self._index.lexical_weight, self._corpus
        by_weight = {w: self.metrics(names) for w in (WEIGHTS if weight == "auto" else [weight])}
        named = LabelPredictions(corpus.label_names, self._runner.top_k)
        file = PredictionFile(predictions, corpus) if predictions else None
        own = np.array([corpus.places.get(pair.query, -1) for pair in self._pairs])
        gold = np.array([corpus.places.get(pair.title, -1) for pair in self._pairs])
        gold[gold == own] = -1
        queries, candidates = self._centred(*self._embedded(run))
        n_best = min(self._runner.top_k, len(corpus)) if file or scores else 0
        work = Work("search", len(self._pairs), "queries")
        for batch in work.over(np.arange(len(self._pairs)), _QUERIES):
            cosines = np.rint(queries[batch] @ candidates.T * _STEPS) / _STEPS
            known, batch_gold = own[batch] >= 0, gold[batch][:, None]
            lexical = self._lexical_scores(batch)
            if lexical is not None:
                cosines = standardised(cosines)
            for some, metrics in by_weight.items():
                found = cosines if lexical is None else mixed(cosines, lexical, some)
                found[known, own[batch][known]] = _LOWEST if lexical is None else _LOWEST_MIXED
                best = best_labels(found, n_best)
                best_scores = np.take_along_axis(found, best, axis=1)
                ranks = gold_ranks(found, batch_gold)
                counts = np.ones(len(batch), int)
                metrics.update(ranks, batch_gold, counts, best, best_scores)
                if scores:
                    scores.add(self._chosen[batch], best, best_scores)
                if file:
                    predicted = named.of_best(best, best_scores)
                    file.add_ranked(self._chosen[batch], predicted, ranks, counts)
                    file.end_pool(self._rows)
        return _best_weight(by_weight, names[0])

    def _embedded(self, run: InferenceRun) -> tuple[np.ndarray, np.ndarray]:
        """The embeddings of the queries and of the corpus."""
        corpus, queries = self._corpus, [pair.query for pair in self._pairs]
        if self._embed_texts:
            return self._embed_texts(queries, "query"), self._embed_texts(
                corpus.label_names, "title"
            )
        tokens = [corpus.reader.encode_text(query)["text"] for query in queries]
        return embed(run, Ragged.of(tokens)), corpus.embeddings(run)

    def _centred(self, queries: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, ...]:
        if not self._index.center:
            return queries, candidates
        center = candidates.mean(axis=0, dtype=np.float64).astype(np.float32)
        return centred(queries, center), centred(candidates, center)

    def _lexical_scores(self, rows: np.ndarray) -> Optional[np.ndarray]:
        """The standardised lexical scores of the queries of some rows; None if they do not count.

        Returns:
            `[rows, texts of the corpus]`.
        """
        if not self._index.lexical_weight:
            return None
        if self._lexical is None:
            form = LexicalForm.of(self._index)
            self._lexical = LexicalIndex.fit(self._corpus.label_names, form)
        return standardised(self._lexical.scores([self._pairs[row].query for row in rows]))


def _best_weight(by_weight: dict[Any, LabelMetrics], name: str) -> LabelMetrics:
    """The metrics with the best lexical weight; of equal ones the least."""
    if len(by_weight) == 1:
        return next(iter(by_weight.values()))
    values = {weight: metrics.result()[name] for weight, metrics in by_weight.items()}
    chosen = 0.0
    for weight, value in values.items():
        chosen = weight if is_better(name, value, values[chosen]) else chosen
    shown = ", ".join(f"{values[weight]:.4f} at {weight:g}" for weight in sorted({0, chosen, 1}))
    log.info("index.lexical_weight: %s %s", name, shown)
    best = by_weight[chosen]
    best.more["lexical_weight"] = chosen
    return best
