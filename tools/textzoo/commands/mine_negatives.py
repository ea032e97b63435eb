"""Hard negatives from a trained model: texts that it takes for near and that do not mean the same.

Xiong et al. 2021, Approximate Nearest Neighbor Negative Contrastive Learning (ANCE), section 3.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from textzoo.config.schema import Index as IndexSettings
from textzoo.errors import UserError
from textzoo.files import write_lines
from textzoo.index.text_index import TextIndex
from textzoo.inference.corpus_index import prepared_index
from textzoo.inference.embedder import Embedder
from textzoo.text.lines import data_files, read_lines

log = logging.getLogger("textzoo")

_CHUNK = 4096  # queries that are searched at once


def mine_negatives(path: Path, overrides: list[str]) -> None:
    """Write `mined_train.tsv`: the training pairs, each with a negative from the corpus.

    A pair for which none is found is written without one.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be.
    """
    embedder = Embedder(path, overrides)
    runner, settings = embedder.config.runner, embedder.config.index
    if settings.mine_from > settings.mine_to:
        raise UserError(
            f"index.mine_to: received {settings.mine_to}, expected at least mine_from "
            f"({settings.mine_from})"
        )
    if runner.train_data_dir is None:
        raise UserError(f"{path}: runner.train_data_dir: missing; expected a path")
    index = prepared_index(embedder)
    files = data_files(runner.train_data_dir, "runner.train_data_dir")
    pairs = [embedder.reader.parse(line.text)[:2] for file in files for line in read_lines(file)]
    result = embedder.output / "mined_train.tsv"
    rows = list(_triples(pairs, embedder, index, settings))
    write_lines(result, ("\t".join(row) for row in rows))
    n_mined = sum(len(row) == 3 for row in rows)
    log.info("%d pairs, %d triples: %s", len(pairs), n_mined, result)


def _triples(
    pairs: list[tuple[str, str]], embedder: Embedder, index: TextIndex, settings: IndexSettings
) -> Iterator[tuple[str, ...]]:
    """Each pair with its negatives, one a row."""
    known: dict[str, set[str]] = {}
    for query, title in pairs:
        known.setdefault(query, {query}).add(title)
        known.setdefault(title, {title}).add(query)
    for first in range(0, len(pairs), _CHUNK):
        chunk = pairs[first : first + _CHUNK]
        queries = embedder([query for query, _ in chunk])
        titles = embedder([title for _, title in chunk])
        highest = np.einsum("nd,nd->n", queries, titles) - settings.mine_margin
        found = index.nearest(queries, settings.mine_to)
        for pair, hits, limit in zip(chunk, found, highest):
            negatives = [
                hit.text
                for hit in hits[settings.mine_from - 1 :]
                if hit.score <= limit and hit.text not in known[pair[0]]
            ][: settings.mine_per_pair]
            yield from ((*pair, negative) for negative in negatives)
            if not negatives:
                yield pair
