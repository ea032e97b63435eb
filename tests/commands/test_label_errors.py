"""label_errors.py from start to end, on rows of which some are given other labels."""

import json
import random

import pytest
from conftest import ROOT

from textzoo.commands.label_errors import main

WORDS = {
    "film": ["actor", "cinema", "director", "screen", "scene", "camera"],
    "food": ["soup", "pepper", "oven", "butter", "recipe", "flour"],
    "sport": ["goal", "striker", "league", "referee", "stadium", "coach"],
}
LEVELS = (
    *("reader.n_levels=4", "reader.labels=[喜悦]", "hyper_parameters.loss=softmax"),
    "hyper_parameters.linear.features=none",
)


def rows(n=40):
    """So many texts of each topic."""
    draw = random.Random(0)
    return [(name, " ".join(draw.sample(own, 4))) for name, own in WORDS.items() for _ in range(n)]


@pytest.fixture
def run(tmp_path, capfd):
    """A function that runs the command on lines; its status, what it wrote, what it printed."""

    def call(lines, model="tagspace", *overrides):
        data, output = tmp_path / "train.tsv", tmp_path / "errors.jsonl"
        data.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        settings = [f"runner.train_data_dir={data}", f"runner.cache_dir={tmp_path / 'cache'}"]
        config = str(ROOT / "models" / model / "config.yaml")
        status = main(["-m", config, "--output", str(output), "-o", *settings, *overrides])
        found = output.read_text(encoding="utf-8").splitlines() if output.exists() else []
        printed = capfd.readouterr()
        return status, list(map(json.loads, found)), printed.out + printed.err

    return call


def test_rows_of_one_label_that_were_given_another_are_found(run, tmp_path):
    lines = [f"{label}\t{text}" for label, text in rows()]
    lines[3] = lines[3].replace("film", "food")
    lines[50] = lines[50].replace("food", "sport")
    status, found, printed = run(lines)
    assert status == 0
    assert {row["place"] for row in found} == {f"{tmp_path / 'train.tsv'}:{n}" for n in (4, 51)}
    by_line = {row["place"].rpartition(":")[2]: row for row in found}
    assert (by_line["4"]["labels"], by_line["4"]["suggested"]) == (["food"], ["film"])
    assert (by_line["51"]["labels"], by_line["51"]["suggested"]) == (["sport"], ["food"])
    assert by_line["4"]["text"] == lines[3].partition("\t")[2]
    assert [row["score"] for row in found] == sorted(row["score"] for row in found)
    assert "2 of 120 rows are likely label errors (1.7 %)" in printed
    assert "train.tsv:4: food -> film" in printed


@pytest.mark.parametrize("features", ["none", "words"])
def test_missing_and_wrong_labels_of_several_are_found(run, features):
    pairs = rows()
    lines = [f"{label}\t{text}" for label, text in pairs]
    for (label, text), (other, more) in zip(pairs[:60], pairs[60:]):
        lines.append(f"{label},{other}\t{text} {more}")
    lines[3] = lines[3].replace("film", "food")
    status, found, _ = run(lines, "xmlcnn", f"hyper_parameters.linear.features={features}")
    assert status == 0
    (wrong,) = found
    assert wrong["place"].endswith("train.tsv:4")
    assert (wrong["labels"], wrong["suggested"]) == (["food"], ["film"])


def test_a_label_of_one_row_alone_is_not_judged(run):
    lines = [f"{label}\t{text}" for label, text in rows()]
    status, found, printed = run([*lines, "travel\ta train to the sea"])
    assert (status, found) == (0, [])
    assert "0 of 120 rows are likely label errors" in printed
    assert "120 of 121 rows are judged" in printed


def test_what_cannot_be_judged_is_refused(run):
    for lines, model, more, complaint in (
        (["film\ta", "film\tb"], "tagspace", (), "received 1 label(s) that several rows have"),
        (["a\tb"], "batchneg", (), "gives embeddings, expected a model that scores labels"),
        (["喜悦:1\t好"], "multilabel", LEVELS, "gives levels, expected a model that scores"),
        (["film\ta"], "tagspace", ("runner.epochs=x",), "runner.epochs"),
        (["no tab"], "tagspace", (), "train.tsv:1"),
    ):
        status, found, printed = run(lines, model, *more)
        assert (status, found) == (2, []) and complaint in printed
