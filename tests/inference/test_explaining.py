"""Why a label scores as it does, compared with shares that are computed by hand."""

import numpy as np
import pytest

from textzoo.errors import BadText
from textzoo.inference.explaining import MOST_SPANS, Explainer
from textzoo.linear.features import Features, ViewSettings
from textzoo.linear.fusion import ALONE, Mixed, NetAlone, Stacked
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


def counted(texts):
    """A net: the logit of cooking is how often a text says knife, that of travel train."""
    logits = [[text.count("knife"), text.count("train")] for text in texts]
    return {"scores": 1 / (1 + np.exp(-np.array(logits, np.float32)))}


def not_computed(texts):
    raise AssertionError("the net does not count")


def shares(part, text, label):
    """What each n-gram adds: its feature times its weight, with dense arrays."""
    row = part.features(characters_of([text])).toarray()[0]
    weights = np.zeros(len(row))
    ngrams, own = part.weights.of_label(label)
    weights[ngrams] = own
    return {part.features.name(i): row[i] * weights[i] for i in np.flatnonzero(row * weights)}


def explained(explainer, text, n, tags=("travel", "cooking")):
    row = {"top": [{"tag": tag, "score": 0.0} for tag in tags]}
    explainer.explain([text], [row], n)
    return row


def of_words(explainer, text, n=100):
    """The shares of the words of each tag."""
    top = explained(explainer, text, n)["top"]
    return {best["tag"]: {one["word"]: one["share"] for one in best["words"]} for best in top}


def test_ngrams_are_told_with_the_weight_of_the_linear_scores(part):
    text = "a sharp train"
    found = explained(Explainer(NAMES, counted, Mixed(0.4), part), text, 1000)
    few = explained(Explainer(NAMES, counted, Mixed(0.4), part), text, 3)
    assert found["shares_of"] == "score"
    for best, less in zip(found["top"], few["top"]):
        label = NAMES.index(best["tag"])
        expected = {ngram: 0.4 * s for ngram, s in shares(part, text, label).items() if s > 1e-5}
        told = {one["ngram"]: one["share"] for one in best["why"]}
        assert told == pytest.approx(expected, abs=1e-5)
        assert list(told.values()) == sorted(told.values(), reverse=True)
        assert less["why"] == best["why"][:3]


@pytest.mark.parametrize("text", ["A  sharp train", "a knife, a knife", "no town"])
def test_words_of_the_linear_part_add_up_to_its_score(part, text):
    scores = part.scores(characters_of([text]))[0]
    found = of_words(Explainer(NAMES, not_computed, ALONE, part), text)
    spans, by_hand = Explainer(NAMES, not_computed, ALONE, part).shares(text, NAMES)
    np.testing.assert_allclose(by_hand.sum(axis=1), scores, atol=1e-6)
    assert [text[start:end] for start, end in spans] == text.split()
    if len(set(text.split())) == len(spans):
        for label, name in enumerate(NAMES):
            expected = dict(zip(text.split(), by_hand[label].round(6)))
            assert found[name] == {word: share for word, share in expected.items() if share}


def test_an_ngram_is_divided_among_its_words_and_its_occurrences():
    """By hand: "b" of "a b b" has both its n-grams of one word, and a half of "a b", "b b"."""
    features, _ = Features.fit(characters_of(["a b b", "b a"]), [ViewSettings("words", 1, 2)], 1)
    names = [features.name(i) for i in range(len(features))]
    weights = np.array([[1.0 + i] for i in range(len(features))])
    part = LinearPart(features, Weights.largest([weights], len(features)))
    row = features(characters_of(["a b b"])).toarray()[0]
    of = {name: value * weight for name, value, weight in zip(names, row, weights[:, 0])}
    expected = [
        of["a"] + of["a b"] / 2,
        of["b"] / 2 + of["a b"] / 2 + of["b b"] / 2,
        of["b"] / 2 + of["b b"] / 2,
    ]
    _, found = Explainer(["x"], not_computed, ALONE, part).shares("a b b", ["x"])
    np.testing.assert_allclose(found, [expected], rtol=1e-3)


