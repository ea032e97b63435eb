"""How near the nearest text of an index usually is: farther away, what is found fits weakly."""

from collections.abc import Sequence
from typing import Optional

import numpy as np

from textzoo.serving.in_process import SemanticIndex

_SHARE = 0.05  # of usual queries that count as weakly answered
_FEWEST = 20  # queries that tell what is usual


def lowest_usual_score(index: SemanticIndex, queries: Sequence[str]) -> Optional[float]:
    """The score that the nearest text reaches for 19 of 20 usual queries; a query finds no copy.

    Source: the threshold of Sun et al., Out-of-distribution detection with deep nearest neighbors,
    2022, section 3: of data like those of training, 95 % are taken as such.

    Args:
        index: what is searched.
        queries: usual ones, such as those of the test rows.

    Returns:
        None: the queries are too few to tell.
    """
    best = [
        next((hit["score"] for hit in hits if hit["text"] != query), None)
        for query, hits in zip(queries, index.search(queries, 2))
    ]
    scores = [score for score in best if score is not None]
    if len(scores) < _FEWEST:
        return None
    return round(float(np.quantile(scores, _SHARE)), 6)
