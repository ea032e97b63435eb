"""Recall@k, MRR@k and nDCG@k of a search result: evaluate.py."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from textzoo.called import program
from textzoo.commands.arguments import number_within
from textzoo.commands.cli import guarded
from textzoo.errors import UserError

_NAMED = 5  # queries without a result that are named


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Evaluate a recall result."""
    parser = argparse.ArgumentParser(
        prog=program("evaluate"),
        description="Recall@k, MRR@k and nDCG@k of a recall result, or of TREC's files.",
    )
    parser.add_argument("--pairs", type=Path, help="query<TAB>title, one pair a line")
    parser.add_argument("--result", type=Path, help="query<TAB>text<TAB>score, as recall writes it")
    parser.add_argument("--qrels", type=Path, help="in place of --pairs: TREC's qrels")
    parser.add_argument("--run", type=Path, help="in place of --result: TREC's run")
    parser.add_argument(
        "--cuts",
        type=number_within(int, 1),
        nargs="+",
        metavar="K",
        help="the k's; default: 1 5 10 20 50",
    )
    parser.add_argument(
        "--write-trec", type=Path, metavar="FOLDER", help="write qrels.txt and run.txt there"
    )
    parser.add_argument(
        "--keep-own-text",
        action="store_true",
        help="let a query's own text count as one that was found",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the metrics there, exact, as JSON"
    )
    parsed = parser.parse_args(arguments)
    if bool(parsed.pairs) == bool(parsed.qrels) or bool(parsed.result) == bool(parsed.run):
        parser.error("give --pairs or --qrels, and --result or --run")

    return guarded(program("evaluate"), lambda: evaluate(**vars(parsed)))


def evaluate(
    pairs: Optional[Path],
    result: Optional[Path],
    qrels: Optional[Path],
    run: Optional[Path],
    cuts: Optional[list[int]],
    write_trec: Optional[Path],
    keep_own_text: bool,
    output: Optional[Path] = None,
) -> None:
    """Read, evaluate, print the final line `metrics: {json}`; the arguments are evaluate.py's."""
    from textzoo.evaluation.trec import (
        CUTS,
        QRELS,
        RUN,
        evaluate_ranking,
        read_pairs,
        read_qrels,
        read_result,
        read_run,
        without_own_text,
        write_trec_files,
    )
    from textzoo.files import check_output, write_lines
    from textzoo.metrics.names import printed
    from textzoo.text.streams import check_one_standard_input

    check_one_standard_input({"--pairs": pairs, "--result": result, "--qrels": qrels, "--run": run})
    if write_trec:
        for name in (QRELS, RUN):
            inputs = [path for path in (pairs, result, qrels, run) if path]
            check_output(write_trec / name, "--write-trec", inputs)
    if output:
        check_output(output, "--output", [path for path in (pairs, result, qrels, run) if path])
    golds = read_pairs(pairs) if pairs else read_qrels(qrels or Path())
    ranking = read_result(result) if result else read_run(run or Path())
    if not keep_own_text:
        ranking, n_own = without_own_text(ranking)
        if n_own:
            print(f"{n_own} queries found their own text, which is left out")
    missing = [query for query in golds if query not in ranking]
    if len(missing) == len(golds):
        raise UserError(
            f"{result or run}: received results for none of the {len(golds)} queries of "
            f"{pairs or qrels}, such as {missing[0]!r}: expected the same queries in both"
        )
    if missing:
        named = ", ".join(map(repr, missing[:_NAMED])) + (", ..." if missing[_NAMED:] else "")
        print(f"{len(missing)} of {len(golds)} queries have no result and count with 0: {named}")
    if write_trec:
        write_trec_files(golds, ranking, write_trec)
    metrics = evaluate_ranking(golds, ranking, tuple(cuts or CUTS))
    if output:
        write_lines(output, [json.dumps(metrics, indent=1)], "--output")
    print(printed(metrics))
