import gzip
import json
import os
from pathlib import Path

import pytest
from conftest import ROOT

from textzoo.errors import UserError
from textzoo.starting.suited import suited_to

ROWS = [("a new record", "music"), ("the match was lost", "sport"), ("a song, sung", "music")] * 4
PAIRS = [(f"how do I boil {n} eggs", f"boiling {n} eggs for breakfast") for n in range(12)]


@pytest.fixture
def suited(tmp_path):
    def suit(model, *overrides, **paths):
        folder = tmp_path / "mine"
        return suited_to(
            ROOT / "models" / model, paths, list(overrides), tmp_path / "cache", folder
        )

    return suit


def lines_of(rows, form="{1}\t{0}"):
    return "".join(form.format(*row) + "\n" for row in rows)


def write(file, text):
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


FILES = {
    "rows.tsv": lines_of(ROWS),
    "named.tsv": "text\tlabel\n" + lines_of(ROWS, "{0}\t{1}"),
    "rows.csv": "id,text,label\n" + lines_of(ROWS, '1,"{0}",{1}'),
    "rows.csv.gz": "text;label\n" + lines_of(ROWS, '"{0}";{1}'),
    "rows.jsonl": "".join(json.dumps({"text": t, "tags": [tag]}) + "\n" for t, tag in ROWS),
    "rows.jsonl.gz": "".join(json.dumps({"text": t, "tags": tag}) + "\n" for t, tag in ROWS),
    "rows.txt": lines_of(ROWS, "__label__{1} {0}"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("model", ["tagspace", "xmlcnn", "multilabel"])
def test_rows_of_every_format_are_looked_at_where_they_are(tmp_path, suited, model, name):
    found = suited(model, data=write(tmp_path / name, FILES[name]))
    assert found.settings["runner"]["train_data_dir"].value == f"../{name}"
    assert "12 rows" in found.findings
    assert "2 labels, one for each row: music has 8 rows, sport has 4" in found.findings
    assert found.settings["runner"]["epochs"].value == 0


@pytest.mark.parametrize("model", ["batchneg", "hardestneg"])
def test_pairs_have_queries_titles_and_negatives(tmp_path, suited, model):
    header = "query,title,negative\n"
    text = header + lines_of(PAIRS, "{0},{1},\n{0},{1},frying eggs")
    found = suited(model, data=write(tmp_path / "pairs.csv", text))
    assert "24 rows" in found.findings
    assert "12 different queries, 12 titles, 12 rows with negatives" in found.findings
    assert found.settings["index"]["lexical_weight"].value == "auto"
    many = lines_of(PAIRS, "{0}\t{1}\tfried\tpoached")
    found = suited(model, data=write(tmp_path / "pairs.tsv", many))
    assert found.settings["reader"]["max_negatives"].value == 2


def test_other_files_take_the_place_of_what_is_held_out(tmp_path, suited):
    data = write(tmp_path / "pairs.tsv", lines_of(PAIRS))
    other, corpus = (
        write(tmp_path / "b.tsv", lines_of(PAIRS)),
        write(tmp_path / "corpus.txt", "x\n"),
    )
    alone = suited("batchneg", data=data)
    assert any(line.startswith("validation: 10 % of the rows") for line in alone.findings)
    assert any("--test FILE" in line for line in alone.findings)
    runner = suited("batchneg", data=data, valid=other, test=other, corpus=corpus).settings[
        "runner"
    ]
    assert "valid_fraction" not in runner
    assert (runner["valid_data_dir"], runner["test_data_dir"]) == ("../b.tsv", "../b.tsv")
    assert runner["corpus_file"] == "../corpus.txt"


def test_keys_of_the_reader_are_kept_with_paths_from_the_new_folder(tmp_path, suited):
    data = write(tmp_path / "rows.csv", "what,why\n" + lines_of(ROWS, '"{0}",{1}'))
    given = ["reader.text_column=what", "reader.label_column=why"]
    found = suited("xmlcnn", *given, f"reader.stop_words={data}", data=data)
    reader = found.settings["reader"]
    assert (reader["text_column"], reader["label_column"]) == ("what", "why")
    assert reader["stop_words"] == "../rows.csv"
    with pytest.raises(UserError, match=r"-o: received runner.epochs, expected keys of the reader"):
        suited("xmlcnn", "runner.epochs=1", data=data)


def test_data_on_another_drive_keep_their_whole_path(tmp_path, suited, monkeypatch):
    def another_drive(path, start):
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    data = write(tmp_path / "rows.tsv", lines_of(ROWS))
    monkeypatch.setattr(os.path, "relpath", another_drive)
    found = suited("tagspace", data=data)
    assert found.settings["runner"]["train_data_dir"].value == data.as_posix()


def test_a_few_rows_that_cannot_be_trained_on_are_left_out_and_said(tmp_path, suited):
    data = write(tmp_path / "rows.tsv", lines_of(ROWS * 10) + "\tno tag\nno tab\n")
    found = suited("tagspace", data=data)
    bad = found.settings["runner"]["bad_lines"]
    assert bad.value == "skip"
    assert bad.why.startswith("rows without a label: 1; rows that cannot be read: 1, first ")
    assert f"{data}:122: received 1 column(s)" in bad.why
    data = write(tmp_path / "rows.tsv", lines_of(ROWS) + "\tno tag\n")
    with pytest.raises(UserError, match="of 13 rows, rows without a label: 1; mend them"):
        suited("tagspace", data=data)
    assert "bad_lines" not in suited("multilabel", data=data).settings["runner"]


@pytest.mark.parametrize("model", ["tagspace", "xmlcnn", "multilabel"])
def test_what_is_between_labels_is_written_where_the_reader_does_not_know_it(
    tmp_path, suited, model
):
    rows = [("a text", "x;y"), ("another", "y;z"), ("a third", "x")]
    data = write(tmp_path / "rows.tsv", lines_of(rows))
    found = suited(model, data=data)
    assert found.settings["reader"]["label_separator"].value == [";"]
    assert "labels are separated by ';'" in found.findings
    found = suited(model, "reader.label_separator=[]", data=write(data, lines_of(rows * 2)))
    assert found.settings["reader"]["label_separator"] == []
    assert "3 labels, one for each row: x;y has 2 rows, x has 2" in found.findings


def test_levels_need_their_names(tmp_path, suited):
    data = write(tmp_path / "rows.tsv", lines_of([("a day", "0,2"), ("a week", "1,0")]))
    with pytest.raises(UserError, match=r"look like levels; expected --from multilabel -o"):
        suited("multilabel", data=data)
    given = ["reader.n_levels=3", "reader.labels=[joy, anger]"]
    found = suited("multilabel", *given, data=data)
    assert found.settings["reader"]["labels"] == ["joy", "anger"]
    assert found.settings["hyper_parameters"]["loss"].value == "softmax"


@pytest.mark.parametrize(
    ("model", "name", "text", "message"),
    [
        (
            "tagspace",
            "x.csv",
            "query,answer\nq,a\n",
            "columns are those of pairs of texts: --from b",
        ),
        (
            "batchneg",
            "x.csv",
            "text,label\na,b\n",
            "are those of texts with labels: --from tagspace",
        ),
        ("tagspace", "x.csv", "topic,text\na,b\n", r"Here: -o reader.label_column=NAME$"),
        ("tagspace", "x.tsv", lines_of(PAIRS), "12 different labels"),
        ("xmlcnn", "x.tsv", "", "received no row that can be read, expected one example a line"),
        ("tagspace", "x.csv", "text,label\n,a\n,b\n", "2 rows have no texts, .*text_column=NAME"),
        ("batchneg", "x.tsv", "a\tb\t1\nc\td\t0\n", "third column has numbers"),
        ("batchneg", "x.tsv", "a b\ta b\nc\tc\n", "two texts of every row are the same"),
        ("batchneg", "x.csv", "query,title,label\na,b,1\n", "may tell that not all rows are pairs"),
    ],
)
def test_data_that_do_not_suit_the_model_are_refused(tmp_path, suited, model, name, text, message):
    with pytest.raises(UserError, match=message):
        suited(model, data=write(tmp_path / name, text))


def test_what_is_not_there_or_not_for_this_model_is_refused(tmp_path, suited):
    data = write(tmp_path / "rows.tsv", lines_of(ROWS))
    for paths, message in (
        ({"data": tmp_path / "none.tsv"}, "--data: no such file"),
        ({"data": Path("-")}, "--data: received -, expected a path"),
        ({"data": data, "test": tmp_path / "none.tsv"}, "--test: no such file"),
        ({"data": data, "corpus": data}, "--corpus: is for models of pairs"),
    ):
        with pytest.raises(UserError, match=message):
            suited("tagspace", **paths)