def test_first_words_that_count_twice_have_the_double_part():
    views = [ViewSettings("words", 1, 1, lead_words=1)]
    features, _ = Features.fit(characters_of(["b b a", "a"]), views, 1)
    weights = np.array([[1.0] if features.name(i) == "b" else [0.0] for i in range(2)])
    part = LinearPart(features, Weights.largest([weights], 2))
    _, found = Explainer(["x"], not_computed, ALONE, part).shares("b b a", ["x"])
    assert found[0, 0] == pytest.approx(2 * found[0, 1]) and found[0, 1] > 0 == found[0, 2]


def test_a_word_has_its_characters_and_the_spaces_on_either_side():
    """By hand: of "ab" the trigrams " ab" and "ab " are of this word alone."""
    views = [ViewSettings("within_words", 3, 3)]
    features, _ = Features.fit(characters_of(["ab cd", "ab"]), views, 1)
    weights = np.ones((len(features), 1))
    part = LinearPart(features, Weights.largest([weights], len(features)))
    of = shares(part, "ab cd", 0)
    _, found = Explainer(["x"], not_computed, ALONE, part).shares("ab cd", ["x"])
    expected = [of[" ab"] + of["ab "], of[" cd"] + of["cd "]]
    np.testing.assert_allclose(found, [expected], rtol=1e-3)


def test_chinese_characters_share_their_ngrams():
    views = [ViewSettings("characters", 2, 2)]
    features, _ = Features.fit(characters_of(["停车场"]), views, 1)
    part = LinearPart(features, Weights.largest([np.ones((2, 1))], 2))
    of = shares(part, "停车场", 0)
    for text in ("停车场", "停 车场"):
        (found,) = Explainer(["x"], not_computed, ALONE, part).shares(text, ["x"])[1]
        expected = [of["停车"] / 2, (of["停车"] + of["车场"]) / 2, of["车场"] / 2]
        np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_of_a_net_a_word_has_what_the_log_odds_lose_without_it():
    found = explained(Explainer(NAMES, counted, NetAlone("probabilities")), "a knife or train", 9)
    assert found["shares_of"] == "logit"
    (travel, cooking) = (best["words"] for best in found["top"])
    assert [(w["word"], w["start"], w["end"]) for w in cooking] == [("knife", 2, 7)]
    assert cooking[0]["share"] == pytest.approx(1, abs=1e-5)  # its logit is 1 with it, 0 without
    assert [w["word"] for w in travel] == ["train"]
    assert all("why" not in best for best in found["top"])


def test_of_two_words_of_which_either_is_enough_both_have_nothing():
    def either(texts):
        return {"scores": np.array([["knife" in t or "fork" in t, 0] for t in texts], np.float32)}

    assert of_words(Explainer(NAMES, either, NetAlone("any")), "knife fork") == {
        "cooking": {},
        "travel": {},
    }


def test_logits_of_a_softmax_are_compared_as_log_probabilities():
    """By hand: without knife the logits are 0 and 0, with it 2 and 0."""

    def net(texts):
        return {"scores": np.array([[2 * t.count("knife"), 0] for t in texts], np.float32)}

    explainer = Explainer(NAMES, net, NetAlone("logits"))
    found = of_words(explainer, "a knife")
    assert found["cooking"]["knife"] == pytest.approx(np.log(2) - np.log(1 + np.exp(-2)), abs=1e-5)
    assert found["travel"]["knife"] == pytest.approx(np.log(2) - np.log(1 + np.exp(2)), abs=1e-5)
    assert explained(explainer, "a", 1)["shares_of"] == "log_probability"


