"""Evaluating a model that embeds texts: how well queries find what they are to find."""

from pathlib import Path
from typing import Any, Optional, TextIO

import numpy as np

from textzoo.config.schema import Runner
from textzoo.data.cache import Rows
from textzoo.data.corpus import read_entries
from textzoo.data.encoding import Refusals
from textzoo.evaluation.label_predictions import LabelPredictions
from textzoo.evaluation.predictions import PredictionFile
from textzoo.evaluation.row_outputs import embed
from textzoo.evaluation.score_matrix import ScoreMatrix
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.labels import LabelMetrics
from textzoo.metrics.ranking import best_labels, gold_ranks
from textzoo.metrics.thresholds import Threshold
from textzoo.running.run import InferenceRun
from textzoo.text.ragged import Ragged
from textzoo.text.reader import Reader

_QUERIES = 64  # compared with the corpus at once; always so many, see `row_outputs.embed`
# Cosines count to 5 decimals: those of texts that a net hardly tells apart are equal, however an
# engine rounds them.
_STEPS = np.float32(2**17)
_LOWEST = -2.0  # below any cosine


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
    def read(cls, path: Path, reader: Reader, bad_lines: str) -> "Corpus":
        """Read a corpus file, of which malformed lines are an "error", or to "skip".

        Raises:
            UserError: as `read_entries` does.
        """
        refusals = Refusals(bad_lines)
        entries = read_entries(path, "runner.corpus_file", refused=refusals)
        refusals.log(path)
        return cls([entry.text for entry in entries], reader)

    def describe(self, line: str) -> dict[str, Any]:
        """A row as predictions show it."""
        return self.reader.describe(line)

    def embeddings(self, run: InferenceRun) -> np.ndarray:
        """The embedding of every text, `[texts, width]`."""
        return embed(run, self._ids)


class EmbeddingEvaluator:
    """Recalls each row's title from a corpus by its query; see `Evaluator`.

    The corpus is that of the config, or else all texts of the chosen rows, in their order. A
    query's own text is no candidate; a title that the corpus lacks is never found.
    """

    def __init__(self, runner: Runner, reader: Reader, rows: Rows, chosen: np.ndarray):
        self._runner = runner
        self._rows = rows
        self._chosen = chosen
        self._pairs = [reader.parse(rows.line(int(row)).text) for row in chosen]
        if runner.corpus_file:
            self._corpus = Corpus.read(runner.corpus_file, reader, runner.bad_lines)
        else:
            self._corpus = Corpus([text for pair in self._pairs for text in pair.texts], reader)

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
        """See `Evaluator.__call__`."""
        metrics, corpus = self.metrics(names), self._corpus
        named = LabelPredictions(corpus.label_names, self._runner.top_k)
        file = PredictionFile(predictions, corpus) if predictions else None
        own = np.array([corpus.places.get(pair.query, -1) for pair in self._pairs])
        gold = np.array([corpus.places.get(pair.title, -1) for pair in self._pairs])
        gold[gold == own] = -1
        tokens = [corpus.reader.encode_text(pair.query)["text"] for pair in self._pairs]
        queries, candidates = embed(run, Ragged.of(tokens)), corpus.embeddings(run)
        n_best = min(self._runner.top_k, len(corpus)) if file or scores else 0
        for first in range(0, len(self._pairs), _QUERIES):
            batch = np.arange(first, min(first + _QUERIES, len(self._pairs)))
            cosines = np.rint(queries[batch] @ candidates.T * _STEPS) / _STEPS
            known = own[batch] >= 0
            cosines[known, own[batch][known]] = _LOWEST
            batch_gold = gold[batch][:, None]
            best = best_labels(cosines, n_best)
            best_scores = np.take_along_axis(cosines, best, axis=1)
            ranks = gold_ranks(cosines, batch_gold)
            metrics.update(ranks, batch_gold, np.ones(len(batch), int), best, best_scores)
            if scores:
                scores.add(self._chosen[batch], best, best_scores)
            if file:
                file.add(self._chosen[batch], named.of_best(best, best_scores))
                file.end_pool(self._rows)
        return metrics
