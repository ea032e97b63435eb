"""The data sets of xmlcnn: what is taken out of made-up sources, and what is refused."""

import tarfile
import zipfile

import pytest
from harness.fetched import DATASETS, run_script

REUTERS = """<!DOCTYPE lewis SYSTEM "lewis.dtd">
<REUTERS TOPICS="YES" LEWISSPLIT="TRAIN" NEWID="1"><TOPICS><D>grain</D><D>rare</D></TOPICS>
<TEXT>&#2;<TITLE>WHEAT &amp; CORN</TITLE><DATELINE>  ROME, Feb 1 - </DATELINE><BODY>Up at &lt;ABC>.
    Second line.
&#3;</BODY></TEXT></REUTERS>
<REUTERS TOPICS="YES" LEWISSPLIT="TRAIN" NEWID="2"><TOPICS><D>rare</D></TOPICS>
<TEXT TYPE="BRIEF"><TITLE>x</TITLE></TEXT></REUTERS>
<REUTERS TOPICS="NO" LEWISSPLIT="TRAIN" NEWID="3"><TOPICS><D>grain</D></TOPICS>
<TEXT>no</TEXT></REUTERS>
<REUTERS TOPICS="YES" LEWISSPLIT="TEST" NEWID="4"><TOPICS><D>grain</D></TOPICS>
<TEXT>plain text</TEXT></REUTERS>
<REUTERS TOPICS="YES" LEWISSPLIT="NOT-USED" NEWID="5"><TOPICS><D>grain</D></TOPICS>
<TEXT>no</TEXT></REUTERS>
"""


def convert(name, source, output):
    return run_script(DATASETS / name / "run.sh", "--from", source, "--output", output)


def rows(output, split):
    return (output / split / f"{split}.tsv").read_text(encoding="utf-8")


def archive(path, contents, kind="tar"):
    """Write an archive with a folder in it."""
    folder = path.parent / "inside"
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="latin-1")
    if kind == "tar":
        with tarfile.open(path, "w:gz") as target:
            target.add(folder, "inside")
    else:
        with zipfile.ZipFile(path, "w") as target:
            for name in contents:
                target.write(folder / name, f"inside/{name}")
    return path.parent


def test_reuters_keeps_the_split_and_the_topics_of_both_parts(tmp_path):
    contents = {f"reut2-{number:03}.sgm": "" for number in range(22)}
    contents["reut2-007.sgm"] = REUTERS
    source = archive(tmp_path / "source" / "reuters21578.tar.gz", contents)
    done = convert("reuters21578", source, tmp_path / "output")
    assert done.returncode == 0, done.stderr
    assert "reut2-007.sgm is not the published file" in done.stdout
    assert rows(tmp_path / "output", "train") == "grain\tWHEAT & CORN Up at <ABC>. Second line.\n"
    assert rows(tmp_path / "output", "test") == "grain\tplain text\n"


def test_reuters_names_the_files_that_an_archive_lacks(tmp_path):
    source = archive(tmp_path / "source" / "reuters21578.tar.gz", {"reut2-000.sgm": REUTERS})
    done = convert("reuters21578", source, tmp_path / "output")
    assert done.returncode == 2
    assert "missing: reut2-001.sgm" in done.stderr


@pytest.mark.parametrize("name", ["reuters21578", "eurlex4k", "wiki10_31k", "glove"])
def test_a_damaged_archive_is_refused(tmp_path, name):
    file = {
        "reuters21578": "reuters21578.tar.gz",
        "eurlex4k": "EUR-Lex.tar.gz",
        "wiki10_31k": "Wiki10-31K.tar.gz",
        "glove": "glove.6B.zip",
    }[name]
    (tmp_path / file).write_bytes(b"PK\x03\x04 and no more")
    done = convert(name, tmp_path, tmp_path / "output")
    assert done.returncode == 2
    assert "is not a whole" in done.stderr
    assert "Traceback" not in done.stderr


PAIRS = {
    "train_texts.txt": "the  cat\nthe dog\n",
    "train_labels.txt": "a b,c\nb\n",
    "test_raw_texts.txt": "a\tmouse\n",
    "test_labels.txt": "a\n",
}


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize(
    ("name", "file"), [("eurlex4k", "EUR-Lex.tar.gz"), ("wiki10_31k", "Wiki10-31K.tar.gz")]
)
def test_texts_and_labels_are_joined(tmp_path, name, file, kind):
    source = archive(tmp_path / "source" / file, PAIRS, kind)
    done = convert(name, source, tmp_path / "output")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "output", "train") == "a,b_c\tthe cat\nb\tthe dog\n"
    assert rows(tmp_path / "output", "test") == "a\ta mouse\n"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train_labels.txt": "a\n"}, "train_texts.txt has 2 lines and train_labels.txt has 1"),
        ({"train_labels.txt": None}, "expected train_texts.txt and train_labels.txt, found"),
    ],
)
def test_files_that_do_not_match_are_refused(tmp_path, changed, message):
    contents = {k: v for k, v in {**PAIRS, **changed}.items() if v is not None}
    source = archive(tmp_path / "source" / "EUR-Lex.tar.gz", contents)
    done = convert("eurlex4k", source, tmp_path / "output")
    assert done.returncode == 2
    assert message in done.stderr


def test_rcv1_joins_tokens_and_topics_and_cannot_be_downloaded(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "rcv1-v2.topics.qrels").write_text("E11 2286 1\nECAT 2286 1\nM11 26151 1\n")
    (source / "lyrl2004_tokens_train.dat").write_text(".I 2286\n.W\nrecov excit\nbring\n\n")
    for part in range(4):
        content = ".I 26151\n.W\ntan\n\n" if part == 2 else ""
        (source / f"lyrl2004_tokens_test_pt{part}.dat").write_text(content)
    done = convert("rcv1", source, tmp_path / "output")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "output", "train") == "E11,ECAT\trecov excit bring\n"
    assert rows(tmp_path / "output", "test") == "M11\ttan\n"
    without = run_script(DATASETS / "rcv1/run.sh", "--output", tmp_path / "other")
    assert without.returncode == 2
    assert "bring your own copy" in without.stderr


def test_rcv1_names_a_malformed_line(tmp_path):
    for name in ("train", *(f"test_pt{part}" for part in range(4))):
        (tmp_path / f"lyrl2004_tokens_{name}.dat").write_text("words\n")
    (tmp_path / "rcv1-v2.topics.qrels").write_text("E11 2286 1\n")
    done = convert("rcv1", tmp_path, tmp_path / "output")
    assert done.returncode == 2
    assert "lyrl2004_tokens_train.dat:1: received 'words', expected `.I number`" in done.stderr


def test_glove_gives_the_widest_vectors(tmp_path):
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w") as target:
        target.writestr("glove.6B.50d.txt", "the 1\n")
        target.writestr("glove.6B.300d.txt", "the 1 2 3\n")
    done = convert("glove", tmp_path, tmp_path / "output")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output" / "glove.6B.300d.txt").read_text() == "the 1 2 3\n"


def test_stack_exchange_questions_are_joined_with_their_tags(tmp_path):
    for name in ("valid", "test"):
        (tmp_path / f"{name}_src.txt").write_text("a title <eos> a body\n")
        (tmp_path / f"{name}_trg.txt").write_text("x;hidden features\n")
    done = convert("stackexchange_tags", tmp_path, tmp_path / "output")
    assert done.returncode == 0, done.stderr
    expected = "x,hidden features\ta title <eos> a body\n"
    assert rows(tmp_path / "output", "train") == rows(tmp_path / "output", "test") == expected
