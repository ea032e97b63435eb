from collections import Counter

import pytest

from textzoo.errors import UserError
from textzoo.text.vocabulary import Vocabulary

COUNTS = Counter({"b": 3, "a": 3, "c": 5, "rare": 1, "<unk>": 2})


def test_ids_are_places_in_the_list():
    vocabulary = Vocabulary(iter(["x", "y", "z"]))
    assert len(vocabulary) == 3
    assert [vocabulary.texts[vocabulary.ids[text]] for text in "zxy"] == ["z", "x", "y"]


def test_the_most_frequent_come_first_and_equal_counts_by_text():
    assert Vocabulary.from_counts(COUNTS).texts == ["c", "a", "b", "<unk>", "rare"]


def test_the_order_of_counting_does_not_matter():
    turned = Counter(dict(reversed(COUNTS.items())))
    assert Vocabulary.from_counts(turned).texts == Vocabulary.from_counts(COUNTS).texts


def test_rare_texts_are_left_out_below_min_count_only():
    assert Vocabulary.from_counts(COUNTS, min_count=3).texts == ["c", "a", "b"]


def test_max_size_counts_the_first_texts_too():
    vocabulary = Vocabulary.from_counts(COUNTS, max_size=3, first=("<pad>",))
    assert vocabulary.texts == ["<pad>", "c", "a"]


def test_first_texts_are_there_once_whether_counted_or_not():
    vocabulary = Vocabulary.from_counts(COUNTS, min_count=9, first=("<pad>", "<unk>", "a"))
    assert vocabulary.texts == ["<pad>", "<unk>", "a"]
    assert Vocabulary.from_counts(COUNTS, first=("a",)).texts == ["a", "c", "b", "<unk>", "rare"]


def test_no_counts_give_the_first_texts_alone():
    assert Vocabulary.from_counts(Counter(), first=("<unk>",)).texts == ["<unk>"]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""],
        ["a", "", "b"],
        [
            "\u2028",
            "a\x85b",
            "\x0b",
            "\x1c",
            " lead",
            "trail ",
            "\r",
            "a\rb",
            "\ufeffx",
            "標籤",
            "😀",
        ],
    ],
)
def test_a_saved_vocabulary_is_read_back_exactly(tmp_path, texts):
    path = tmp_path / "words.txt"
    Vocabulary(texts).save(path)
    assert Vocabulary.load(path).texts == texts


def test_a_missing_file_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match=r"words\.txt: the checkpoint lacks its vocabulary"):
        Vocabulary.load(tmp_path / "words.txt")
