"""Negatives are near by the index, below the title's cosine, and not known to mean the same."""

import numpy as np

from textzoo.config.schema import IndexSettings
from textzoo.index.text_index import Hit
from textzoo.inference.hard_negatives import triples

ANGLES = {"q": 0, "title": 30, "near": 10, "also": 20, "same": 25, "far": 80, "other": 90}


def embed(texts):
    radians = np.radians([ANGLES[text] for text in texts])
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


class Index:
    """All texts but those of `without`, sorted by all cosines."""

    def __init__(self):
        self.made_from = {}

    def nearest(self, queries, k):
        found = []
        for query in queries:
            cosines = {text: float(query @ embed([text])[0]) for text in ANGLES}
            best = sorted(cosines, key=cosines.get, reverse=True)[:k]
            found.append([Hit(text, cosines[text]) for text in best])
        return found


def mined(pairs, **settings):
    settings = IndexSettings(
        **{"mine_from": 1, "mine_to": 7, "mine_per_pair": 9, "mine_margin": 0.0, **settings}
    )
    return list(triples(pairs, embed, Index(), settings))


def test_what_is_nearer_than_the_title_is_no_negative():
    # "near", "also" and "same" are nearer to the query than its title.
    assert mined([("q", "title")]) == [("q", "title", "far"), ("q", "title", "other")]


def test_a_margin_leaves_out_what_is_hardly_farther():
    # cos 30 = 0.87, cos 80 = 0.17, cos 90 = 0
    assert mined([("q", "title")], mine_margin=0.75) == [("q", "title", "other")]


def test_texts_that_any_pair_says_mean_the_same_are_left_out_in_both_directions():
    pairs = [("q", "near"), ("same", "q"), ("also", "far")]
    first = [negative for query, title, *negative in mined(pairs) if (query, title) == pairs[0]]
    assert first == [["also"], ["title"], ["far"], ["other"]]


def test_ranks_and_number_of_negatives_are_those_asked_for():
    # By rank: q, near, also, same, title, far, other.
    assert mined([("q", "near")], mine_from=4, mine_per_pair=2) == [
        *(("q", "near", "same"), ("q", "near", "title")),
    ]
    assert mined([("q", "near")], mine_to=3) == [("q", "near", "also")]


def test_a_pair_without_a_negative_is_kept_as_it_is():
    assert mined([("q", "other")], mine_to=2, mine_margin=0.5) == [("q", "other")]
