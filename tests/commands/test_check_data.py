import re

import pytest
from harness.workspace import MODELS

from textzoo.commands.check_data import main as check_data

TRAIN = [
    "music\ta new record",  # 1
    "music\ta new record",  # 2: again
    "sport\ta new record",  # 3: with another label
    "film,sport\tthe match was on the record",  # 4
    "no tab here",  # 5: bad
    "sport\tone\ttoo many",  # 6: bad
]


def check(tmp_path, model, capsys, *overrides, expect=0, limit=20, **parts):
    """The output of check_data.py on files that are written from lists of lines."""
    settings = [f"runner.cache_dir={tmp_path / 'cache'}", *overrides]
    for name, lines in parts.items():
        file = tmp_path / f"{name}.tsv"
        if isinstance(lines, bytes):
            file.write_bytes(lines)
        else:
            file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        key = "corpus_file" if name == "corpus" else f"{name}_data_dir"
        settings.append(f"runner.{key}={file}")
    arguments = ["-m", str(MODELS[model].config), "--limit", str(limit), "-o", *settings]
    assert check_data(arguments) == expect
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_rows_labels_lengths_and_repetitions_are_counted(tmp_path, capsys):
    test = [
        "music\ta new record",
        "\tno label",
        "opera\tan aria",
        "sport\tthe match was on the record",
    ]
    out, _ = check(tmp_path, "tagspace", capsys, train=TRAIN[:4], test=test)
    assert out.splitlines() == [
        "train: 4 rows in 1 file",
        "  line 1: a new record -> [music]",
        "  line 2: a new record -> [music]",
        "  line 3: a new record -> [sport]",
        "  3 labels, 1.25 of a row: music has 2 rows, film has 1 row",
        "  labels of one row only: 1: film",
        "  length in words: median 3, 95 % up to 5, longest 6",
        "  rows that came before: 1 (25.0 %)",
        "  texts that came before with other labels: 1 (25.0 %)",
        "test: 4 rows in 1 file",
        "  3 labels, 0.75 of a row: music has 1 row, sport has 1 row",
        "  rows without labels: 1 (25.0 %)",
        "  labels that train lacks: 1: opera",
        "  length in words: median 2, 95 % up to 5, longest 6",
        "  rows that came before: 0",
        "  texts that came before with other labels: 0",
        "  rows that train has: 1 (25.0 %); texts: 2 (50.0 %); they flatter the metrics",
        "bad lines: none",
    ]


def test_columns_that_look_swapped_are_named(tmp_path, capsys):
    train = ["a new record is out\tmusic", "the match was lost\tsport"]
    out, _ = check(tmp_path, "xmlcnn", capsys, train=train, test=["music\ta new song"])
    assert "train: labels have 18 characters in the mean, texts 5: are the columns swapped?" in out
    assert "test: labels have" not in out


def test_every_bad_line_of_every_file_is_named(tmp_path, capsys):
    test = b"music\tfine\nmusic\t\xff\xfe\nopera unknown\n\nmusic\tfine too\n"
    out, err = check(tmp_path, "tagspace", capsys, train=TRAIN, test=test, expect=2)
    assert "train: 4 rows" in out and "test: 2 rows" in out
    assert err.startswith("textzoo check-data: bad lines: 4\n")
    assert re.findall(r"(\w+)\.tsv:(\d+): ", err) == [
        ("train", "5"), ("train", "6"), ("test", "2"), ("test", "3"),
    ]  # fmt: skip
    assert "received 3 column(s) between tabs, expected 2" in err
    assert "byte 7 is not UTF-8" in err


def test_only_so_many_bad_lines_are_shown(tmp_path, capsys):
    lines = [*TRAIN[:3], *["no tab"] * 9]
    _, err = check(tmp_path, "tagspace", capsys, train=lines, test=TRAIN[:1], limit=4, expect=2)
    assert "bad lines: 9\n" in err
    assert err.count("no tab") == 0 and err.count(".tsv:") == 4
    assert "... and 5 more" in err
    skip = "runner.bad_lines=skip"
    out, err = check(tmp_path, "tagspace", capsys, skip, train=lines, test=TRAIN[:1], limit=4)
    assert "bad lines: 9\n" in out and not err


