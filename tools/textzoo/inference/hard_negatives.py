"""Hard negatives from a trained model: texts that it takes for near and that do not mean the same.

Xiong et al. 2021, Approximate Nearest Neighbor Negative Contrastive Learning (ANCE), section 3.
"""

from collections.abc import Iterator

import numpy as np

from textzoo.config.schema import IndexSettings
from textzoo.index.centering import center_of, centred
from textzoo.index.text_index import TextIndex
from textzoo.inference.embedder import Embedder

_CHUNK = 4096  # queries that are searched at once


def triples(
    pairs: list[tuple[str, str]], embedder: Embedder, index: TextIndex, settings: IndexSettings
) -> Iterator[tuple[str, ...]]:
    """Each pair with its negatives, one a row."""
    known: dict[str, set[str]] = {}
    for query, title in pairs:
        known.setdefault(query, {query}).add(title)
        known.setdefault(title, {title}).add(query)
    center = center_of(index.made_from)
    for first in range(0, len(pairs), _CHUNK):
        chunk = pairs[first : first + _CHUNK]
        queries = embedder([query for query, _ in chunk])
        titles = embedder([title for _, title in chunk])
        compared = (centred(embeddings, center) for embeddings in (queries, titles))
        highest = np.einsum("nd,nd->n", *compared) - settings.mine_margin
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
