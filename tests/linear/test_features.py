"""TF-IDF of n-grams, compared with scikit-learn's."""

import json
import re
import shutil

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from textzoo.linear.features import Features, ViewSettings
from textzoo.text.characters import characters_of

PARTS = [
    *("The cat", "the CAT!", "停车场很吵", "停车 场", "😀 ☃️", "a, b", "naïve", "x"),
    *("in 1999?", "don't", "\u3000楼下", "\ta\n b", "tram-line", "Straße", "İzmir", ""),
]


def made_up(n, seed):
    random = np.random.default_rng(seed)
    sizes = random.integers(0, 8, n)
    texts = [" ".join(random.choice(PARTS, size)) + " " * (size % 3) for size in sizes]
    return [*texts, "", " \t"]


TEXTS, NEW = made_up(120, 0), [*made_up(30, 1), "words that none has ever had", "场停楼吵"]
VIEWS = [
    ViewSettings("words", 1, 2),
    ViewSettings("characters", 1, 3),
    ViewSettings("within_words", 3, 5),
]
BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")  # all of TEXTS that counts
ANALYZERS = {"words": "word", "characters": "char", "within_words": "char_wb"}


def vectorizer(view, min_df=2):
    def prepared(text):
        text = " ".join(text.lower().split())
        return BETWEEN_HAN.sub("", text) if view.kind == "characters" else text

    return TfidfVectorizer(
        analyzer=ANALYZERS[view.kind],
        ngram_range=(view.shortest, view.longest),
        token_pattern=r"\w+|[^\w\s]" if view.kind == "words" else None,
        preprocessor=prepared,
        min_df=min_df,
        sublinear_tf=True,
        dtype=np.float64,
    )


def named(matrix, names):
    """The columns of a matrix by the names of their n-grams."""
    return dict(zip(names, matrix.toarray().T))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.kind)
@pytest.mark.parametrize("min_texts", [1, 2, 9])
def test_rows_are_those_of_scikit_learn(view, min_texts):
    features, rows = Features.fit(characters_of(TEXTS), [view], min_texts)
    theirs = vectorizer(view, min_texts)
    expected = named(theirs.fit_transform(TEXTS), theirs.get_feature_names_out())
    names = [features.name(number) for number in range(len(features))]
    found = named(rows, names)
    assert found.keys() == expected.keys() and len(names) == len(expected)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6, err_msg=name)
    transformed = named(theirs.transform(NEW), theirs.get_feature_names_out())
    for name, column in named(features(characters_of(NEW)), names).items():
        np.testing.assert_allclose(column, transformed[name], atol=1e-6, err_msg=name)


def test_views_stand_side_by_side_with_their_weights():
    views = [VIEWS[0], VIEWS[2]._replace(weight=0.7)]
    features, rows = Features.fit(characters_of(TEXTS), views, 2)
    words, letters = (Features.fit(characters_of(TEXTS), [view], 2)[1] for view in views)
    expected = sparse.hstack([words, 0.7 * letters]).toarray()
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(rows.toarray(), expected / np.where(lengths, lengths, 1), atol=1e-6)
    assert set(np.round(np.linalg.norm(rows.toarray(), axis=1), 5)) == {0, 1}
    n_words = words.shape[1]
    theirs = [vectorizer(view).fit(TEXTS).get_feature_names_out() for view in views]
    assert {features.name(number) for number in range(n_words)} == set(theirs[0])
    assert {features.name(number) for number in range(n_words, len(features))} == set(theirs[1])


def test_a_text_alone_has_the_row_that_it_has_among_others():
    features, rows = Features.fit(characters_of(TEXTS), VIEWS, 2)
    again = features(characters_of(TEXTS))
    assert (rows != again).nnz == 0
    for place in (0, 7, len(TEXTS) - 1):
        assert (features(characters_of([TEXTS[place]])) != rows[place]).nnz == 0


@pytest.fixture
def saved(tmp_path):
    features, _ = Features.fit(characters_of(TEXTS), VIEWS, 2)
    features.save(tmp_path)
    return features, tmp_path


def test_what_is_loaded_gives_the_same_rows_and_names(saved):
    features, folder = saved
    loaded = Features.load(folder)
    assert (loaded(characters_of(NEW)) != features(characters_of(NEW))).nnz == 0
    numbers = range(0, len(features), 7)
    assert [loaded.name(n) for n in numbers] == [features.name(n) for n in numbers]


def damage_facts(folder, change):
    facts = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    (folder / "features.json").write_text(json.dumps(change(facts)), encoding="utf-8")


def without_a_weight(facts):
    del facts[0]["words"]
    return facts


def of_another_kind(facts):
    facts[1]["kind"] = "letters"
    return facts


def with_fewer_words(facts):
    facts[0]["words"].pop()
    return facts


def with_a_number_for_words(facts):
    facts[0]["words"] = 3
    return facts


def with_numbers_for_words(facts):
    facts[0]["words"] = list(range(len(facts[0]["words"])))
    return facts


