"""Embeddings beside n-grams: by hand, and from end to end through the commands."""

import json
import shutil

import numpy as np
import pytest
from conftest import ROOT
from harness.pretrained import write_encoder

from textzoo import Tagger
from textzoo.commands.export import main as export
from textzoo.commands.infer import main as infer
from textzoo.commands.infer import static_main as static_infer
from textzoo.commands.label_errors import main as label_errors
from textzoo.commands.label_next import main as label_next
from textzoo.commands.predict import main as predict
from textzoo.commands.train import main as trainer
from textzoo.commands.train import static_main as static_trainer
from textzoo.data.text_vectors import embedded
from textzoo.inference.pretrained_embedder import PretrainedEmbedder
from textzoo.linear.embeddings import EMBEDDING, Embeddings, centred
from textzoo.running.engines import WEIGHTS

RANDOM = np.random.default_rng(6)
VECTORS, MEAN = RANDOM.normal(size=(5, 3)), np.array([0.5, -1, 0.2], np.float32)


def test_vectors_are_centred_and_of_length_1_and_what_is_0_stays_so():
    vectors = VECTORS.copy()
    vectors[2] = 0
    found = centred(vectors, MEAN)
    assert found.tolist() == centred(vectors.astype(np.float16), MEAN).tolist()
    moved = vectors - MEAN
    expected = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    expected[2] = 0
    np.testing.assert_allclose(found, expected, atol=2e-3)


def made(weight=1.5):
    by_label = RANDOM.normal(size=(3, 2)).astype(np.float16)
    return Embeddings(MEAN, weight, by_label, "a")


def test_scores_are_weighted_products_and_are_read_as_they_were_written(tmp_path):
    ours = made()
    ours.save(tmp_path)
    found = Embeddings.load(tmp_path)
    assert found.sha256 == "a"
    moved = VECTORS - MEAN
    unit = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    expected = 1.5 * unit @ ours.by_label.astype(float)
    for each in (ours, found):
        np.testing.assert_allclose(each.scores(VECTORS), expected, atol=5e-3)


@pytest.mark.parametrize("damage", ["weight", "no JSON", "width", "not finite"])
def test_what_is_damaged_is_refused(tmp_path, damage):
    ours = made()
    if damage == "width":
        ours.mean = MEAN[:2]
    elif damage == "not finite":
        ours.by_label[0] = np.inf
    ours.save(tmp_path)
    facts = tmp_path / "embeddings.json"
    if damage == "weight":
        facts.write_text('{"weight": -1, "sha256": "a"}', encoding="utf-8")
    elif damage == "no JSON":
        facts.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"not as (it was|they were) saved"):
        Embeddings.load(tmp_path)


def test_without_them_nothing_is_read(tmp_path):
    assert Embeddings.load(tmp_path) is None


def test_blank_texts_are_not_embedded():
    asked = []

    def embed(texts):
        asked.extend(texts)
        return np.array([[len(text), 1.0] for text in texts])

    assert embedded(["ab", " ", "c"], embed).tolist() == [[2, 1], [0, 0], [1, 1]]
    assert asked == ["ab", "c"]
    assert embedded(["", " "], embed).tolist() == [[0, 0], [0, 0]]


MODEL = ROOT / "models" / "multilabel"
SMALL = (
    *("runner.epochs=0", "runner.train_batch_size=64", "hyper_parameters.n_filters=4"),
    *("hyper_parameters.encoder.hidden_size=4", "hyper_parameters.encoder.embedding_size=4"),
    *(
        "hyper_parameters.encoder.num_attention_heads=1",
        "hyper_parameters.encoder.num_hidden_layers=0",
    ),
)


