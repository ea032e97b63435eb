from pathlib import Path

import pytest
from harness.tokenizer_files import write_tokenizer

from textzoo.config.model_folder import load_model_folder
from textzoo.errors import BadLine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder():
    return load_model_folder(ROOT / "models" / "multilabel")


def fitted(folder, lines, **arguments):
    reader = folder.reader(**arguments)
    reader.fit([reader.parse(line) for line in lines], {})
    return reader


LINES = ["停车，噪音\t楼下太吵", "|停车\t没有车位", "\t你好", "噪音,停车,噪音\t又吵又堵"]


def test_rows_have_none_one_or_several_labels(folder):
    reader = fitted(folder, LINES)
    assert reader.label_names == ["停车", "噪音"]
    assert reader.label_counts.tolist() == [3, 2]
    labels = [reader.encode(line, True)["labels"] for line in LINES]
    assert labels == [[0, 1], [0], [], [1, 0]]
    assert reader.encode("供水,噪音\t没有水", False)["labels"] == [-1, 1]
    assert reader.describe(LINES[0]) == {"text": "楼下太吵", "tags": ["停车", "噪音"]}


def test_levels_stand_in_the_order_of_the_labels(folder, tmp_path):
    lines = ["0,2\t好", "1，0\t坏"]
    reader = fitted(folder, lines, labels=["乐", "怒"], n_levels=3)
    assert [reader.encode(line, True)["labels"] for line in lines] == [[0, 2], [1, 0]]
    assert reader.describe(lines[0])["tags"] == ["怒:2"]
    reader.save(tmp_path)
    again = folder.reader(labels=["乐", "怒"], n_levels=3)
    again.load(tmp_path)
    assert again.sizes() == reader.sizes() == {**reader.sizes(), "n_levels": 3}


@pytest.mark.parametrize(
    ("arguments", "line", "message"),
    [
        ({}, "a\tb\tc", r"3 column\(s\), expected 2: labels<TAB>text"),
        ({}, "a\t ", "received no text"),
        ({"labels": ["x", "y"], "n_levels": 3}, "0,3\tc", "'0,3', expected 2 levels from 0 to 2"),
        ({"labels": ["x", "y"], "n_levels": 3}, "0\tc", "for x, y"),
    ],
)
def test_malformed_lines_are_refused(folder, arguments, line, message):
    with pytest.raises(BadLine, match=message):
        folder.reader(**arguments).parse(line)


def test_a_training_label_outside_the_given_ones_is_refused(folder):
    reader = fitted(folder, LINES, labels=["停车", "噪音", "供水"])
    with pytest.raises(BadLine, match=r"received label '路灯', which reader\.labels lacks"):
        reader.encode("路灯\t很暗", True)


def test_the_sample_is_what_its_script_writes(folder, tmp_path, monkeypatch):
    data = folder.path / "data"
    source = (data / "make_sample.py").read_text(encoding="utf-8")
    names = {"__file__": str(tmp_path / "make_sample.py"), "__name__": "make_sample"}
    exec(compile(source, "make_sample.py", "exec"), names)
    names["main"]()
    for path in tmp_path.rglob("*.tsv"):
        assert path.read_bytes() == (data / path.relative_to(tmp_path)).read_bytes()
    rows = [line.split("\t")[0] for line in (tmp_path / "train/sample.tsv").open(encoding="utf-8")]
    assert len({label for row in rows for label in row.split(",") if label}) >= 12
    assert {row.count(",") + bool(row) for row in rows} == {0, 1, 2, 3}


@pytest.mark.parametrize("part", [".", "levels"])
def test_no_text_of_the_sample_is_in_training_and_test_rows(folder, part):
    lines = {
        split: (folder.path / "data" / part / split / "sample.tsv").read_text(encoding="utf-8")
        for split in ("train", "test")
    }
    train, test = ({row.split("\t")[1] for row in text.splitlines()} for text in lines.values())
    assert not train & test


def test_a_prefix_stands_before_each_text_that_is_encoded(folder):
    lines = ["a\tquery: one two", "b\tquery: two"] * 9
    plain, reader = fitted(folder, lines), folder.reader(prefix="query: ")
    reader._tokens, reader._labels = plain._tokens, plain._labels
    own = ["a\tone two", "b\ttwo"]
    for written, line in zip(lines, own):
        assert reader.encode(line, True) == plain.encode(written, True)
    assert reader.encode_text("two") == plain.encode_text("query: two")
    many = reader.encode_many(own, True)["tokens"].values.tolist()
    assert many == plain.encode_many(lines[:2], True)["tokens"].values.tolist()
    assert reader.describe(own[0]) == {"text": "one two", "tags": ["a"]}  # as n-grams see it
    assert reader.unknown_pieces == {"tokens": 1}


def test_a_text_alone_is_read_as_in_a_line(folder, tmp_path):
    """Tokens of bytes know spaces and line ends, which a line of a file has none of at its ends."""
    write_tokenizer(tmp_path, "byte_level", ["hello there", "another"] * 9, 300)
    reader = fitted(folder, ["a\thello there"], tokenizer=tmp_path / "tokenizer.json")
    written = reader.encode("a\thello there", False)["tokens"]
    for text in ("hello there", " hello there ", "hello\nthere"):
        assert reader.encode_text(text)["tokens"] == written
        assert reader.coverage(text) == reader.coverage("hello there")
