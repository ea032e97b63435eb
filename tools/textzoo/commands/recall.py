"""Recall texts of a corpus for queries: the recipe behind recall.py."""

import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

from textzoo.data.corpus import read_entries
from textzoo.data.input_files import _test_queries, read_texts
from textzoo.files import write_lines
from textzoo.index.text_index import Hit, TextIndex
from textzoo.inference.corpus_index import _embedded, _entries, prepared_index
from textzoo.inference.embedder import Embedder

log = logging.getLogger("textzoo")


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
    """
    embedder = Embedder(path, overrides)
    config = embedder.config
    index = prepared_index(embedder)
    changed = 0
    if add:
        entries = _entries(add, "--add", embedder)
        changed += (n_added := sum(index.add(*part) for part in _embedded(entries, embedder)))
        log.info("added %d text(s) of %d", n_added, len(entries))
    if delete:
        entries = read_entries(delete, "--delete")
        changed += (n_deleted := index.delete(entries))
        log.info("deleted %d text(s) of %d", n_deleted, len(entries))
    if changed:
        index.commit()
    if queries == Path("-"):
        _answer_typed(embedder, index)
        return
    texts = read_texts(queries, "--queries") if queries else _test_queries(config)
    embeddings = embedder(texts)
    started = time.perf_counter()
    found = index.nearest(embeddings, config.index.recall_num)
    seconds = time.perf_counter() - started
    result = embedder.output / f"recall_result{f'_{queries.stem}' if queries else ''}.txt"
    write_lines(result, _result_lines(texts, found))
    log.info("%d queries in %.2f s (%.0f/s): %s", len(texts), seconds, len(texts) / seconds, result)


def _answer_typed(embedder: Embedder, index: TextIndex) -> None:
    """Answer each line of standard input."""
    for line in sys.stdin:
        if query := line.strip():
            found = index.nearest(embedder([query]), embedder.config.index.recall_num)
            for answer in _result_lines([query], found):
                print(answer, flush=True)


def _result_lines(queries: list[str], found: list[list[Hit]]) -> Iterator[str]:
    for query, hits in zip(queries, found):
        for hit in hits:
            yield f"{query}\t{hit.text}\t{hit.score:.6f}"
