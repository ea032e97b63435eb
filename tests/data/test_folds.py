import numpy as np
import pytest

from textzoo.data.folds import folds_of
from textzoo.errors import UserError
from textzoo.text.ragged import Ragged


def ragged(*lists):
    return Ragged.of([*lists])


TEXTS = ragged(*([n, n + 1] for n in range(100)))


def test_folds_are_of_equal_size_and_the_same_for_a_seed():
    folds, again, other = (folds_of(TEXTS, None, 3, seed) for seed in (1, 1, 2))
    assert sorted(np.bincount(folds)) == [33, 33, 34]
    np.testing.assert_array_equal(folds, again)
    assert (folds != other).any()
    assert (np.diff(folds) != 0).any()  # shuffled


@pytest.mark.parametrize("n_folds", [2, 5, 7])
def test_with_one_label_a_row_each_fold_has_its_share_of_each(n_folds):
    labels = np.repeat([0, 1, 2], [70, 23, 7])
    folds = folds_of(TEXTS, ragged(*([label] for label in labels)), n_folds, 0)
    for label in range(3):
        shares = np.bincount(folds[labels == label], minlength=n_folds)
        assert shares.max() - shares.min() <= 1
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 1


def test_rows_of_equal_texts_are_in_one_fold():
    texts = ragged(*([n // 4, 7] for n in range(100)))  # each four times
    folds = folds_of(texts, ragged(*([n % 3] for n in range(100))), 5, 0)
    assert (folds.reshape(25, 4) == folds[::4, None]).all()
    assert sorted(np.bincount(folds)) == [20] * 5


def test_rows_with_several_labels_are_shared_out_without_regard_to_them():
    labels = ragged(*([0, 1] if n < 50 else [2] for n in range(100)))
    np.testing.assert_array_equal(folds_of(TEXTS, labels, 5, 0), folds_of(TEXTS, None, 5, 0))


def test_the_longer_text_is_another_one():
    assert len({*folds_of(ragged([1], [1, 0], [0, 1], []), None, 4, 0)}) == 4


def test_fewer_texts_than_folds_are_refused():
    with pytest.raises(UserError, match=r"received 4 folds.*2 different text"):
        folds_of(ragged([1], [1], [2], [2], [2]), None, 4, 0)
