"""What a search gave against what it should have given: Recall@k, MRR@k, nDCG@k.

Two kinds of files: pairs (`query<TAB>title`) with a recall result (`query<TAB>text<TAB>score`),
and TREC's qrels (`query 0 document relevance`) with a run (`query Q0 document rank score tag`).
"""

import math
import sys
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Optional

import numpy as np

from textzoo.data.input_files import lines_of, pair_layout
from textzoo.errors import UserError
from textzoo.files import write_lines
from textzoo.readers.pairs import Reader
from textzoo.text.lines import Line
from textzoo.text.records import read_rows
from textzoo.text.streams import existing_file

CUTS = (1, 5, 10, 20, 50)
QRELS, RUN = "qrels.txt", "run.txt"

Golds = dict[str, dict[str, float]]  # of each query, the grade of each text that it is to find
Ranking = dict[str, dict[str, float]]  # of each query, the score of each text that was found


def evaluate_ranking(golds: Golds, ranking: Ranking, cuts: tuple[int, ...]) -> dict[str, float]:
    """Metrics averaged over all queries that have something to find.

    As in trec_eval with `-c`, a query that the ranking lacks counts with 0; equal scores are ranked
    by document, the last first; the gain of nDCG is the grade (Järvelin and Kekäläinen 2002).

    Args:
        golds: for each query, what it is to find; grades are above 0.
        ranking: for each query, what was found.
        cuts: the k of recall@k, mrr@k and ndcg@k.

    Returns:
        The metrics by name, and `queries`, their number.
    """
    sums: dict[str, float] = {f"{m}@{k}": 0.0 for m in ("recall", "mrr", "ndcg") for k in cuts}
    for query, gold in golds.items():
        scores = ranking.get(query, {})
        found = sorted(scores, key=lambda text: (scores[text], text), reverse=True)
        gains = np.array([gold.get(text, 0.0) for text in found])
        ideal = np.array(sorted(gold.values(), reverse=True))
        ranks = np.flatnonzero(gains) + 1
        for k in cuts:
            within = ranks[ranks <= k]
            sums[f"recall@{k}"] += len(within) / len(gold)
            sums[f"mrr@{k}"] += 1 / within[0] if len(within) else 0.0
            sums[f"ndcg@{k}"] += _dcg(gains[:k]) / _dcg(ideal[:k])
    means = {name: total / max(1, len(golds)) for name, total in sums.items()}
    return {**means, "queries": len(golds)}


def _dcg(gains: np.ndarray) -> float:
    """Discounted cumulative gain of what stands at the ranks from 1 on, `[ranks]`."""
    return float((gains / np.log2(2 + np.arange(len(gains)))).sum())


def without_own_text(ranking: Ranking) -> tuple[Ranking, int]:
    """Leave each query's own text out of what it found; returns also for how many queries."""
    kept = {
        query: {text: score for text, score in found.items() if text != query}
        for query, found in ranking.items()
    }
    return kept, sum(len(kept[query]) < len(ranking[query]) for query in ranking)


def read_pairs(path: Path) -> Golds:
    """Pairs `query<TAB>title`; further columns are not read. A title equal to its query is none.

    Of a file with a header they are the columns with names that these have.

    Raises:
        UserError: a line is malformed, or there is no pair.
    """
    golds: Golds = {}
    layout = pair_layout(existing_file(path, "--pairs"), Reader())
    lines = read_rows(layout, path)
    for line, columns in _rows(lines, "\t", range(2, sys.maxsize), "query<TAB>title"):
        query, title = columns[0].strip(), columns[1].strip()
        if not (query and title):
            raise UserError(f"{line.place}: received an empty text, expected query<TAB>title")
        if query != title:
            golds.setdefault(query, {})[title] = 1.0
    return _not_empty(golds, path, "a title that is not its query's own text")


def read_result(path: Path) -> Ranking:
    """A recall result `query<TAB>text<TAB>score`.

    Raises:
        UserError: a line is malformed, a text comes again for its query, or there is none.
    """
    ranking: Ranking = {}
    lines = lines_of(path, "--result")
    for line, (query, text, score) in _rows(lines, "\t", (3,), "query<TAB>text<TAB>score"):
        _add(ranking, query, text, score, line)
    return _not_empty(ranking, path, "lines query<TAB>text<TAB>score")


def read_qrels(path: Path) -> Golds:
    """TREC's qrels; what has relevance 0 or less is not to be found.

    Raises:
        UserError: a line is malformed, a document comes again for its query, or none is relevant.
    """
    grades: Golds = {}
    form = "query 0 document relevance"
    for line, (query, _, document, relevance) in _rows(lines_of(path, "--qrels"), None, (4,), form):
        _add(grades, query, document, relevance, line)
    relevant = {
        query: {document: grade for document, grade in own.items() if grade > 0}
        for query, own in grades.items()
    }
    golds = {query: own for query, own in relevant.items() if own}
    return _not_empty(golds, path, "a document with a relevance above 0")


def read_run(path: Path) -> Ranking:
    """TREC's run; what counts are the scores, not the ranks.

    Raises:
        UserError: a line is malformed, a document comes again for its query, or there is none.
    """
    ranking: Ranking = {}
    form = "query Q0 document rank score tag"
    for line, (query, _, document, _, score, _) in _rows(lines_of(path, "--run"), None, (6,), form):
        _add(ranking, query, document, score, line)
    return _not_empty(ranking, path, f"lines {form}")


def write_trec_files(golds: Golds, ranking: Ranking, folder: Path) -> None:
    """Write `qrels.txt` and `run.txt` with numbers for texts, which hold spaces.

    Queries are `q0`, `q1`, ... and texts `d0`, `d1`, ... in the order they come up.

    Raises:
        UserError: they cannot be written.
    """
    numbers: dict[str, str] = {}

    def document(text: str) -> str:
        return numbers.setdefault(text, f"d{len(numbers)}")

    qrels, run = [], []
    for number, (query, gold) in enumerate(golds.items()):
        for text, grade in sorted(gold.items()):
            qrels.append(f"q{number} 0 {document(text)} {grade:g}")
        for rank, (text, score) in enumerate(ranking.get(query, {}).items(), start=1):
            run.append(f"q{number} Q0 {document(text)} {rank} {score} textzoo")
    for name, lines in ((QRELS, qrels), (RUN, run)):
        write_lines(folder / name, lines, "--write-trec")


def _rows(
    lines: Iterable[Line], separator: Optional[str], widths: Container[int], form: str
) -> Iterator[tuple[Line, list[str]]]:
    for line in lines:
        columns = line.text.split(separator)
        if len(columns) not in widths:
            raise UserError(f"{line.place}: received {len(columns)} columns, expected {form}")
        yield line, columns


def _add(
    found: dict[str, dict[str, float]], query: str, text: str, number: str, line: Line
) -> None:
    """Note the number of a query's text.

    Raises:
        UserError: the text has one already, or it is no finite number.
    """
    own = found.setdefault(query, {})
    if text in own:
        raise UserError(
            f"{line.place}: received {text!r} for the query {query!r} again, expected it once"
        )
    try:
        own[text] = float(number)
    except ValueError:
        own[text] = math.nan
    if not math.isfinite(own[text]):
        raise UserError(f"{line.place}: received {number!r}, expected a finite number")


def _not_empty(read: Golds, path: Path, expected: str) -> Golds:
    if not read:
        raise UserError(f"{path}: received nothing to evaluate, expected {expected}")
    return read
