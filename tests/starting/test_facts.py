from collections import Counter
from pathlib import Path

import pytest

from textzoo.errors import UserError
from textzoo.readers import multilabel, pairs, tagspace
from textzoo.starting.facts import (
    Even,
    Facts,
    Labels,
    Row,
    check_labels,
    check_pairs,
    labels_of,
    look,
)

KNOWN = [",", "，"]


def facts_of(*cells):
    return Facts(len(cells), [Row(cell, 3, 12, (0, 1)) for cell in cells])


def written(tmp_path, *lines):
    file = tmp_path / "rows.tsv"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [file]


def test_an_even_part_of_what_comes_by_is_kept_in_flat_memory():
    even, most = Even(4), 0
    for number in range(100):
        even.add(lambda: number)  # noqa: B023
        most = max(most, len(even.kept))
    assert even.n == 100
    assert even.kept == list(range(0, 100, 16))
    assert most < 2 * 4


def test_what_is_not_kept_is_not_made():
    even, made = Even(2), []
    for number in range(1000):
        even.add(lambda: made.append(number))  # noqa: B023
    assert len(made) < 30


def test_rows_lengths_and_bad_lines_are_counted(tmp_path):
    lines = ["music\ta new record", "no tab", "sport\tthe match", "film\tone\ttwo", "film\tred"]
    facts = look(written(tmp_path, *lines), tagspace.Reader())
    assert (facts.n_rows, facts.n_bad, len(facts.rows)) == (3, 2, 3)
    assert "rows.tsv:2: received 1 column(s)" in facts.bad
    assert [(row.cell, row.words, row.characters) for row in facts.rows] == [
        ("music", 3, 12),
        ("sport", 2, 9),
        ("film", 1, 3),
    ]
    assert [facts.length(percent) for percent in (50, 95, 100)] == [2, 3, 3]
    assert facts.length(100, "characters") == 12
    assert facts.n_units == 6


@pytest.mark.parametrize(
    ("text", "is_unspaced", "unit"),
    [
        ("a new record of the band", False, "words"),
        ("今天下了一场大雨，比赛取消了", True, "characters"),
        ("今天 下 了 一 场 大雨 比赛 取消 了", True, "words"),
        ("Donaudampfschifffahrtsgesellschaft", False, "words"),
    ],
)
def test_how_texts_are_written_is_recognised(tmp_path, text, is_unspaced, unit):
    facts = look(written(tmp_path, f"x\t{text}", f"y\t{text}"), multilabel.Reader())
    assert (facts.is_unspaced, facts.unit) == (is_unspaced, unit)


def test_a_file_without_a_row_that_can_be_read_is_refused(tmp_path):
    with pytest.raises(
        UserError, match=r"rows.tsv: received no row .*rows.tsv:1: received 'no tab'"
    ):
        look(written(tmp_path, "no tab"), tagspace.Reader())


def test_negatives_of_pairs_are_seen(tmp_path):
    lines = ["a\tb", "a\tc\tnot c"]
    facts = look(written(tmp_path, *lines), pairs.Reader())
    assert [(row.cell, len(row.texts)) for row in facts.rows] == [("", 2), ("not c", 3)]
    assert facts.rows[0].texts[0] == facts.rows[1].texts[0]


@pytest.mark.parametrize(
    ("cells", "separator", "labels"),
    [
        (["a,b", "b", "a", "c"], None, "abc"),
        (["a;b", "b;c", "c"], [";"], "abc"),
        (["a|b", "b"], ["|"], "ab"),
        (["Sci/Tech", "TV;Radio", "News"], None, ["Sci/Tech", "TV;Radio", "News"]),
        (["Health, Fitness"] * 6 + ["Music"] * 6, [], ["Health, Fitness", "Music"]),
        (["Arts, Music"] * 6 + ["Music"] * 6, None, ["Arts", "Music"]),
        (["a,b", "c,d"], None, "abcd"),  # they do not come again
        (["\x1fx, y\x1fz", "\x1fz"], None, ["x, y", "z"]),  # lists of JSON
    ],
)
def test_what_is_between_labels_is_found(cells, separator, labels):
    found = labels_of(facts_of(*cells), None, KNOWN)
    assert found.separator == separator
    assert set(found.counts) == set(labels)


def test_a_separator_that_is_given_is_taken_and_rows_are_counted():
    found = labels_of(facts_of("a;b", "a", " ", "a;a", "c,d"), [";"], KNOWN)
    assert found == Labels(Counter({"a": 3, "b": 1, "c,d": 1}), None, 1, 1)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["", ""], "2 rows have no labels"),
        (["spam"] * 5, "5 rows have one label, 'spam'; expected two or more"),
        ([f"what is {n}" for n in range(6)], "6 different labels, .*--from batchneg"),
        (["0,2,1", "1,0,0"], "'0,2,1', which look like levels.*reader.n_levels"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(cells, message):
    facts = facts_of(*cells)
    with pytest.raises(UserError, match=message):
        check_labels(facts, labels_of(facts, None, KNOWN), Path("my.csv"))


def test_labels_that_come_again_are_taken():
    facts = facts_of("1", "0", "1", "a,b", "b")
    check_labels(facts, labels_of(facts, None, KNOWN), Path("my.csv"))


def test_a_third_column_of_numbers_is_no_negative():
    with pytest.raises(UserError, match="third column has numbers, such as 1"):
        check_pairs(facts_of("1", "0", ""), Path("my.tsv"))
    check_pairs(facts_of("1", "a text"), Path("my.tsv"))
    check_pairs(facts_of("", ""), Path("my.tsv"))
