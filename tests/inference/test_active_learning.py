"""The texts most worth labelling: margins by hand, no two that say the same."""

import numpy as np
import pytest

from textzoo.evaluation.predictions import predictions_of
from textzoo.inference.active_learning import (
    WithMargin,
    differing,
    least_sure,
    most_worth_labelling,
)
from textzoo.metrics.calibration import Calibration

NAMES = ["a", "b", "c"]
SCORES = np.array([[0.5, 0.1, 0.4], [0.9, 0.05, 0.05], [0.2, 0.2, 0.1]])


def margins(outputs, kind="tags", threshold=None, calibration=None):
    named = predictions_of(kind, NAMES, 2, threshold, calibration)
    rows = WithMargin(named, threshold, calibration).of_batch(outputs)
    assert all(row["top"] for row in rows)
    return [row["margin"] for row in rows]


def test_the_margin_is_how_far_the_best_label_is_ahead():
    assert margins({"scores": SCORES}) == pytest.approx([0.1, 0.85, 0])
    best = {"best_labels": np.array([[0, 2]]), "best_scores": np.array([[0.5, 0.4]])}
    assert margins(best) == pytest.approx([0.1])


def test_with_a_threshold_it_is_how_near_the_nearest_label_is():
    assert margins({"scores": SCORES}, threshold=0.3) == pytest.approx([0.1, 0.25, 0.1])
    own = [0.45, 0.3, 0.2]
    assert margins({"scores": SCORES}, threshold=own) == pytest.approx([0.05, 0.15, 0.1])


def test_with_a_calibration_it_is_of_probabilities():
    calibration = Calibration(2.0, -1.0)
    chances = 1 / (1 + np.exp(1 - 2 * SCORES))
    expected = np.sort(chances)[:, -1] - np.sort(chances)[:, -2]
    assert margins({"scores": SCORES}, calibration=calibration) == pytest.approx(expected, abs=1e-6)
    at = 1 / (1 + np.exp(1 - 2 * 0.3))
    expected = np.abs(chances - at).min(axis=1)
    found = margins({"scores": SCORES}, threshold=0.3, calibration=calibration)
    assert found == pytest.approx(expected, abs=1e-6)


def test_of_levels_it_is_the_least_of_any_label():
    scores = np.array([[[0.7, 0.2, 0.1], [0.5, 0.1, 0.4]], [[0, 0, 1.0], [1.0, 0, 0]]])
    assert margins({"scores": scores}, "levels") == pytest.approx([0.1, 1])


def rows_of(*margins, text=str):
    return [(text(place), {"margin": margin}) for place, margin in enumerate(margins)]


def test_the_least_sure_are_kept_each_text_once():
    rows = rows_of(0.5, 0.1, 0.9, 0.1, 0.3)
    assert [text for text, _ in least_sure(iter(rows), 3)] == ["1", "3", "4"]
    again = [*rows, ("1", {"margin": 0.0}), ("", {"margin": 0.0})]
    assert [text for text, _ in least_sure(again, 9)] == ["1", "3", "4", "0", "2"]
    random = np.random.default_rng(0).random(500).round(2).tolist()
    found = [(row["margin"], int(text)) for text, row in least_sure(rows_of(*random), 40)]
    assert found == sorted((margin, place) for place, margin in enumerate(random))[:40]


KINDS = ["the stock market fell", "the striker scored a goal", "a telescope saw the comet"]
TEXTS = [f"{text} {end}" for end in ("today", "today.", "Today!", "today,") for text in KINDS]


def test_texts_that_say_the_same_are_taken_last():
    for seed in range(10):
        taken = differing(TEXTS, 3, seed)
        assert taken[0] == 0 and {place % 3 for place in taken} == {0, 1, 2}
    assert sorted(differing(TEXTS, 12, 0)) == list(range(12))
    assert differing(TEXTS, 99, 0) == differing(TEXTS, 12, 0)


def test_the_same_seed_takes_the_same_texts():
    texts = [f"{a} {b} {c}" for a in ["red", "blue"] for b in ["ox", "cat"] for c in "12345"]
    assert differing(texts, 6, 1) == differing(texts, 6, 1)
    assert len({tuple(differing(texts, 6, seed)) for seed in range(5)}) > 1
    assert all(len(set(differing(texts, 6, seed))) == 6 for seed in range(5))


def test_texts_without_a_known_ngram_are_taken_too():
    assert sorted(differing(["!", "?", "x"], 3, 0)) == [0, 1, 2]
    assert differing([], 3, 0) == []


def test_of_many_texts_those_least_sure_and_differing_are_worth_most():
    sure = [(f"quite another text of its own {i}", {"margin": 0.9}) for i in range(30)]
    unsure = [(text, {"margin": 0.1 + i / 100}) for i, text in enumerate(TEXTS)]
    found = list(most_worth_labelling([*sure, *unsure], 1, 0))
    assert found == [{"text": TEXTS[0], "margin": 0.1}]
    three = [row["text"] for row in most_worth_labelling([*unsure, *sure[:18]], 3, 0)]
    assert three[0] == TEXTS[0] and len({text[:5] for text in three}) > 1