def test_pairs_and_their_corpus(tmp_path, capsys):
    train = ["ab\tabc", "ab\tabc", "ab\tabd", "xy\txyz\tnot this"]
    test = ["ab\tabc", "ab\tlost", "new\txyz"]
    corpus = ["abc", "abd", "xyz", "abc"]
    overrides = ("hyper_parameters.encoder.config=ngram",)
    out, _ = check(tmp_path, "batchneg", capsys, *overrides, train=train, test=test, corpus=corpus)
    assert out.splitlines()[1:4] == [
        "  line 1: ab -> [abc]",
        "  line 2: ab -> [abc]",
        "  line 3: ab -> [abd]",
    ]
    assert out.splitlines()[5:] == [
        "  rows that came before: 1 (25.0 %)",
        "test: 3 rows in 1 file",
        # "ab" with its ends and pairs has 4 + 3 n-grams, "abc" and "new" 5 + 4, "lost" 6 + 5
        "  length in ids of a text: median 9, 95 % up to 10, longest 11",
        "  rows that came before: 0",
        "  rows that train has: 1 (33.3 %); queries: 2 (66.7 %); they flatter the metrics",
        f"corpus: 4 texts in {tmp_path / 'corpus.tsv'}",
        "  texts that came before: 1 (25.0 %)",
        "  titles of test that it lacks: 1 (33.3 %)",
        "bad lines: none",
    ]


def test_ids_of_a_corpus_that_come_again_are_bad_lines_as_in_recall(tmp_path, capsys):
    corpus = tmp_path / "corpus.csv"
    corpus.write_text("id,text\n1,abc\n2,abd\n1,abc\n1,xyz\n", encoding="utf-8")
    overrides = ("hyper_parameters.encoder.config=ngram", f"runner.corpus_file={corpus}")
    rows = ["ab\tabc"]
    _, err = check(tmp_path, "batchneg", capsys, *overrides, train=rows, test=rows, expect=2)
    assert "bad lines: 1\n" in err
    assert f"{corpus}:5: id '1' came before, with another text" in err


def test_a_file_of_another_language_is_named(tmp_path, capsys):
    train, test = ["a\tthe roads", "b\tthe trees"] * 9, ["a\t没有停车位", "b\tthe roads"] * 20
    out, _ = check(tmp_path, "multilabel", capsys, train=train, test=test)
    assert out.count("does not know") == 1
    assert "test.tsv: the tokenizer does not know" in out


@pytest.mark.parametrize("model", ["multilabel", "xmlcnn", "hardestneg"])
def test_the_samples_are_in_order(tmp_path, capsys, model):
    out, _ = check(tmp_path, model, capsys)
    assert out.endswith("bad lines: none\n")
    assert "train: 1," in out


def test_a_missing_file_is_named(tmp_path, capsys):
    _, err = check(tmp_path, "tagspace", capsys, "runner.test_data_dir=none.tsv", expect=2)
    assert "runner.test_data_dir: no such file or folder" in err


def test_records_of_csv_are_rows_and_malformed_ones_are_named(tmp_path, capsys):
    train = ["label,text", "a,one", '"b|a","two', 'lines"', "c", "a,b,c", ",three"]
    settings = ("reader.format=csv", "runner.test_data_dir=null")
    out, err = check(tmp_path, "multilabel", capsys, *settings, train=train, expect=2)
    assert out.splitlines() == [
        "reads CSV: text from `text`, labels from `label`",
        "train: 3 rows in 1 file",
        "  line 2: one -> [a]",
        "  line 3: two lines -> [b] [a]",
        "  line 7: three -> no label",
        "  2 labels, 1.00 of a row: a has 2 rows, b has 1 row",
        "  labels of one row only: 1: b",
        "  rows without labels: 1 (33.3 %)",
        "  length in tokens: median 3, 95 % up to 3, longest 4",
        "  rows that came before: 0",
        "  texts that came before with other labels: 0",
    ]
    assert re.findall(r"train\.tsv:(\d+): received (\d) cell", err) == [("5", "1"), ("6", "3")]
    # What cannot be skipped stops training too.
    skip = (*settings, "runner.bad_lines=skip")
    _, err = check(tmp_path, "multilabel", capsys, *skip, train=[*train, 'a,"b'], expect=2)
    assert "train.tsv:8: is not CSV (unexpected end of data)" in err
    assert "skips such lines" not in err


def test_training_data_is_not_read_from_standard_input(tmp_path, capsys):
    _, err = check(tmp_path, "tagspace", capsys, "runner.train_data_dir=-", expect=2)
    assert "runner.train_data_dir: received -, expected a path" in err


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
@pytest.mark.parametrize("model", ["tagspace", "xmlcnn", "multilabel", "batchneg"])
def test_files_without_rows_are_named_as_training_does(tmp_path, capsys, model, content):
    settings = ("runner.test_data_dir=null", "runner.bad_lines=skip")
    out, err = check(tmp_path, model, capsys, *settings, train=content, expect=2)
    assert "train: 0 rows in 1 file\n" in out
    assert f"{tmp_path}/train.tsv: received no rows, expected one example a line" in err