@pytest.mark.parametrize(
    "change",
    [
        *(without_a_weight, of_another_kind, with_fewer_words, with_a_number_for_words),
        *(with_numbers_for_words, lambda facts: {}, lambda facts: 7, lambda facts: ["x"]),
        *(lambda facts: [{**facts[0], "shortest": 0}], lambda facts: [{**facts[0], "longest": 9}]),
        *(
            lambda facts: [{**facts[0], "longest": "2"}],
            lambda facts: [{**facts[0], "weight": "x"}],
        ),
        *(lambda facts: [{**facts[0], "shortest": 3}], lambda facts: []),
        lambda facts: [{**facts[0], "weight": float("nan")}],
    ],
    ids=range(15),
)
def test_facts_that_are_not_as_they_were_saved_are_refused(saved, change):
    damage_facts(saved[1], change)
    with pytest.raises(ValueError):
        Features.load(saved[1])


@pytest.mark.parametrize(
    ("file", "array"),
    [
        ("idf_0.npz", np.ones(3, "float32")),
        ("idf_1.npz", np.array(1.0)),
        ("ngrams_0_2.npz", np.zeros((2, 2), np.int64)),
        ("ngrams_1_1.npz", np.array(["a", "b"])),
        ("ngrams_1_1.npz", np.array([{"a": 1}])),
    ],
)
def test_arrays_that_are_not_as_they_were_saved_are_refused(saved, file, array):
    np.savez(saved[1] / file, numbers=array)
    with pytest.raises(ValueError):
        Features.load(saved[1])


def test_an_array_that_is_cut_off_or_gone_is_refused(saved, tmp_path):
    for name in ("idf_2.npz", "ngrams_2_5.npz", "features.json"):
        folder = tmp_path / f"copy-{name}"
        shutil.copytree(saved[1], folder, ignore=shutil.ignore_patterns("copy-*"))
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError):
            Features.load(folder)


def rows_of(texts, **settings):
    """The n-grams of each text with their numbers, of words by themselves."""
    view = ViewSettings("words", 1, 1, **settings)
    features, rows = Features.fit(characters_of(texts), [view], 1)
    names = [features.name(number) for number in range(len(features))]
    assert np.allclose(features(characters_of(texts)).toarray(), rows.toarray())
    return [dict(zip(names, row)) for row in rows.toarray()]


def by_hand(weights):
    length = sum(weight**2 for weight in weights.values()) ** 0.5
    return {word: pytest.approx(weight / length, rel=1e-5) for word, weight in weights.items()}


IDF_OF_ONE, IDF_OF_BOTH = 1 + np.log(3 / 2), 1.0  # of two texts


def test_words_of_the_lead_count_twice():
    first = rows_of(["cat dog cat dog dog", "dog"], lead_words=2)[0]
    cat, dog = 1 + np.log(3), 1 + np.log(4)  # "cat dog" at the start once more
    assert first == by_hand({"cat": cat * IDF_OF_ONE, "dog": dog * IDF_OF_BOTH})


def test_words_before_a_mark_count_twice():
    first = rows_of(["Cat dog <EOS> cat <eos> dog", "cat dog"], lead_words=" <Eos>")[0]
    twice, thrice = 1 + np.log(2), 1 + np.log(3)
    weights = {"cat": thrice * IDF_OF_BOTH, "dog": thrice * IDF_OF_BOTH}
    weights.update({token: twice * IDF_OF_ONE for token in ("<", "eos", ">")})
    assert first == by_hand(weights)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.kind)
@pytest.mark.parametrize(
    ("text", "n"),
    [("a title <eos> its text", 2), ("标题 在 前 <eos> 正 文", 3), ("a title", 0), ("<eos> b", 0)],
)
def test_a_lead_up_to_a_mark_is_that_of_its_words(view, text, n):
    found, expected = (
        Features.fit(characters_of([text]), [view._replace(lead_words=lead)], 1)[1].toarray()
        for lead in ("<eos>", n)
    )
    np.testing.assert_array_equal(found, expected)


def test_it_may_not_matter_how_often_a_text_has_an_ngram():
    first = rows_of(["cat dog cat", "dog"], is_binary=True)[0]
    assert first == by_hand({"cat": IDF_OF_ONE, "dog": IDF_OF_BOTH})


def test_the_inverse_document_frequency_has_a_power():
    first = rows_of(["cat dog", "dog"], idf_power=0.5)[0]
    assert first == by_hand({"cat": IDF_OF_ONE**0.5, "dog": IDF_OF_BOTH})


@pytest.mark.parametrize("kind", ["characters", "within_words"])
def test_the_lead_of_characters_ends_with_its_words(kind):
    texts = ["ab ab ab", "ab"]
    view = ViewSettings(kind, 2, 2, lead_words=2)
    features, _ = Features.fit(characters_of(texts), [view], 1)
    row = dict(
        zip(map(features.name, range(len(features))), features(characters_of(texts)).toarray()[0])
    )
    plain, _ = Features.fit(characters_of(texts), [view._replace(lead_words=0)], 1)
    before = dict(zip(map(plain.name, range(len(plain))), plain(characters_of(texts)).toarray()[0]))
    # "ab" three times, of them two in the lead; "b " ends each word but, of whole texts, the last.
    lead = {"ab": 5, "b ": 5 if kind == "within_words" else 4}
    counts = {"ab": 3, "b ": 3 if kind == "within_words" else 2}
    assert row["ab"] / row["b "] == pytest.approx(
        before["ab"]
        / before["b "]
        * np.divide(*(1 + np.log(lead[g]) for g in ("ab", "b ")))
        / np.divide(*(1 + np.log(counts[g]) for g in ("ab", "b "))),
        rel=1e-4,
    )