def test_both_parts_add_up_on_the_scale_of_the_sum_of_their_scores(part):
    """By hand: 2 x linear + 0.5 x the net's standardised logit, whose deviations are 1 and 3."""
    labels = np.array([[0.1, 0.2], [1, 3]])
    fusion = Stacked(2.0, 0.5, -1.0, labels, "probabilities")
    text = "a knife train"
    _, found = Explainer(NAMES, counted, fusion, part).shares(text, NAMES)
    _, linear = Explainer(NAMES, not_computed, ALONE, part).shares(text, NAMES)
    net = 0.5 * np.array([[0, 1 * 2 / 1, 0], [0, 0, 1 * 2 / 3]])  # the mean deviation is 2
    np.testing.assert_allclose(found, 2 * linear + net, atol=1e-5)
    assert explained(Explainer(NAMES, counted, fusion, part), text, 1)["shares_of"] == "logit"
    mixed = Explainer(NAMES, counted, Mixed(0.25, "probabilities"), part)
    _, found = mixed.shares(text, NAMES)
    half = 1 / (1 + np.exp(-1)) - 0.5
    net = 0.75 * np.array([[0, half, 0], [0, 0, half]])
    np.testing.assert_allclose(found, 0.25 * linear + net, atol=1e-6)


def test_of_very_many_labels_one_beyond_the_best_has_the_lowest_score():
    """By hand: without knife cooking is not among the best, whose lowest score is 0.25."""

    def net(texts):
        best = np.array([[0, 1] if "knife" in text else [1, 2] for text in texts])
        return {"best_labels": best, "best_scores": np.array([[0.75, 0.25]] * len(texts))}

    explainer = Explainer([*NAMES, "other"], net, NetAlone("any"))
    assert of_words(explainer, "a knife")["cooking"] == {"knife": 0.5}


def test_a_level_has_the_words_of_its_own_score():
    def net(texts):
        travel = [[0.2, 0.8] if "red" in text else [0.8, 0.2] for text in texts]
        return {"scores": np.array([[[0.5, 0.5], own] for own in travel])}

    tags = ["travel:1", "travel:0"]
    row = explained(Explainer(NAMES, net, NetAlone("any")), "a red train", 5, tags)
    assert [best["words"][0]["share"] for best in row["top"]] == pytest.approx([0.6, -0.6])
    assert all(best["words"][0]["word"] == "red" for best in row["top"])


def test_the_clearest_words_are_told_those_for_the_label_first():
    def net(texts):
        values = {"a": 0.1, "b": -0.5, "c": 0.3, "d": 0.2}
        return {"scores": np.array([[sum(v for w, v in values.items() if w in t)] for t in texts])}

    explainer = Explainer(["x"], net, NetAlone("any"))
    words = explained(explainer, "a b c d", 3, ["x"])["top"][0]["words"]
    assert [(w["word"], w["share"]) for w in words] == [("c", 0.3), ("d", 0.2), ("b", -0.5)]


def test_a_long_text_is_computed_once_for_each_of_64_spans():
    asked = []

    def net(texts):
        asked.append(texts)
        return counted(texts)

    text = "word " * 300 + "knife"
    explainer = Explainer(NAMES, net, NetAlone("probabilities"))
    (best,) = explained(explainer, text, 5, ["cooking"])["top"]
    assert [len(texts) for texts in asked] == [1 + MOST_SPANS]
    (span,) = best["words"]
    assert span["word"].endswith("word knife") and text[span["start"] : span["end"]] == span["word"]


def test_nothing_speaks_for_a_label_of_an_empty_text(part):
    for explainer in (
        Explainer(NAMES, not_computed, Mixed(0.5), part),
        Explainer(NAMES, not_computed, NetAlone("any")),
    ):
        row = explained(explainer, " ", 5)
        assert all(best["words"] == best.get("why", []) == [] for best in row["top"])


def test_a_reader_that_refuses_what_is_left_of_a_text_leaves_the_net_out():
    def net(texts):
        raise BadText("texts[1]: received an empty text")

    assert of_words(Explainer(NAMES, net, NetAlone("any")), "knife")["cooking"] == {}
