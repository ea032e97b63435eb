"""datasets/conversion.py: what every convert.py reads, refuses and writes alike, however called."""

import _pyio
import io
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from harness.fetched import DATASETS, run_script, written_files

sys.path.insert(0, str(DATASETS))
from conversion import (
    BadSource,
    Row,
    argument_parser,
    json_text,
    one_line,
    open_for_writing,
    read_csv,
    read_lines,
    read_text,
    run,
    run_timed,
    write_split,
)

NAMES = sorted(path.parent.name for path in DATASETS.glob("*/convert.py"))


def call(name, *arguments, folder=None, **environment):
    """Run a convert.py as by hand: a Python without any package, from any folder."""
    script = DATASETS / name / "convert.py"
    return subprocess.run(
        [sys.executable, "-S", str(os.path.relpath(script, folder) if folder else script)]
        + [str(argument) for argument in arguments],
        cwd=folder,
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **environment},
        capture_output=True,
        timeout=60,
    )


@pytest.fixture
def questions(tmp_path):
    """A source of stackexchange_tags, and with it of weibo_hashtags."""
    folder = tmp_path / "the source"
    folder.mkdir()
    for name in ("valid", "test"):
        (folder / f"{name}_src.txt").write_bytes("很  好\tcafé\n".encode())
        (folder / f"{name}_trg.txt").write_bytes("电影;é\n".encode())
    return folder


# --------------------------------------------------------------- called by hand


@pytest.mark.parametrize("name", NAMES)
def test_convert_starts_from_any_folder_without_any_package(name, tmp_path):
    done = call(name, "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"--source" in done.stdout
    assert b"--output" in done.stdout


@pytest.mark.parametrize("name", ["weibo_hashtags", "stackexchange_tags"])
def test_convert_writes_utf_8_whatever_the_locale(questions, tmp_path, name):
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    output = tmp_path / "output"
    done = call(name, "--source", questions, "--output", output, folder=tmp_path, **locale)
    assert done.returncode == 0, done.stderr
    assert (output / "train/train.tsv").read_bytes() == "电影,é\t很 好 café\n".encode()


def test_a_malformed_row_is_named_with_status_2_before_anything_is_written(questions, tmp_path):
    path = questions / "test_trg.txt"
    path.write_text("ok\n;\n")
    (questions / "test_src.txt").write_text("one\ntwo\n")
    output = tmp_path / "output"
    done = call("weibo_hashtags", "--source", questions, "--output", output)
    assert done.returncode == 2
    expected = f"error: {path}:2: received ';', expected hashtags joined by ;"
    assert done.stderr.decode().splitlines() == [expected]
    assert done.stdout == b""
    assert not output.exists()


def test_a_row_refused_after_many_were_written_leaves_nothing_behind(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "rcv1-v2.topics.qrels").write_text("E11 1 1\nE11 2 1\n")
    (source / "lyrl2004_tokens_train.dat").write_text(".I 1\n.W\na\n\n")
    for part in range(4):
        number = 3 if part == 3 else 2
        (source / f"lyrl2004_tokens_test_pt{part}.dat").write_text(f".I {number}\n.W\nb\n\n")
    output = tmp_path / "output"
    done = run_script(DATASETS / "rcv1/run.sh", "--from", source, "--output", output)
    assert done.returncode == 2
    assert "lyrl2004_tokens_test_pt3.dat: document 3 has no topic" in done.stderr
    assert written_files(output) == []


# -------------------------------------------------------------------- arguments


@pytest.fixture
def parser(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["convert.py", "--source", "from here", "--output", "to"])
    return argument_parser("What it does.\n\nAnd how.", "two files")


def refuse(source, output):
    raise BadSource("a.txt:3: received nothing, expected something")


def test_the_help_shows_the_first_line_and_the_files(parser):
    shown = parser.format_help()
    assert "What it does." in shown
    assert "And how." not in shown
    assert "folder of two files" in shown


def test_the_arguments_arrive_by_their_names(parser, capsys):
    parser.add_argument("--format", default="text")
    received = {}
    assert run(lambda **arguments: received.update(arguments), parser) == 0
    assert {name: str(value) for name, value in received.items()} == {
        "source": "from here",
        "output": "to",
        "format": "text",
    }
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("runs", [run, run_timed])
def test_a_bad_source_is_told_with_status_2(runs, parser, capsys):
    assert runs(refuse, parser) == 2
    expected = "error: a.txt:3: received nothing, expected something\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize("runs", [run, run_timed])
def test_a_mistake_of_the_converter_is_not_taken_for_one_of_the_source(runs, parser):
    with pytest.raises(ValueError, match="invalid literal"):
        runs(lambda source, output: int("x"), parser)


def test_the_time_is_told_last(parser, capsys):
    assert run_timed(lambda source, output: print("train: 1 rows"), parser) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == "train: 1 rows"
    assert last.startswith("converted in 0.")


# ------------------------------------------------------------ reading, writing


def test_text_is_read_without_byte_order_mark_and_with_its_line_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "很\r\n好\u2028\rx\n".encode())
    assert read_text(path) == "很\r\n好\u2028\rx\n"


