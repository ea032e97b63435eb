"""Which n-grams there are and how often, compared with counting them one by one."""

from collections import Counter

import numpy as np
import pytest

from textzoo.linear.ngrams import Ngrams
from textzoo.linear.tokens import TokenLists

RANDOM = np.random.default_rng(3)
TEXTS = [RANDOM.integers(5, 9, RANDOM.integers(0, 12)).tolist() for _ in range(40)]


def tokens_of(texts, cut=None):
    """The tokens of some texts; lists end with the texts, and behind each token `cut`."""
    rows = np.repeat(np.arange(len(texts), dtype=np.int32), list(map(len, texts)))
    values = np.array([value for text in texts for value in text], np.int32)
    lists = rows if cut is None else np.cumsum(np.append(0, values[:-1] == cut)) + 100 * rows
    places = np.array([place for text in texts for place in range(len(text))], np.int32)
    return TokenLists(values, rows, lists, places)


def counted(texts, shortest, longest, cut=None):
    """The n-grams of each text."""
    found = []
    for text in texts:
        grams = [
            tuple(text[start : start + n])
            for n in range(shortest, longest + 1)
            for start in range(len(text) - n + 1)
        ]
        found.append(Counter(gram for gram in grams if cut not in gram[:-1]))
    return found


def as_counters(ngrams, counts):
    names = [tuple(ngrams.tokens_of(number)) for number in range(len(ngrams))]
    assert len(set(names)) == len(names)
    return [Counter({name: int(n) for name, n in zip(names, row) if n}) for row in counts.toarray()]


@pytest.mark.parametrize(
    ("shortest", "longest", "min_texts"), [(1, 1, 1), (1, 3, 2), (3, 5, 2), (2, 2, 4), (1, 4, 1)]
)
@pytest.mark.parametrize("cut", [None, 6])
@pytest.mark.parametrize("most", [0, 2**63 - 1])
def test_those_in_enough_texts_are_counted(monkeypatch, shortest, longest, min_texts, cut, most):
    monkeypatch.setattr("textzoo.linear.ngrams._MOST_INT", most)
    ngrams, counts = Ngrams.fit(tokens_of(TEXTS, cut), len(TEXTS), shortest, longest, min_texts)
    expected = counted(TEXTS, shortest, longest, cut)
    n_in = Counter(gram for text in expected for gram in text)
    known = [Counter({g: n for g, n in t.items() if n_in[g] >= min_texts}) for t in expected]
    assert as_counters(ngrams, counts) == known
    assert len(ngrams) == sum(n >= min_texts for n in n_in.values())
    again = ngrams.count(tokens_of(TEXTS, cut), len(TEXTS))
    np.testing.assert_array_equal(again.toarray(), counts.toarray())


def test_of_other_texts_the_known_ones_are_counted():
    ngrams, _ = Ngrams.fit(tokens_of([[1, 2, 3], [1, 2], [2, 3]]), 3, 1, 2, 2)
    texts = [[3, 1, 2, 9, 2, 3], [], [4, -1], [1, 3, 1, 2, 1, 2]]
    expected = [
        {(3,): 2, (1,): 1, (2,): 2, (1, 2): 1, (2, 3): 1},
        {},
        {},
        {(1,): 3, (3,): 1, (2,): 2, (1, 2): 2},
    ]
    assert as_counters(ngrams, ngrams.count(tokens_of(texts), len(texts))) == expected


def test_texts_without_an_n_gram_give_none():
    ngrams, counts = Ngrams.fit(tokens_of([[1], [2], []]), 3, 1, 3, 2)
    assert len(ngrams) == 0 and counts.shape == (3, 0)
    assert ngrams.count(tokens_of([[1, 2, 3]]), 1).shape == (1, 0)
