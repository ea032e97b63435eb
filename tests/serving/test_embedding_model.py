"""A model of pairs that learns a teacher's embeddings, from end to end."""

import json

import numpy as np
import pytest
from harness.pretrained import write_encoder
from harness.recalled import CONFIG, call, lines_of, write_pairs

from textzoo import Encoder
from textzoo.commands.export import main as export
from textzoo.commands.infer import main as infer
from textzoo.commands.train import main as trainer
from textzoo.commands.train import static_main as static_trainer
from textzoo.inference.pretrained_embedder import PretrainedEmbedder
from textzoo.serving.embedding_model import embedding_model

SMALL = ("runner.valid_fraction=0", "runner.train_batch_size=16", "runner.print_interval=1")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pairs, a corpus, and the folder of an encoder."""
    folder = tmp_path_factory.mktemp("teacher")
    texts = write_pairs(folder, 60, 20)
    (folder / "corpus.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    write_encoder(folder / "encoder", texts)
    return folder


def train(place, tmp_path, *overrides, command=trainer, expect=0, teacher="encoder"):
    """The losses of a run."""
    here = (
        f"runner.model_save_path={tmp_path}/output",
        f"hyper_parameters.teacher.model={place / teacher}",
        "hyper_parameters.teacher.max_len=12",
    )
    assert call(command, place, overrides=(*SMALL, *here, *overrides)) == expect
    if expect:
        return []
    lines = map(json.loads, (tmp_path / "output/metrics.jsonl").read_text("utf-8").splitlines())
    return [line["loss"] for line in lines if "loss" in line]


@pytest.fixture
def asked(monkeypatch):
    """The texts that the encoder is asked for."""
    texts, embed = [], PretrainedEmbedder.__call__

    def remember(self, some, side="query"):
        texts.extend((side, text) for text in some)
        return embed(self, some, side)

    monkeypatch.setattr(PretrainedEmbedder, "__call__", remember)
    return texts


@pytest.mark.parametrize("weight", [0.3, 1])
def test_both_graphs_have_the_same_losses(place, tmp_path, weight):
    given = (f"hyper_parameters.teacher.weight={weight}",)
    dygraph = train(place, tmp_path / "dygraph", *given)
    static = train(place, tmp_path / "static", *given, command=static_trainer)
    assert dygraph == static
    assert len(dygraph) == 4
    alone = train(place, tmp_path / "alone", "hyper_parameters.teacher.model=null")
    assert dygraph != alone


def test_what_is_set_of_a_teacher_needs_one(place, capfd):
    assert call(trainer, place, overrides=("hyper_parameters.teacher.weight=0.3",)) == 2
    message = "hyper_parameters.teacher.weight: received without hyper_parameters.teacher.model"
    assert message in capfd.readouterr().err


def test_a_student_comes_near_to_its_teacher(place, tmp_path):
    """Texts that the teacher finds near to each other are so to the student, which saw no pairs."""
    texts = place / "texts.txt"
    texts.write_text((place / "corpus.txt").read_text("utf-8"), encoding="utf-8")
    given = (
        *(f"runner.train_data_dir={texts}", "reader.unlabelled=true", "runner.epochs=30"),
        *("hyper_parameters.teacher.weight=1", "runner.print_interval=10"),
    )
    losses = train(place, tmp_path, *given)
    assert losses[-1] < losses[0] / 4
    assert losses[-1] > 0


def test_the_cache_serves_other_runs_and_another_prefix_fills_another(place, tmp_path, asked):
    train(place, tmp_path / "first")
    once = list(asked)
    pairs = [line[:2] for line in lines_of(place / "train.tsv")]
    assert {text for _, text in once} <= {text for pair in pairs for text in pair}
    del asked[:]
    train(place, tmp_path / "second", "hyper_parameters.teacher.weight=0.9")
    assert not asked
    prefix = (
        "hyper_parameters.teacher.query_prefix=a ",
        "hyper_parameters.teacher.title_prefix=a ",
    )
    train(place, tmp_path / "third", *prefix)
    assert {text for _, text in asked} == {text for pair in pairs for text in pair}


def test_a_run_goes_on_as_one_that_was_never_ended(place, tmp_path):
    whole = train(place, tmp_path / "whole", "runner.epochs=2")
    train(place, tmp_path / "resumed")
    assert train(place, tmp_path / "resumed", "runner.epochs=2") == whole


def test_what_a_student_has_learned_stands_when_it_goes_on_with_other_texts(place, tmp_path, capfd):
    rows = lines_of(place / "train.tsv")
    texts, pairs = tmp_path / "texts.txt", tmp_path / "pairs.tsv"
    texts.write_text("".join(f"{text}\n" for row in rows for text in row[:2]), encoding="utf-8")
    pairs.write_text("".join("\t".join(row) + "\n" for row in rows[:20]), encoding="utf-8")
    alone = ("hyper_parameters.teacher.weight=1",)
    unlabelled = (f"runner.train_data_dir={texts}", "reader.unlabelled=true")
    train(place, tmp_path / "first", *alone, *unlabelled)
    start = (f"runner.model_init_path={tmp_path}/first/output/0", f"runner.train_data_dir={pairs}")
    train(place, tmp_path / "second", *alone, *start)
    turns = [
        [np.load(tmp_path / run / f"teacher/{name}.npy") for name in ("mean", "axes")]
        for run in ("first/output/0", "second/output/0")
    ]
    for before, after in zip(*turns):
        np.testing.assert_array_equal(after, before)
    # Gone on with, it stays the same.
    train(place, tmp_path / "whole", *alone, *start, "runner.epochs=2")
    train(place, tmp_path / "second", *alone, *start, "runner.epochs=2")
    weights = [(tmp_path / run / "output/1/rec.pdparams") for run in ("whole", "second")]
    assert weights[0].read_bytes() == weights[1].read_bytes()

    capfd.readouterr()
    another = "hyper_parameters.teacher.query_prefix=a "
    train(place, tmp_path / "other", *alone, *start, another)
    assert "output/0 learned from another one, or from one with other" in capfd.readouterr().out


def test_vectors_of_a_config_are_kept_by_what_it_truncates(place, tmp_path):
    config = tmp_path / "config.yaml"
    settings = {
        "base": str(CONFIG),
        "runner": {"model_save_path": str(tmp_path / "output")},
        "reader": {"ngram_buckets": 512},
        "hyper_parameters": {"encoder": {"hidden_size": 16}, "matryoshka_dims": [16, 8]},
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    here = (f"runner.model_save_path={tmp_path}/output",)
    assert call(trainer, place, overrides=(*here, "hyper_parameters.matryoshka_dims=[16, 8]")) == 0
    models = []
    for width in (16, 8):
        settings["hyper_parameters"]["truncate_dim"] = width
        config.write_text(json.dumps(settings), encoding="utf-8")
        models.append(embedding_model(config))
        assert models[-1].queries(["a text"]).shape == (1, width)
    assert models[0].digest != models[1].digest and models[0].sha256 != models[1].sha256


def test_a_run_does_not_go_on_with_another_teacher(place, tmp_path, capfd):
    train(place, tmp_path)
    train(place, tmp_path, "hyper_parameters.teacher.model=null", "runner.epochs=2", expect=2)
    assert "hyper_parameters.teacher" in capfd.readouterr().err
    # Another one where this one was.
    folder = tmp_path / "encoder"
    write_encoder(folder, ["some", "other texts"])
    train(place, tmp_path / "other", teacher=folder)
    write_encoder(folder, [text for line in lines_of(place / "train.tsv") for text in line])
    train(place, tmp_path / "other", "runner.epochs=2", teacher=folder, expect=2)
    assert "the teacher has changed since" in capfd.readouterr().err


def test_inference_asks_for_no_teacher(place, tmp_path):
    train(place, tmp_path)
    here = (f"runner.model_save_path={tmp_path}/output", "hyper_parameters.teacher.model=/none")
    assert call(infer, place, overrides=here) == 0


def test_a_teacher_may_be_an_export_or_a_config(place, tmp_path, capfd):
    config = tmp_path / "config.yaml"
    sizes = {"model_save_path": str(tmp_path / "output")}
    settings = {
        "base": str(CONFIG),
        "runner": sizes,
        "reader": {"ngram_buckets": 512},
        "hyper_parameters": {"encoder": {"hidden_size": 16}},
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    here = (f"runner.model_save_path={tmp_path}/output",)
    assert call(trainer, place, overrides=here) == 0
    assert call(export, place, "--output", str(tmp_path / "exported"), overrides=here) == 0
    none = ("hyper_parameters.teacher.max_len=null", "hyper_parameters.encoder.hidden_size=24")
    of_export, of_config = (
        train(place, tmp_path / str(n), *none, teacher=tmp_path / teacher)
        for n, teacher in enumerate(("exported", "config.yaml"))
    )
    np.testing.assert_allclose(of_export, of_config, rtol=1e-4)
    assert Encoder.load(tmp_path / "exported").model.manifest.width == 16

    train(place, tmp_path / "no", teacher=tmp_path / "exported", expect=2)
    message = capfd.readouterr().err
    assert "received hyper_parameters.teacher.max_len, which are for a pretrained" in message


@pytest.mark.parametrize("damage", ["missing", "empty", "weights", "tokenizer", "pickle"])
def test_a_teacher_that_is_none_is_refused(place, tmp_path, damage, capfd):
    folder = tmp_path / "encoder"
    if damage != "missing":
        write_encoder(folder, [text for line in lines_of(place / "train.tsv") for text in line])
    weights = folder / "model.safetensors"
    if damage == "empty":
        (folder / "config.json").unlink()
    elif damage == "weights":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "tokenizer":
        (folder / "tokenizer.json").write_text("{", encoding="utf-8")
    elif damage == "pickle":
        # It would make a file if it were loaded as Python's own.
        weights.unlink()
        run = tmp_path / "it_ran"
        (folder / "model.pdparams").write_bytes(
            b"cos\nsystem\n(S'touch " + str(run).encode() + b"'\ntR."
        )
    train(place, tmp_path, teacher=folder, expect=2)
    message = capfd.readouterr().err
    assert "hyper_parameters.teacher.model" in message
    assert str(folder) in message
    assert not (tmp_path / "it_ran").exists()
