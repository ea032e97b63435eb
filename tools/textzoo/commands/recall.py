"""Embed and index a corpus, and recall its texts for queries: recall.py."""

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import run_with_config
from textzoo.text.streams import STANDARD_INPUT, check_one_standard_input

if TYPE_CHECKING:
    from textzoo.index.text_index import Hit, TextIndex
    from textzoo.inference.embedder import Embedder

log = logging.getLogger("textzoo")

_NAMED = 3  # texts that a message names

_OPTIONS = {
    "queries": "a file of one query a line, or - for typed ones; default: the test pairs. The "
    "result of FILE.txt is recall_result_FILE.txt",
    "add": "a file of texts to add to the index first, or to replace by their ids; "
    "in the form of the corpus; an index that is built anew lacks them: add them again",
    "delete": "a file of texts, or of ids, to delete from it first; in an index that is built "
    "anew those of the corpus are there again",
}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Recall texts of the corpus for queries."""
    parser = config_parser(
        "recall", "Embed and index the corpus, and recall texts for queries.", _OPTIONS
    )

    def recipe(parsed: argparse.Namespace) -> None:
        recall(parsed.config, parsed.override, parsed.queries, parsed.add, parsed.delete)

    return run_with_config("recall", recipe, parser, arguments)


def recall(
    path: Path,
    overrides: list[str],
    queries: Optional[Path],
    add: Optional[Path],
    delete: Optional[Path],
) -> None:
    """Recall texts for the test queries into `recall_result.txt`, or for other queries.

    Args:
        path: the config.
        overrides: of its keys.
        queries: a file of one query a line, whose result gets its name, as in
            `recall_result_queries.txt`; or `-` for what is typed. Default: the queries of the test
            pairs.
        add: a file of texts to add to the index, in the form of a corpus file.
        delete: a file of what to delete from it: texts or ids one a line, or such a file.

    Raises:
        UserError: config, options, files or index are not as they should be.
    """
    from textzoo.data.corpus import read_entries
    from textzoo.data.input_files import read_texts, test_queries
    from textzoo.files import check_output, write_lines
    from textzoo.index.opening import check_place
    from textzoo.inference.corpus_index import (
        corpus_entries,
        embedded,
        prepared_index,
        warn_if_empty,
    )
    from textzoo.inference.embedder import Embedder

    embedder = Embedder(path, overrides)
    config = embedder.config
    check_one_standard_input(
        {
            "--queries": queries,
            "--add": add,
            "--delete": delete,
            "runner.test_data_dir": None if queries else config.runner.test_data,
        }
    )
    result = embedder.output / f"recall_result{f'_{queries.stem}' if queries else ''}.txt"
    given = [path for path in (queries, add, delete) if path]
    if queries != Path("-"):
        check_output(result, "runner.infer_output_dir", [*embedder.inputs, *given])
    if add or delete:
        check_place(embedder.index_settings)
    to_add = corpus_entries(add, "--add", embedder) if add else []
    to_delete = read_entries(delete, "--delete", reader=embedder.reader) if delete else []
    if queries is None:
        texts = test_queries(config, embedder.reader)
    else:
        is_typed = queries == STANDARD_INPUT
        texts = [] if is_typed else read_texts(queries, "--queries", embedder.reader)
    index = prepared_index(embedder)
    n_added = n_deleted = 0
    if add:
        n_added = sum(index.add(*part) for part in embedded(to_add, embedder, add))
        log.info("added %d text(s) of %d", n_added, len(to_add))
    if delete:
        missing = [entry.id for entry in index.delete(to_delete)]
        n_deleted = len(to_delete) - len(missing)
        log.info("deleted %d text(s) of %d", n_deleted, len(to_delete))
        if missing:
            named = ", ".join(map(repr, missing[:_NAMED])) + (", ..." if missing[_NAMED:] else "")
            log.warning("--delete: not in the index: %s", named)
    if n_added or n_deleted:
        before = index.made_from
        index.made_from = {
            **before,
            "added": before.get("added", 0) + n_added,
            "deleted": before.get("deleted", 0) + n_deleted,
        }
        index.commit()
    warn_if_empty(index, embedder)
    if queries == STANDARD_INPUT:
        _answer_typed(embedder, index)
        return
    embeddings = embedder(texts, source=queries or config.runner.test_data)
    started = time.perf_counter()
    found = index.nearest(embeddings, config.index.recall_num, texts)
    seconds = time.perf_counter() - started
    write_lines(result, _result_lines(texts, found), "runner.infer_output_dir")
    log.info("%d queries in %.2f s (%.0f/s): %s", len(texts), seconds, len(texts) / seconds, result)


def _answer_typed(embedder: "Embedder", index: "TextIndex") -> None:
    """Answer each line of standard input."""
    from textzoo.data.input_files import lines_of
    from textzoo.text.lines import one_line

    if sys.stdin and sys.stdin.isatty():
        log.info("type one query a line; Ctrl-D ends (on Windows Ctrl-Z and Enter)")
    for line in lines_of(STANDARD_INPUT, "--queries"):
        query = one_line(line.text)
        found = index.nearest(embedder([query]), embedder.config.index.recall_num, [query])
        for answer in _result_lines([query], found):
            print(answer, flush=True)


def _result_lines(queries: list[str], found: "list[list[Hit]]") -> Iterator[str]:
    for query, hits in zip(queries, found):
        scores: dict[str, float] = {}
        for hit in hits:  # best first; in Milvus a text may stand under several ids
            scores.setdefault(hit.text, hit.score)
        yield from (f"{query}\t{text}\t{score:.6f}" for text, score in scores.items())
