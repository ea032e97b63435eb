"""The linear part against scikit-learn's models, and by its number of labels."""

import json

import numpy as np
import pytest
import scipy.sparse as sp
from harness.running import run_command

from benchmarks import MODELS
from benchmarks.many_labels import generate
from benchmarks.peers import baselines
from benchmarks.peers.linear import decisions, left_out_decisions, svm
from benchmarks.run import main
from textzoo.linear.features import Features, ViewSettings
from textzoo.text.characters import characters_of

TEXTS = ["A cat, a mat.", "the cat sat", "A mat!", "the mat sat on a cat"]
SEGMENTED = ["机场 的 Exo 粉丝 a b", "机场 的 粉丝 a", "a b exo的粉丝"]


@pytest.fixture(scope="module")
def few_rows(tmp_path_factory):
    """The sample of tagspace, cut short."""
    place = tmp_path_factory.mktemp("rows")
    for split, n in (("train", 300), ("test", 60)):
        [file] = (MODELS / "tagspace" / "data" / split).iterdir()
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)[:n]
        (place / f"{split}.tsv").write_text("".join(lines), encoding="utf-8")
    return place


def options(place, output, *more):
    config = ["-m", str(MODELS / "tagspace" / "config.yaml"), "-o"]
    files = [f"runner.{split}_data_dir={place / f'{split}.tsv'}" for split in ("train", "test")]
    places = [f"runner.model_save_path={output}", f"runner.cache_dir={output / 'cache'}"]
    return [*config, *files, *places, *more]


def test_all_are_measured_on_the_same_rows(few_rows, tmp_path, capsys):
    given = options(few_rows, tmp_path / "run", "hyper_parameters.linear.features=words")
    run_command("trainer", *given, "runner.epochs=1")
    written = tmp_path / "figures.json"
    given += ["runner.metrics=[accuracy, micro_f1]"]
    assert main(["baselines", *given, "--json", str(written)]) == 0
    figures = json.loads(written.read_text(encoding="utf-8"))["baselines"]
    peers = ["LinearSVC", "LogisticRegression", "RidgeClassifier"]
    assert list(figures["test"]) == ["with the net", "linear part", *peers]
    for row in figures["test"].values():
        assert row["rows"] == 60 and row["seconds"] > 0
        assert 0 < row["accuracy"] <= 1 and 0 < row["micro_f1"] <= 1
    assert len(figures["speed"]) == 3 and min(figures["speed"].values()) > 0
    assert (figures["rows"], figures["labels"]) == (300, 10)
    assert "accuracy" in capsys.readouterr().out


def test_without_a_linear_part_it_says_how_to_have_one(few_rows, tmp_path, capsys):
    net_alone = options(few_rows, tmp_path, "hyper_parameters.linear.features=none")
    assert main(["baselines", *net_alone]) == 2
    assert "-o hyper_parameters.linear.features=both" in capsys.readouterr().err


@pytest.mark.parametrize("texts", [TEXTS, SEGMENTED])
@pytest.mark.parametrize("kind", ["words", "characters", "within_words"])
def test_the_vectorizer_takes_the_n_grams_of_the_linear_part(kind, texts):
    views = [ViewSettings(kind, 1, 2)]
    _, ours = Features.fit(characters_of(texts), views, 1)
    theirs = baselines.vectorizer(views, 1).fit_transform(texts)
    assert ours.shape == theirs.shape
    # The same numbers in another order.
    np.testing.assert_allclose((ours @ ours.T).toarray(), (theirs @ theirs.T).toarray(), atol=1e-6)


def test_of_many_labels_no_logistic_regression_is_tried():
    assert "LogisticRegression" in baselines.families(sp.csr_matrix(np.eye(200)))
    assert list(baselines.families(sp.csr_matrix(np.eye(201)))) == ["LinearSVC", "RidgeClassifier"]


@pytest.mark.parametrize("make", [svm, baselines.OneOfAll, baselines.ridge])
def test_a_label_that_no_training_row_has_is_the_last(make):
    features = sp.csr_matrix(np.eye(2)[[0, 1, 0, 1]])
    targets = sp.csr_matrix(np.eye(3)[[0, 2, 0, 2]])
    scores = decisions(make(1.0), features, targets, features)
    assert (scores.argmax(1) == [0, 2, 0, 2]).all()
    assert (scores[:, 1] == scores.min()).all()


@pytest.mark.parametrize("make", [svm, baselines.ridge])
def test_more_labels_than_small_integers_count_are_told_apart(make):
    eye = sp.identity(300, np.int8, format="csr")
    scores = decisions(make(1.0), eye.astype(float), eye, eye.astype(float))
    assert (scores.argmax(1) == np.arange(300)).all()


def test_rows_of_one_fold_of_five_are_left_out():
    features = sp.csr_matrix(np.eye(2)[np.arange(20) % 2])
    rows, scores = left_out_decisions(svm(1.0), features, features.copy(), range(1))
    assert len(rows) == 4 and (np.diff(rows) > 0).all()
    assert (scores.argmax(1) == rows % 2).all()


def test_of_many_rows_one_fold_chooses_c_and_three_the_threshold(monkeypatch):
    monkeypatch.setattr(baselines, "_FEW", 0)
    features = sp.csr_matrix(np.eye(2)[np.arange(20) % 2])
    asked = []

    def quality(rows, scores):
        assert scores.shape == (len(rows), 2) and (np.diff(rows) > 0).all()
        assert (scores.argmax(1) == rows % 2).all()
        asked.append(len(rows))
        return -float(len(asked)), f"of {len(rows)} rows"

    family = baselines.Family(svm, (0.1, 0.3, 1.0, 3.0, 10.0))
    found = baselines.tuned(family, features, features.copy(), None, features, quality)
    assert asked == [4, 4, 4, 12]  # 1, its neighbours, which are worse, and the rows of three folds
    assert (found.value, found.threshold) == (1.0, "of 12 rows")


def test_every_label_is_in_a_generated_row(tmp_path):
    generate(30, 40, tmp_path / "train", tmp_path / "test")
    lines = (tmp_path / "train").read_text(encoding="utf-8").splitlines()
    labels = [line.split("\t")[0].split(",") for line in lines]
    assert len(lines) == 40 and len({name for own in labels for name in own}) == 30
    assert all(len(line.split("\t")[1].split()) == 60 for line in lines)
