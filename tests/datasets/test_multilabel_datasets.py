"""The run.sh of the data sets for multilabel, on sources of a few rows."""

import json

import pytest
from harness.fetched import DATASETS, run_script, written_files

DUEE = 'label,content\n组织关系-裁员|司法行为-起诉,"甲, ""乙""\n裁员"\n交往-会见,会见\n'
CASE = [
    {"labels": ["LB1", "LB3"], "sentence": "原告\t诉称。"},
    {"labels": [], "sentence": "本院认为。"},
    {"labels": [], "sentence": " "},
]
EMOTIONS = {name: "Nice one\t0,2\tid1\nok\t1\tid2\n" for name in ("train", "dev", "test")}


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "the source"
    folder.mkdir()
    for name in ("train.csv", "test.csv"):
        (folder / name).write_bytes(DUEE.encode())
    cases = "".join(json.dumps(CASE, ensure_ascii=False) + "\n" for _ in range(12))
    (folder / "labor_data_small_selected.json").write_text(cases, encoding="utf-8")
    for name, content in EMOTIONS.items():
        (folder / f"{name}.tsv").write_text(content, encoding="utf-8")
    (folder / "emotions.txt").write_text("joy\nneutral\nlove\n", encoding="utf-8")
    return folder


def converted(dataset, source, output):
    done = run_script(DATASETS / dataset / "run.sh", "--from", source, "--output", output)
    assert done.returncode == 0, done.stderr
    names = written_files(output)
    return {name: (output / name).read_text(encoding="utf-8") for name in names if "/" in name}


def test_duee_labels_and_sentences_share_a_line(source, tmp_path):
    written = converted("duee_multilabel", source, tmp_path / "output")
    expected = '组织关系-裁员,司法行为-起诉\t甲, "乙" 裁员\n交往-会见\t会见\n'
    assert written == {"train/train.tsv": expected, "test/test.tsv": expected}


def test_cail_is_split_by_case_and_keeps_sentences_without_labels(source, tmp_path):
    written = converted("cail2019", source, tmp_path / "output")
    case = "LB1,LB3\t原告 诉称。\n\t本院认为。\n"
    assert written == {
        "train/train.tsv": 10 * case,
        "valid/valid.tsv": case,
        "test/test.tsv": case,
    }


def test_go_emotions_has_names_in_place_of_numbers(source, tmp_path):
    written = converted("go_emotions", source, tmp_path / "output")
    assert set(written) == {"train/train.tsv", "valid/valid.tsv", "test/test.tsv"}
    assert set(written.values()) == {"joy,love\tNice one\nneutral\tok\n"}


@pytest.mark.parametrize(
    ("dataset", "file", "content", "complaint"),
    [
        ("duee_multilabel", "test.csv", "label,content\na,b,c\n", "test.csv:2: received 3 columns"),
        ("duee_multilabel", "train.csv", "a,b\n", "train.csv:1: expected the header"),
        ("cail2019", "labor_data_small_selected.json", "[]\n{\n", "selected.json:2: received"),
        ("cail2019", "labor_data_small_selected.json", "", "the file is empty"),
        ("go_emotions", "dev.tsv", "x\t0\ti\nx\t3\ti\n", "dev.tsv:2: received 'x"),
    ],
)
def test_a_malformed_row_is_named(source, tmp_path, dataset, file, content, complaint):
    (source / file).write_text(content, encoding="utf-8")
    output = tmp_path / "output"
    done = run_script(DATASETS / dataset / "run.sh", "--from", source, "--output", output)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert not output.exists() or not written_files(output)
