"""Scores of n-grams, compared with scikit-learn's TF-IDF, and with BM25 by hand."""

import json
import math
import re

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from textzoo.config.schema import IndexSettings
from textzoo.index.lexical import LexicalForm, LexicalIndex
from textzoo.linear.matrices import read_array, write_array

TEXTS = [
    "花呗怎么还款",
    "花呗 可以 提前还款吗",
    "借呗怎么开通",
    "the cat sat",
    "The CAT!",
    "x",
    "还款还款",
]
QUERIES = ["怎么提前还款", "cat", "花呗花呗", "ß never there"]
ANALYZERS = {"words": "word", "characters": "char", "within_words": "char_wb"}


def form_of(features="characters", ngram_max=2, weighting="tfidf"):
    return LexicalForm(features, ngram_max, weighting)


def vectorized(make, form, **settings):
    words = {"token_pattern": r"\w+|[^\w\s]"} if form.features == "words" else {}
    analyzer = ANALYZERS[form.features]
    return make(analyzer=analyzer, ngram_range=(1, form.ngram_max), **words, **settings)


def theirs_of(features):
    """The texts for scikit-learn: of characters, spaces between Chinese ones do not count."""
    spaces = r"(?<=[一-鿿]) (?=[一-鿿])" if features == "characters" else "$^"
    return [re.sub(spaces, "", text) for text in TEXTS]


@pytest.mark.parametrize("features", ANALYZERS)
def test_tfidf_scores_are_the_cosines_of_scikit_learn(features):
    form = form_of(features, 3)
    theirs = vectorized(TfidfVectorizer, form, sublinear_tf=True)
    rows = theirs.fit_transform(theirs_of(features))
    expected = (theirs.transform(QUERIES) @ rows.T).toarray()
    scores = LexicalIndex.fit(TEXTS, form).scores(QUERIES)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert scores.dtype == np.float32
    assert not scores[3].any() or features != "words"


def test_bm25_is_that_of_the_formula():
    # Words: "cat" is in 2 of 3 texts; lengths are 3, 2 and 1 words.
    texts = ["the cat sat", "cat cat", "dog"]
    scores = LexicalIndex.fit(texts, form_of("words", 1, "bm25")).scores(["cat", "cat cat dog"])
    cat, dog = math.log(1 + 1.5 / 2.5), math.log(1 + 2.5 / 1.5)
    first = cat * 2.2 * 1 / (1 + 1.2 * (0.25 + 0.75 * 3 / 2))
    second = cat * 2.2 * 2 / (2 + 1.2 * (0.25 + 0.75 * 2 / 2))
    third = dog * 2.2 * 1 / (1 + 1.2 * (0.25 + 0.75 * 1 / 2))
    np.testing.assert_allclose(scores[0], [first, second, 0], rtol=1e-6)
    np.testing.assert_allclose(scores[1], [2 * first, 2 * second, third], rtol=1e-6)


@pytest.mark.parametrize("features", ANALYZERS)
def test_bm25_of_any_n_grams_is_that_of_their_counts(features):
    form = form_of(features, 2, "bm25")
    counter = vectorized(CountVectorizer, form)
    counts = counter.fit_transform(theirs_of(features)).toarray()
    asked = counter.transform(QUERIES).toarray()
    n_in = (counts > 0).sum(axis=0)
    idf = np.log(1 + (len(TEXTS) - n_in + 0.5) / (n_in + 0.5))
    lengths = counts.sum(axis=1, keepdims=True)
    weights = idf * 2.2 * counts / (counts + 1.2 * (0.25 + 0.75 * lengths / lengths.mean()))
    scores = LexicalIndex.fit(TEXTS, form).scores(QUERIES)
    np.testing.assert_allclose(scores, asked @ weights.T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weighting", ["tfidf", "bm25"])
def test_what_was_saved_gives_the_same(tmp_path, weighting):
    index = LexicalIndex.fit(TEXTS, form_of("words", 2, weighting))
    index.save(tmp_path)
    loaded = LexicalIndex.load(tmp_path, index.form, len(TEXTS))
    assert loaded is not None and len(loaded) == len(TEXTS)
    np.testing.assert_array_equal(loaded.scores(QUERIES), index.scores(QUERIES))
    assert LexicalIndex.load(tmp_path, form_of("words", 1, weighting), len(TEXTS)) is None


def lists(folder, **arrays):
    for name, change in arrays.items():
        file = folder / f"postings_{name}.npz"
        write_array(file, change(read_array(file, "f" if name == "data" else "i")))


DAMAGE = {
    "another number of texts": lambda folder: (folder / "lexical.json").write_text(
        json.dumps({"form": form_of()._asdict(), "texts": 99}), encoding="utf-8"
    ),
    "no form": lambda folder: (folder / "lexical.json").write_text('{"texts": 7}', "utf-8"),
    "a list": lambda folder: (folder / "lexical.json").write_text("[]", encoding="utf-8"),
    "a text beyond the last": lambda folder: lists(folder, indices=lambda a: a + 7),
    "a text before the first": lambda folder: lists(folder, indices=lambda a: a - 7),
    "lists that overlap": lambda folder: lists(folder, indptr=lambda a: a[::-1].copy()),
    "fewer lists": lambda folder: lists(folder, indptr=lambda a: a[:-1]),
    "lists that end before they begin": lambda folder: lists(
        folder, indptr=lambda a: np.append(a[:-1], 0), indices=lambda a: a[:0], data=lambda a: a[:0]
    ),
    "no number": lambda folder: lists(folder, data=lambda a: a * np.float32(np.nan)),
    "objects": lambda folder: np.savez(folder / "postings_data.npz", numbers=np.array([object()])),
    "no n-grams": lambda folder: (folder / "ngrams_0_1.npz").unlink(),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_files_are_refused(tmp_path, what):
    LexicalIndex.fit(TEXTS, form_of()).save(tmp_path)
    DAMAGE[what](tmp_path)
    with pytest.raises(ValueError):
        LexicalIndex.load(tmp_path, form_of(), len(TEXTS))


def test_a_config_says_which_n_grams():
    assert LexicalForm.of(IndexSettings()) == ("characters", 2, "bm25")
    settings = IndexSettings(lexical_features="within_words", lexical_weighting="tfidf")
    assert LexicalForm.of(settings) == ("within_words", 3, "tfidf")
    assert LexicalForm.of(IndexSettings(lexical_ngram_max=5)).ngram_max == 5