def test_a_byte_that_is_not_utf_8_is_named_with_its_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("很\n好\n".encode() + b"caf\xe9\n")
    with pytest.raises(BadSource) as refusal:
        read_text(path)
    assert str(refusal.value) == f"{path}:3: byte 0xe9 is not UTF-8; save it as UTF-8"


def test_the_byte_after_a_byte_order_mark_is_the_right_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfcaf\xe9 au lait\n")
    with pytest.raises(BadSource, match=r":1: byte 0xe9 is not UTF-8; save it as UTF-8$"):
        read_text(path)


def test_lines_end_at_line_feeds_alone(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\ntwo\xe2\x80\xa8\rx\r\n")
    assert read_lines(path) == ["one", "", "two\u2028\rx"]
    for empty in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(empty)
        with pytest.raises(BadSource, match=r"a\.txt: the file is empty"):
            read_lines(path)


def test_records_of_csv_have_the_place_of_their_first_line(tmp_path):
    path = tmp_path / "a.csv"
    long = "x" * 200_000
    path.write_bytes(f'\ufeffa,"two\r\nlines"\n"{long}",""""\n'.encode())
    assert list(read_csv(path, "two cells")) == [
        (f"{path}:1", ["a", "two\r\nlines"]),
        (f"{path}:3", [long, '"']),
    ]
    for bad in ('"no end', '"a"b'):
        path.write_text(f"x,y\n{bad}\n")
        with pytest.raises(BadSource, match=r"a\.csv:2: not valid CSV .*; expected two cells"):
            list(read_csv(path, "two cells"))


def test_texts_of_json_are_whole_texts():
    assert json_text("a\t\U0001f600") == "a \U0001f600"
    for value in (None, 1, ["a"], "half \ud83d"):
        with pytest.raises(ValueError):
            json_text(value)


NOT_UTF_8 = {
    "ag_news": ("train.csv", "test.csv"),
    "cail2019": ("labor_data_small_selected.json",),
    "duee_multilabel": ("train.csv", "test.csv"),
    "go_emotions": ("emotions.txt", "train.tsv", "dev.tsv", "test.tsv"),
    "stackexchange_tags": ("valid_src.txt", "valid_trg.txt", "test_src.txt", "test_trg.txt"),
    "weibo_hashtags": ("valid_src.txt", "valid_trg.txt", "test_src.txt", "test_trg.txt"),
}


@pytest.mark.parametrize("name", NOT_UTF_8)
def test_every_converter_says_alike_what_is_not_utf_8(tmp_path, name):
    for file in NOT_UTF_8[name]:
        (tmp_path / file).write_bytes(b"\xef\xbb\xbf\ncaf\xe9\n")
    done = call(name, "--source", tmp_path, "--output", tmp_path / "output")
    assert done.returncode == 2
    path = tmp_path / NOT_UTF_8[name][0]
    expected = f"error: {path}:2: byte 0xe9 is not UTF-8; save it as UTF-8\n"
    assert done.stderr.decode() == expected


def test_an_archive_s_file_that_is_not_utf_8_is_named_alike(tmp_path):
    with zipfile.ZipFile(tmp_path / "Wiki10-31K.tar.gz", "w") as archive:
        for split in ("train", "test"):
            archive.writestr(f"{split}_texts.txt", b"a\ncaf\xe9\n")
            archive.writestr(f"{split}_labels.txt", b"a\nb\n")
    done = call("wiki10_31k", "--source", tmp_path, "--output", tmp_path / "output")
    assert done.returncode == 2
    expected = "train_texts.txt:2: byte 0xe9 is not UTF-8; save it as UTF-8\n"
    assert done.stderr.decode() == f"error: Wiki10-31K.tar.gz: {expected}"


def test_one_line_has_neither_tabs_nor_anything_that_readers_split_at():
    assert one_line(" a\tb \r\n c\u2028d\x85\x0be\u3000f ") == "a b c d e f"
    assert one_line("\t\n") == ""


def test_windows_gets_the_same_bytes(tmp_path, monkeypatch):
    # _pyio is Python's io in Python: it asks os for the line end when it has not been told.
    monkeypatch.setattr(io, "open", _pyio.open)
    monkeypatch.setattr(os, "linesep", "\r\n")
    with (tmp_path / "as windows writes it").open("w", encoding="utf-8") as file:
        file.write("a\n")
    assert (tmp_path / "as windows writes it").read_bytes() == b"a\r\n"
    with open_for_writing(tmp_path / "new" / "a.txt") as file:
        file.write("很\n好\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "很\n好\n".encode()


def test_a_split_has_a_line_for_each_row_and_says_how_many(tmp_path):
    rows = (Row(labels, text) for labels, text in [(["a", "b c"], "很 好"), ([], "none")])
    assert write_split(tmp_path, "valid", rows) == 2
    written = (tmp_path / "valid" / "valid.tsv").read_bytes()
    assert written == "a,b c\t很 好\n\tnone\n".encode()
    assert write_split(tmp_path, "valid", []) == 0
    assert (tmp_path / "valid" / "valid.tsv").read_bytes() == b""


# ------------------------------------------------------------------------ stamp


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("weibo_hashtags", "conversion.py"),
        ("weibo_hashtags", "weibo_hashtags/convert.py"),
        ("stackexchange_tags", "weibo_hashtags/convert.py"),  # which it runs
    ],
)
def test_a_changed_conversion_is_converted_anew(questions, tmp_path, name, changed):
    copied = tmp_path / "datasets"
    shutil.copytree(DATASETS, copied, ignore=shutil.ignore_patterns("data"))
    script = copied / name / "run.sh"
    arguments = ("--from", questions, "--output", tmp_path / "output")
    assert run_script(script, *arguments).returncode == 0
    assert "up to date" in run_script(script, *arguments).stdout
    path = copied / changed
    text = path.read_text(encoding="utf-8")
    text = text.replace("{text}\\n", "{text}.\\n").replace("one_line(text)", 'one_line(text + ".")')
    path.write_text(text, encoding="utf-8")
    done = run_script(script, *arguments)
    assert done.returncode == 0, done.stderr
    assert "up to date" not in done.stdout
    written = (tmp_path / "output/train/train.tsv").read_text(encoding="utf-8")
    assert written == "电影,é\t很 好 café.\n"


@pytest.mark.parametrize("header", ["[]", "{}", '{"a": {}}', '{"a": 1}', "{", "[" * 9000])
def test_weights_whose_header_is_none_are_refused(tmp_path, header):
    (tmp_path / "source").mkdir()
    content = len(header).to_bytes(8, "little") + header.encode()
    (tmp_path / "source" / "model.safetensors").write_bytes(content)
    done = call("pretrained", "--source", tmp_path / "source", "--output", tmp_path / "output")
    assert done.returncode == 2
    assert b"model.safetensors: is not a safetensors file" in done.stderr
    assert b"Traceback" not in done.stderr
