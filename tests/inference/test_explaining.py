"""Why a label scores as it does, compared with shares that are computed by hand."""

import numpy as np
import pytest

from textzoo.linear.explaining import Explainer, visible
from textzoo.linear.features import Features, ViewSettings
from textzoo.linear.fusion import Stacked
from textzoo.linear.part import LinearPart, Weights
from textzoo.text.characters import characters_of

TEXTS = ["a sharp knife", "a knife, a fork", "a red train", "the train to a town"]
NAMES = ["cooking", "travel"]
VIEWS = [ViewSettings("words", 1, 2), ViewSettings("within_words", 2, 3, 0.7)]


@pytest.fixture(scope="module")
def part():
    features, _ = Features.fit(characters_of(TEXTS), VIEWS, 1)
    weights = np.random.default_rng(0).normal(size=(len(features), 2))
    return LinearPart(features, Weights.largest([weights], len(features)))


def shares(part, text, label):
    """What each n-gram adds: its feature times its weight, with dense arrays."""
    row = part.features(characters_of([text])).toarray()[0]
    weights = np.zeros(len(row))
    ngrams, own = part.weights.of_label(label)
    weights[ngrams] = own
    return {part.features.name(i): row[i] * weights[i] for i in np.flatnonzero(row * weights)}


def explained(part, weight, text, n):
    row = {"top": [{"tag": tag, "score": 0.0} for tag in reversed(NAMES)]}
    Explainer(part, weight, NAMES).explain([text], [row], n)
    return {best["tag"]: best["why"] for best in row["top"]}


def test_all_shares_of_a_label_add_up_to_its_score(part):
    text = "A  sharp train"
    scores = part.scores(characters_of([text]))[0]
    for label in (0, 1):
        assert sum(shares(part, text, label).values()) == pytest.approx(scores[label], abs=1e-5)


def test_the_largest_shares_are_told_with_the_weight_of_the_linear_scores(part):
    text = "a sharp train"
    found = explained(part, 0.4, text, 1000)
    for label, name in enumerate(NAMES):
        expected = {ngram: 0.4 * s for ngram, s in shares(part, text, label).items() if s > 1e-5}
        told = {one["ngram"]: one["share"] for one in found[name]}
        assert told == pytest.approx(expected, abs=1e-5)
        assert list(told.values()) == sorted(told.values(), reverse=True)
        assert explained(part, 0.4, text, 3)[name] == found[name][:3]


def test_of_a_stacked_score_the_shares_are_of_its_logit(part):
    text, names = "a sharp train", ["cooking"]
    fusion = Stacked(2.0, 0.5, -1.0, np.ones((2, 2)), "logits")
    row = {"top": [{"tag": "cooking", "score": 0.0}]}
    Explainer(part, fusion.factor, names).explain([text], [row], 1000)
    (largest,) = {max(2.0 * share for share in shares(part, text, 0).values())}
    assert row["top"][0]["why"][0]["share"] == pytest.approx(largest, abs=1e-5)


def test_texts_are_explained_each_by_its_own_ngrams(part):
    labels = [[0], [], [1, 0]]
    texts = ["a knife", "", "the town"]
    found = part.reasons(texts, labels, 4)
    assert [len(own) for own in found] == [1, 0, 2]
    assert found[2] == part.reasons(texts[2:], labels[2:], 4)[0]


def test_nothing_speaks_for_a_label_without_known_ngrams_or_weight(part):
    assert explained(part, 1.0, "", 5) == {"cooking": [], "travel": []}
    assert explained(part, 0.0, "a knife", 5) == {"cooking": [], "travel": []}


def test_spaces_at_the_ends_of_an_ngram_can_be_seen():
    assert [visible(n) for n in ("a b", " a", "a b ", " ")] == ["a b", "␣a", "a b␣", "␣"]
