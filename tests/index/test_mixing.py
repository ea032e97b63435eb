import numpy as np
from harness.indexed import embeddings_of

from textzoo.index.mixing import CosineMoments, mixed, standardised


def test_scores_are_standardised_query_by_query():
    scores = np.random.default_rng(0).normal(3, 2, (4, 50)).astype("float32")
    expected = (scores - scores.mean(axis=1)[:, None]) / scores.std(axis=1)[:, None]
    np.testing.assert_allclose(standardised(scores.copy()), expected, atol=1e-5)


def test_where_all_texts_score_alike_none_is_better():
    assert not standardised(np.full((2, 9), 0.3, np.float32)).any()
    assert not standardised(np.zeros((1, 1), np.float32)).any()


def test_a_mixture_is_convex():
    first, second = np.float32([[1, 2]]), np.float32([[10, -10]])
    np.testing.assert_allclose(mixed(first, second, 0.25), [[3.25, -1]])
    np.testing.assert_array_equal(mixed(first, second, 0.0), first)
    np.testing.assert_array_equal(mixed(first, second, 1.0), second)


def test_moments_standardise_some_cosines_as_all_would_be():
    embeddings, queries = embeddings_of(300), embeddings_of(5, seed=1)
    expected = standardised(queries @ embeddings.T)
    moments = CosineMoments([embeddings[:200], embeddings[200:]])
    for query, row in zip(queries, expected):
        found = moments.standardised(embeddings[40:50] @ query, query)
        np.testing.assert_allclose(found, row[40:50], atol=1e-4)
    alike = CosineMoments([np.repeat(embeddings[:1], 5, axis=0)])
    assert not alike.standardised(np.ones(3, np.float32), queries[0]).any()
