"""Negatives are near by the index, below the title's cosine, and not known to mean the same."""

import numpy as np
import pytest

from textzoo.config.schema import IndexSettings
from textzoo.index.text_index import Hit
from textzoo.inference.hard_negatives import KNOWN, LEFT, TAKEN, TEACHER, HardNegatives

ANGLES = {"q": 0, "title": 30, "near": 10, "also": 20, "same": 25, "far": 80, "other": 90}


def embed(texts, side="query"):
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


def miner_of(seed=0, teacher=None, **settings):
    given = {"mine_from": 1, "mine_to": 7, "mine_per_pair": 9, "mine_margin": 0.0, **settings}
    return HardNegatives(embed, Index(), IndexSettings(**given), seed, teacher)


def mined(pairs, **settings):
    return miner_of(**settings).of_pairs(pairs)


# Cosines with "q": near .98, also .94, same .91, title .87, far .17, other 0.


def test_what_is_nearer_than_the_title_is_no_negative():
    assert mined([("q", "title")]) == [("q", "title", "far", "other")]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"mine_margin": 0.75}, ("other",)),
        ({"mine_margin": None}, ("near", "also", "same", "far", "other")),
        ({"mine_margin": -0.1}, ("also", "same", "far", "other")),  # up to 0.1 above the title's
        ({"mine_margin": None, "mine_max_score": 0.95}, ("also", "same", "far", "other")),
        ({"mine_margin": None, "mine_min_score": 0.1}, ("near", "also", "same", "far")),
        ({"mine_relative_margin": 0.79}, ("far", "other")),  # at most 0.182
        ({"mine_relative_margin": 0.81}, ("other",)),  # at most 0.165
        ({"mine_min_score": 0.9}, ()),
    ],
)
def test_rules_leave_out_what_may_mean_the_same_or_is_too_far(rules, expected):
    assert mined([("q", "title")], **rules) == [("q", "title", *expected)]


def test_texts_that_any_pair_says_mean_the_same_are_left_out_in_both_directions():
    rows = mined([("q", "near"), ("same", "q"), ("also", "far")])
    assert rows[0] == ("q", "near", "also", "title", "far", "other")


def test_ranks_and_number_of_negatives_are_those_asked_for():
    # By rank: q, near, also, same, title, far, other.
    assert mined([("q", "near")], mine_from=4, mine_per_pair=2) == [("q", "near", "same", "title")]
    assert mined([("q", "near")], mine_to=3) == [("q", "near", "also")]


def test_negatives_that_a_pair_has_stay_first_and_count():
    miner = miner_of(mine_margin=None, mine_per_pair=2)
    rows = miner.of_pairs([("q", "title", "also"), ("q", "title", "other", "far", "near")])
    assert rows == [("q", "title", "also", "near"), ("q", "title", "other", "far", "near")]
    # Of seven texts q and title are known, and those that the pairs have are no candidates.
    assert (miner.counts[KNOWN], miner.counts[LEFT], miner.counts[TAKEN]) == (4, 4 + 2, 1)


def test_a_text_under_several_ids_is_one_candidate(monkeypatch):
    nearest = Index.nearest
    monkeypatch.setattr(
        Index, "nearest", lambda *asked: [hits[:3] + hits[1:] for hits in nearest(*asked)]
    )
    miner = miner_of(mine_margin=None, mine_per_pair=3, mine_from=2)
    assert miner.of_pairs([("q", "title")]) == [("q", "title", "near", "also", "same")]
    assert miner.counts == {KNOWN: 1, LEFT: 5, TAKEN: 3}


def test_a_pair_without_a_negative_is_kept_as_it_is():
    assert mined([("q", "other")], mine_to=2, mine_margin=0.5) == [("q", "other")]


def test_each_candidate_is_counted_by_the_first_rule_that_leaves_it_out():
    miner = miner_of(
        mine_from=2, mine_max_score=0.95, mine_min_score=0.1, mine_relative_margin=0.5,
        mine_per_pair=1,
    )  # fmt: skip
    # near is above 0.95, other below 0.1; also and same are nearer than the title, which is known.
    rows = miner.of_pairs([("q", "title")])
    assert rows == [("q", "title", "far")]
    assert miner.counts == {
        KNOWN: 1,
        "mine_max_score": 1,
        "mine_min_score": 1,
        "mine_margin": 2,
        "mine_relative_margin": 0,
        LEFT: 1,
        TAKEN: 1,
    }
    assert list(miner.counts)[-2:] == [LEFT, TAKEN]


def test_counts_sum_to_all_candidates():
    pairs = [("q", "near"), ("title", "far"), ("same", "also")]
    miner = miner_of(mine_relative_margin=0.1, mine_max_score=0.99, mine_per_pair=1)
    rows = miner.of_pairs(pairs)
    counts = dict(miner.counts)
    assert counts.pop(TAKEN) == sum(len(row) - 2 for row in rows)
    assert sum(counts.values()) == len(pairs) * len(ANGLES)


def test_random_choices_are_of_what_is_left_and_the_seed_s():
    def chosen(seed):
        settings = {"mine_sampling": "random", "mine_margin": None, "mine_per_pair": 2}
        return miner_of(seed, **settings).of_pairs([("q", "title")] * 20)

    assert chosen(1) == chosen(1) != chosen(2)
    order = ["near", "also", "same", "far", "other"]
    found = {row[2:] for row in chosen(1)}
    assert len(found) > 5
    for first, second in found:
        assert order.index(first) < order.index(second)  # nearest first
    assert {text for row in found for text in row} == set(order)


def test_what_a_teacher_finds_nearer_than_the_title_is_left_out():
    theirs = {**ANGLES, "far": 10, "near": 40}
    asked = []

    def teacher(texts, side):
        asked.extend((text, side) for text in texts)
        radians = np.radians([theirs[text] for text in texts])
        return np.stack([np.cos(radians), np.sin(radians)], axis=1)

    miner = miner_of(mine_margin=None, teacher=teacher)
    # near, which we have nearer than the title, is farther to the teacher; also, same, far nearer.
    assert miner.of_pairs([("q", "title")] * 2) == [("q", "title", "near", "other")] * 2
    assert miner.counts[TEACHER] == 6 and miner.counts[LEFT] == 4
    assert len(asked) == len(set(asked))
    assert [text for text, side in asked if side == "query"] == ["q"]
