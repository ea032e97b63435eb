import pytest

from textzoo.text.fields import labels_in, listed, separator_of


def split(separators):
    return separator_of(separators).split


@pytest.mark.parametrize(
    ("separators", "labels"),
    [
        (",", ["a", "b|c; d"]),
        ([",", "|"], ["a", "b", "c; d"]),
        ("; ", ["a , b|c", "d"]),
        ([";", "; ", ", "], ["a", "b|c", "d"]),
        ([], ["a , b|c; d"]),
    ],
)
def test_labels_stand_between_separators(separators, labels):
    assert labels_in(" a , b|c; d", split(separators)) == labels


def test_a_list_of_labels_is_as_it_is_whatever_separates_them():
    for labels in ([], ["a, b"], ["c", "d|e", ","]):
        assert labels_in(listed(labels), split([",", "|"])) == labels


@pytest.mark.parametrize("separators", ["", [""], "\t", ["a", "\n"], "\x1f"])
def test_what_cannot_separate_is_refused(separators):
    with pytest.raises(ValueError, match=r"label_separator: received .*expected a text"):
        separator_of(separators)