def rows_of(split, n):
    file = MODEL / "data" / split / "sample.tsv"
    return file.read_text(encoding="utf-8").splitlines()[:n]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with rows, and that of an encoder."""
    folder = tmp_path_factory.mktemp("embeddings")
    for split, n in (("train", 150), ("test", 40)):
        lines = "".join(f"{line}\n" for line in rows_of(split, n))
        (folder / f"{split}.tsv").write_text(lines, encoding="utf-8")
    texts = [line.split("\t")[1] for line in rows_of("train", 150)]
    write_encoder(folder / "encoder", texts)
    return folder


def call(command, place, output, *overrides, options=(), expect=0):
    settings = (
        *(f"runner.train_data_dir={place}/train.tsv", f"runner.test_data_dir={place}/test.tsv"),
        *(f"runner.model_save_path={output}", f"runner.cache_dir={place}/cache"),
        *(f"hyper_parameters.linear.embeddings={place}/encoder", *SMALL),
    )
    config = str(MODEL / "config.yaml")
    assert command(["-m", config, *options, "-o", *settings, *overrides]) == expect


@pytest.fixture(scope="module")
def trained(place):
    """The output of the linear part alone."""
    call(trainer, place, place / "trained")
    return place / "trained"


@pytest.fixture
def asked(monkeypatch):
    """The texts that the encoder is asked for."""
    texts, embed = [], PretrainedEmbedder.__call__

    def remember(self, some, side="query"):
        texts.extend(some)
        return embed(self, some, side)

    monkeypatch.setattr(PretrainedEmbedder, "__call__", remember)
    return texts


def scores_of(output):
    file = output / "infer" / "predictions.jsonl"
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [{best["tag"]: best["score"] for best in row["top"]} for row in rows]


def linear_files(output):
    return {file.name: file.read_bytes() for file in (output / "best" / "linear").iterdir()}


def test_the_checkpoint_names_the_encoder_and_holds_no_copy_of_it(trained):
    files = linear_files(trained)
    assert {"embeddings.json", "embeddings_mean.npz", "embeddings_weights.npz"} <= files.keys()
    assert sum(map(len, files.values())) < 2e6


def test_both_graphs_and_all_engines_give_the_same(place, trained, tmp_path):
    call(static_trainer, place, tmp_path)
    assert linear_files(tmp_path) == linear_files(trained)
    found = []
    for command, *engine in (
        (infer, "runner.infer_engine=predictor"),
        (infer, "runner.infer_engine=dygraph"),
        (static_infer,),
    ):
        call(command, place, trained, *engine)
        found.append(scores_of(trained))
    assert found[0] == found[1] == found[2]


def test_embeddings_are_computed_once_and_kept(place, trained, asked, tmp_path):
    call(infer, place, trained)
    del asked[:]
    call(infer, place, trained)
    call(trainer, place, tmp_path, "hyper_parameters.linear.regularisation=0.7")
    assert not asked
    prefix = "hyper_parameters.linear.embeddings_prefix=a "
    call(trainer, place, tmp_path / "prefix", prefix)
    texts = {line.split("\t")[1] for line in rows_of("train", 150)}
    assert texts <= set(asked)


def test_a_net_beside_it_goes_on_as_if_it_had_never_stopped(place, tmp_path):
    call(trainer, place, tmp_path / "whole", "runner.epochs=2")
    call(trainer, place, tmp_path / "resumed", "runner.epochs=1")
    call(trainer, place, tmp_path / "resumed", "runner.epochs=2")
    whole, resumed = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").open(encoding="utf-8")]
        for name in ("whole", "resumed")
    )
    for lines in (whole, resumed):
        for line in lines:
            line.pop("seconds", None), line.pop("rows_per_second", None)
    assert [line for line in whole if line["kind"] == "evaluation"] == [
        line for line in resumed if line["kind"] == "evaluation"
    ]


def test_validation_files_are_scored_as_test_files_are(place, tmp_path):
    valid = (f"runner.valid_data_dir={place}/test.tsv", "runner.threshold=0.4")
    call(trainer, place, tmp_path, *valid)
    call(infer, place, tmp_path, *valid)
    lines = map(json.loads, (tmp_path / "metrics.jsonl").open(encoding="utf-8"))
    [evaluated] = [line for line in lines if line["kind"] == "evaluation"]
    metrics = json.loads((tmp_path / "infer/infer_metrics.json").read_text(encoding="utf-8"))
    assert metrics["micro_f1"] == pytest.approx(evaluated["micro_f1"], abs=1e-6)


def test_texts_are_predicted_with_the_share_of_their_embedding(place, trained, tmp_path):
    call(infer, place, trained)
    file = tmp_path / "texts.txt"
    texts = [line.split("\t")[1] for line in rows_of("test", 40)]
    file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    options = ("--texts", str(file), "--output", str(tmp_path / "labels"), "--explain", "500")
    call(predict, place, trained, options=options)
    rows = list(map(json.loads, (tmp_path / "labels").open(encoding="utf-8")))
    n_told = 0
    for row, scores in zip(rows, scores_of(trained)):
        for best in row["top"]:
            assert best["score"] == pytest.approx(scores[best["tag"]], abs=2e-3)
            own = [each["share"] for each in best["why"] if each["ngram"] == EMBEDDING]
            n_told += len(own)
            assert len(own) <= 1
    assert n_told > len(rows)


def test_what_to_label_next_and_label_errors_count_the_embeddings_too(
    place, trained, tmp_path, asked
):
    file = tmp_path / "texts.txt"
    texts = [line.split("\t")[1] for line in rows_of("test", 40)]
    file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    output = tmp_path / "labels"
    call(predict, place, trained, options=("--texts", str(file), "--output", str(output)))
    scores = {row["text"]: row["top"] for row in map(json.loads, output.open(encoding="utf-8"))}
    call(label_next, place, trained, options=("--texts", str(file), "--output", str(output)))
    rows = list(map(json.loads, output.open(encoding="utf-8")))
    assert rows and all(row["top"] == scores[row["text"]] for row in rows)
    # Encoded with another prefix, the training texts are embedded anew.
    del asked[:]
    prefix = "hyper_parameters.linear.embeddings_prefix=b "
    call(label_errors, place, tmp_path, prefix, options=("--output", str(output)))
    assert {line.split("\t")[1] for line in rows_of("train", 150)} <= set(asked)


@pytest.fixture(scope="module")
def exported(place, trained):
    for precision in ("float32", "int8"):
        options = ("--output", str(place / precision), "--precision", precision)
        call(export, place, trained, options=options)
    return place


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_an_export_holds_its_encoder_and_scores_alike(
    place, trained, exported, precision, tmp_path
):
    folder = exported / precision
    assert export(["--verify", str(folder)]) == 0
    call(infer, place, trained)
    shutil.copytree(folder, tmp_path / "elsewhere")
    tagger = Tagger.load(tmp_path / "elsewhere")
    texts = [line.split("\t")[1] for line in rows_of("test", 40)]
    tolerance = 2e-3 if precision == "float32" else 0.1
    for found, scores in zip(tagger.predict(texts, explain=300), scores_of(trained)):
        for best in found["top"]:
            if best["tag"] in scores:
                assert best["score"] == pytest.approx(scores[best["tag"]], abs=tolerance)
        assert any(each["ngram"] == EMBEDDING for best in found["top"] for each in best["why"])


def test_an_export_whose_encoder_was_changed_is_refused(exported, tmp_path, capfd):
    shutil.copytree(exported / "float32", tmp_path / "changed")
    weights = tmp_path / "changed/linear/encoder" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    assert export(["--verify", str(tmp_path / "changed")]) == 2
    assert f"linear/encoder/{WEIGHTS}: was changed" in capfd.readouterr().err


def test_the_encoder_may_be_an_export(place, trained, exported, tmp_path):
    """Of the same encoder, by itself: scores and exports are the same."""
    other = f"hyper_parameters.linear.embeddings={exported}/float32/linear/encoder"
    call(trainer, place, tmp_path / "run", other)
    call(infer, place, tmp_path / "run", other)
    call(infer, place, trained)
    for found, expected in zip(scores_of(tmp_path / "run"), scores_of(trained)):
        assert found == pytest.approx(expected, abs=5e-3)
    options = ("--output", str(tmp_path / "out"))
    call(export, place, tmp_path / "run", other, options=options)
    assert Tagger.load(tmp_path / "out").model.linear[0].embeddings


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["hyper_parameters.linear.embeddings=/none"], "linear.embeddings: no such file or folder"),
        (["hyper_parameters.linear.features=none", "runner.epochs=1"], "without n-grams"),
        (
            [
                "hyper_parameters.linear.embeddings={exported}/float32/linear/encoder",
                "hyper_parameters.linear.embeddings_prefix=a ",
            ],
            "received hyper_parameters.linear.embeddings_prefix, which are for a pretrained",
        ),
        (["hyper_parameters.linear.embeddings={exported}/float32"], "linear.embeddings: "),
        (["hyper_parameters.linear.embeddings_max_len=3"], "linear.embeddings"),
    ],
    ids=["missing", "alone", "prefix", "no encoder", "too short"],
)
def test_what_does_not_go_together_is_refused(place, exported, tmp_path, settings, says, capfd):
    given = [setting.format(exported=exported) for setting in settings]
    if given[0].endswith("max_len=3"):
        given.append("hyper_parameters.linear.embeddings_prefix=反映个情况")
    call(trainer, place, tmp_path / "run", *given, expect=2)
    assert says in capfd.readouterr().err
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").glob("*/rec*"))


def test_another_encoder_than_the_checkpoint_s_is_refused(place, trained, tmp_path, capfd):
    write_encoder(tmp_path / "other", ["of other texts"])
    other = f"hyper_parameters.linear.embeddings={tmp_path}/other"
    call(infer, place, trained, other, expect=2)
    assert "is another encoder than that of" in capfd.readouterr().err
    call(infer, place, trained, "hyper_parameters.linear.embeddings=null", expect=2)
    assert "hyper_parameters.linear.embeddings" in capfd.readouterr().err
    moved = tmp_path / "moved"
    shutil.copytree(place / "encoder", moved)
    call(infer, place, trained, f"hyper_parameters.linear.embeddings={moved}")


def test_a_run_does_not_go_on_with_another_encoder(place, tmp_path, capfd):
    encoder = tmp_path / "encoder"
    write_encoder(encoder, ["some texts"])
    own = f"hyper_parameters.linear.embeddings={encoder}"
    call(trainer, place, tmp_path / "run", own, "runner.epochs=1")
    write_encoder(encoder, ["other texts"])
    call(trainer, place, tmp_path / "run", own, "runner.epochs=2", expect=2)
    assert "hyper_parameters.linear.embeddings has changed since" in capfd.readouterr().err
