import itertools
from collections import Counter

import numpy as np
import pytest
from harness.tagspace_net import N_NGRAMS, N_TAGS, hyper_parameters

from textzoo.text.ragged import Ragged


@pytest.fixture(scope="module")
def model_module(tagspace):
    return __import__(tagspace.dygraph_model.__module__, fromlist=["sample_negatives"])


def column(lists):
    values = np.array(list(itertools.chain(*lists)), np.int32)
    return Ragged(values, np.cumsum([0, *map(len, lists)], dtype=np.int64))


def pad_tags(lists):
    return column(lists).padded(np.arange(len(lists)), fill=N_TAGS)


def test_negatives_are_never_a_row_s_own_tags(model_module):
    random = np.random.default_rng(7)
    lists = [random.permutation(N_TAGS)[: random.integers(1, N_TAGS)] for _ in range(200)]
    drawn = model_module.sample_negatives(*pad_tags(lists), N_TAGS, 50, random)
    assert drawn.shape == (200, 50)
    for own, row in zip(lists, drawn):
        assert set(row) <= set(range(N_TAGS)) - set(own)


@pytest.mark.parametrize("own", [[0], [5], [3, 1], [0, 1, 2], [5, 4, 0, 2]])
def test_negatives_are_drawn_evenly(model_module, own):
    random = np.random.default_rng(8)
    tags, counts = pad_tags([own, [1]])  # beside a shorter row, so that there is padding
    drawn = model_module.sample_negatives(tags, counts, N_TAGS, 6000, random)[0]
    others = sorted(set(range(N_TAGS)) - set(own))
    seen = np.bincount(drawn, minlength=N_TAGS)[others]
    expected = 6000 / len(others)
    # The 99.9% points of chi-square with 1 to 4 degrees of freedom.
    limit = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47}[len(others) - 1]
    assert seen.sum() == 6000
    assert ((seen - expected) ** 2 / expected).sum() < limit


def test_the_only_other_tag_is_the_only_negative(model_module):
    tags, counts = pad_tags([[0, 1, 2, 4, 5]])
    drawn = model_module.sample_negatives(tags, counts, N_TAGS, 20, np.random.default_rng(0))
    assert set(drawn.ravel()) == {3}


COLUMNS = {
    "words": column([[1, 2, 3], [4], [5, 6]]),
    "tags": column([[0, 2, 4], [3], [5, 1]]),
    "ngrams": column([[1, 2, 3, 20, 21], [4], [5, 6, 22]]),
}


def feeds_of(tagspace, rows, seed=0, **chosen):
    model = tagspace.dygraph_model(hyper_parameters(tagspace, **chosen))
    return model.train_feeds(COLUMNS, np.array(rows), np.random.default_rng(seed))


def test_feeds_hold_the_padded_words_of_the_rows_asked_for(tagspace):
    feeds = feeds_of(tagspace, [2, 0], loss="softmax")
    assert set(feeds) == {"tokens", "lengths", "positive"}
    assert feeds["tokens"].tolist() == [[5, 6, 0], [1, 2, 3]]
    assert feeds["lengths"].tolist() == [2, 3]


def test_feeds_hold_n_grams_when_the_net_has_them(tagspace):
    feeds = feeds_of(tagspace, [1, 2], loss="softmax", ngram_dim=2, vocab_ngram_size=N_NGRAMS)
    assert feeds["ngrams"].tolist() == [[4, 0, 0], [5, 6, 22]]
    assert feeds["ngram_counts"].tolist() == [1, 3]


def test_the_positive_is_drawn_evenly_from_a_row_s_tags(tagspace):
    drawn = [
        tuple(feeds_of(tagspace, [0, 1, 2], seed, loss="softmax")["positive"])
        for seed in range(600)
    ]
    first, second, third = (Counter(row) for row in zip(*drawn))
    assert set(first) == {0, 2, 4}
    assert set(second) == {3}
    assert set(third) == {5, 1}
    assert sum((n - 200) ** 2 / 200 for n in first.values()) < 13.82
    assert sum((n - 300) ** 2 / 300 for n in third.values()) < 10.83


@pytest.mark.parametrize(("negatives", "n"), [("random", 3), ("warp", 4)])
def test_negatives_are_fed_as_many_as_the_loss_takes(tagspace, negatives, n):
    feeds = feeds_of(tagspace, [0, 1], negatives=negatives)
    assert feeds["negatives"].shape == (2, n)
    assert not set(feeds["negatives"][0]) & {0, 2, 4}


def test_the_hardest_negative_takes_all_own_tags_as_zeros_and_ones(tagspace):
    feeds = feeds_of(tagspace, [0, 1], negatives="hardest")
    assert feeds["own"].tolist() == [[1, 0, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]]
    assert feeds["own"].dtype == np.float32
