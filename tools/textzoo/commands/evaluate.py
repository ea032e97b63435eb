"""Evaluate a search result."""

import json
from pathlib import Path
from typing import Optional

from textzoo.evaluation.trec import (
    CUTS,
    evaluate_ranking,
    read_pairs,
    read_qrels,
    read_result,
    read_run,
    without_own_text,
    write_trec_files,
)


def report(
    pairs: Optional[Path],
    result: Optional[Path],
    qrels: Optional[Path],
    run: Optional[Path],
    cuts: Optional[list[int]],
    write_trec: Optional[Path],
    keep_own_text: bool,
) -> int:
    """Read, evaluate, print the final line `metrics: {json}`; the arguments are evaluate.py's."""
    golds = read_pairs(pairs) if pairs else read_qrels(qrels)
    ranking = read_result(result) if result else read_run(run)
    if not keep_own_text:
        ranking, n_own = without_own_text(ranking)
        if n_own:
            print(f"{n_own} queries found their own text, which is left out")
    missing = sum(query not in ranking for query in golds)
    if missing:
        print(f"{missing} of {len(golds)} queries have no result and count with 0")
    if write_trec:
        write_trec_files(golds, ranking, write_trec)
    metrics = evaluate_ranking(golds, ranking, tuple(cuts or CUTS))
    print(f"metrics: {json.dumps(metrics)}")
    return 0
