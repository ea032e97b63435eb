"""How near the nearest text usually is: a quantile of what an index finds."""

import numpy as np
import pytest

from textzoo.export.nearness import lowest_usual_score


class Index:
    """Finds each query itself, and next to it a text with the score that the query is."""

    def search(self, texts, k):
        assert k == 2
        return [[{"text": t, "score": 1.0}, {"text": "other", "score": float(t)}] for t in texts]


def test_it_is_what_19_of_20_queries_reach_with_another_text_than_their_own():
    queries = [f"{i / 100:.2f}" for i in range(100)]
    scores = np.array(queries, float)
    found = lowest_usual_score(Index(), queries)
    assert found == pytest.approx(np.quantile(scores, 0.05), abs=1e-6)
    assert (scores >= found).mean() == 0.95


def test_few_queries_tell_nothing():
    assert lowest_usual_score(Index(), ["0.5"] * 19) is None
    assert lowest_usual_score(Index(), ["0.5"] * 20) == 0.5
