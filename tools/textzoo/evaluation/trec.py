"""What a search gave against what it should have given: Recall@k, MRR@k, nDCG@k.

Two kinds of files: pairs (`query<TAB>title`) with a recall result (`query<TAB>text<TAB>score`),
and TREC's qrels (`query 0 document relevance`) with a run (`query Q0 document rank score tag`).
"""

from pathlib import Path
from typing import Optional

import numpy as np

from textzoo.errors import UserError
from textzoo.files import write_lines
from textzoo.text.lines import read_lines

CUTS = (1, 5, 10, 20, 50)
QRELS, RUN = "qrels.txt", "run.txt"

Golds = dict[str, set[str]]
Ranking = dict[str, list[tuple[str, float]]]


def evaluate_ranking(golds: Golds, ranking: Ranking, cuts: tuple[int, ...]) -> dict[str, float]:
    """Metrics averaged over all queries that have something to find.

    A query that the ranking lacks counts with 0. As in trec_eval, equal scores are ranked by
    document, the last first.

    Args:
        golds: for each query, what it is to find.
        ranking: for each query, what was found with its score, in any order.
        cuts: the k of recall@k, mrr@k and ndcg@k.

    Returns:
        The metrics by name, and `queries`, their number.
    """
    sums: dict[str, float] = {f"{m}@{k}": 0.0 for m in ("recall", "mrr", "ndcg") for k in cuts}
    for query, gold in golds.items():
        found = sorted(ranking.get(query, []), key=lambda row: (row[1], row[0]), reverse=True)
        ranks = np.array([i for i, (text, _) in enumerate(found, start=1) if text in gold])
        for k in cuts:
            within = ranks[ranks <= k]
            ideal = 1 / np.log2(1 + np.arange(1, min(k, len(gold)) + 1))
            sums[f"recall@{k}"] += len(within) / len(gold)
            sums[f"mrr@{k}"] += 1 / within[0] if len(within) else 0.0
            sums[f"ndcg@{k}"] += float((1 / np.log2(1 + within)).sum() / ideal.sum())
    means = {name: total / max(1, len(golds)) for name, total in sums.items()}
    return {**means, "queries": len(golds)}


def without_own_text(ranking: Ranking) -> tuple[Ranking, int]:
    """Leave each query's own text out of what it found; returns also for how many queries."""
    kept = {
        query: [(text, score) for text, score in found if text != query]
        for query, found in ranking.items()
    }
    return kept, sum(len(kept[query]) < len(ranking[query]) for query in ranking)


def read_pairs(path: Path) -> Golds:
    """Pairs `query<TAB>title`; further columns are not read. A title equal to its query is none."""
    golds: Golds = {}
    for columns in _rows(path, "\t", (2, 3, 4), "query<TAB>title"):
        query, title = columns[0].strip(), columns[1].strip()
        if query != title:
            golds.setdefault(query, set()).add(title)
    return golds


def read_result(path: Path) -> Ranking:
    """A recall result `query<TAB>text<TAB>score`."""
    ranking: Ranking = {}
    for query, text, score in _rows(path, "\t", (3,), "query<TAB>text<TAB>score"):
        ranking.setdefault(query, []).append((text, _number(path, score)))
    return ranking


def read_qrels(path: Path) -> Golds:
    """TREC's qrels; what has relevance 0 or less is not to be found."""
    golds: Golds = {}
    for query, _, document, relevance in _rows(path, None, (4,), "query 0 document relevance"):
        if _number(path, relevance) > 0:
            golds.setdefault(query, set()).add(document)
    return golds


def read_run(path: Path) -> Ranking:
    """TREC's run; what counts are the scores, not the ranks."""
    ranking: Ranking = {}
    form = "query Q0 document rank score tag"
    for query, _, document, _, score, _ in _rows(path, None, (6,), form):
        ranking.setdefault(query, []).append((document, _number(path, score)))
    return ranking


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
        qrels += [f"q{number} 0 {document(text)} 1" for text in sorted(gold)]
        for rank, (text, score) in enumerate(ranking.get(query, []), start=1):
            run.append(f"q{number} Q0 {document(text)} {rank} {score} textzoo")
    for name, lines in ((QRELS, qrels), (RUN, run)):
        write_lines(folder / name, lines, "--write-trec")


def _rows(
    path: Path, separator: Optional[str], widths: tuple[int, ...], form: str
) -> list[list[str]]:
    rows = []
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected lines {form}")
    for line in read_lines(path):
        columns = line.text.split(separator)
        if len(columns) not in widths:
            raise UserError(f"{line.place}: received {len(columns)} columns, expected {form}")
        rows.append(columns)
    return rows


def _number(path: Path, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{path}: received {text!r}, expected a number") from None
