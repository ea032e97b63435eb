"""The section of a report about what recall.py found in an index."""

from itertools import islice
from typing import Optional
from xml.etree.ElementTree import Element

from textzoo.called import program
from textzoo.errors import UserError
from textzoo.evaluation.trec import (
    CUTS,
    Golds,
    Ranking,
    evaluate_ranking,
    read_result,
    without_own_text,
)
from textzoo.report.files import read_rows
from textzoo.report.markup import Column, note, section, table
from textzoo.report.predictions import N_EXAMPLES, Row
from textzoo.report.recorded import Run
from textzoo.report.results import neighbours_section
from textzoo.report.wording import say

_MOST_BYTES = 1 << 26
_TITLE = say("Recall of the index")
_KINDS = ("recall", "mrr", "ndcg")


def index_section(run: Run) -> Optional[Element]:
    """How much of what the test queries were to find the index found.

    Without predictions, which say what was to be found, the nearest texts of some queries.
    """
    path = run.folder / "infer" / "recall_result.txt"
    if not path.is_file():
        return None
    if path.stat().st_size > _MOST_BYTES:
        sentence = "{path} is large: {evaluate} tells what was recalled."
        return section(_TITLE, note(say(sentence, path=path, evaluate=program("evaluate"))))
    try:
        ranking, _ = without_own_text(read_result(path))
    except UserError as damage:
        return section(_TITLE, note(say("What recall found is damaged: {problem}", problem=damage)))
    predictions = run.infer and run.infer / "predictions.jsonl"
    if not predictions or not predictions.is_file():
        return neighbours_section(_examples(ranking))
    golds: Golds = {}
    for row in read_rows(predictions, run.kind):
        if others := set(row["tags"]) - {row["text"]}:
            golds.setdefault(row["text"], {}).update(dict.fromkeys(others, 1.0))
    if not golds.keys() & ranking.keys():
        return None  # recall.py was given other queries
    n_found = max(map(len, ranking.values()))
    cuts = tuple(k for k in CUTS if k <= n_found)
    found = evaluate_ranking(golds, ranking, cuts)
    return section(
        _TITLE,
        table(
            _TITLE,
            list(map(Column, ("k", *_KINDS))),
            [[k, *(found[f"{kind}@{k}"] for kind in _KINDS)] for k in cuts],
        ),
        note(
            say(
                "What recall found for the {count:,} different queries of the test rows; one with "
                "several titles is to find all of them.",
                count=found["queries"],
            )
        ),
    )


def _examples(ranking: Ranking) -> list[Row]:
    """Some queries as rows of predictions.jsonl that do not say what was to be found."""
    return [
        {"text": query, "tags": [], "top": [{"tag": t, "score": s} for t, s in found.items()]}
        for query, found in islice(ranking.items(), N_EXAMPLES)
    ]
