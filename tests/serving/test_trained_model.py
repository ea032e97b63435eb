"""A trained folder in the place of an export: what infer.py and the export give of the same run."""

import shutil

import numpy as np
import pytest
from harness.exports import LINEAR
from harness.workspace import predictions

from textzoo.errors import BadText, UserError
from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger
from textzoo.serving.trained_model import TrainedModel


def model_of(export):
    return TrainedModel(export.config, export.settings)


@pytest.mark.parametrize("name", ["tagspace", "levels", LINEAR])
def test_a_trained_tagger_predicts_what_infer_and_the_export_do(exported, name):
    export = exported(name)
    rows = predictions(export.run / "infer")
    texts = [row["text"] for row in rows]
    tagger, other = Tagger(model_of(export)), Tagger.load(export.folder)
    for found, row in zip(tagger.predict(texts), rows):
        assert found.get("predicted") == row.get("predicted")
        assert [best["score"] for best in found["top"]] == pytest.approx(
            [best["score"] for best in row["top"]], abs=1e-5
        )
    np.testing.assert_allclose(tagger.predict_proba(texts), other.predict_proba(texts), atol=1e-4)
    if name == LINEAR:
        found, expected = (t.predict(texts[:3], explain=3) for t in (tagger, other))
        assert [[best["why"] for best in row["top"]] for row in found] == [
            [best["why"] for best in row["top"]] for row in expected
        ]


def test_a_trained_encoder_embeds_and_finds_what_the_export_does(exported):
    export = exported("batchneg")
    texts = [row["text"] for row in predictions(export.run / "infer")][:20]
    encoder, other = Encoder(model_of(export)), Encoder.load(export.folder)
    for side in ("query", "title"):
        np.testing.assert_allclose(
            encoder.encode(texts, side), other.encode(texts, side), atol=1e-5
        )
    assert encoder.encode([]).shape == other.encode([]).shape
    index, searched = SemanticIndex(encoder), SemanticIndex(other)
    assert len(index) == len(searched)
    assert [[hit["text"] for hit in hits] for hits in index.search(texts, 3)] == [
        [hit["text"] for hit in hits] for hits in searched.search(texts, 3)
    ]


def test_a_config_or_its_folder_is_loaded(exported, tmp_path):
    export = exported("tagspace")
    runner = f"{{infer_load_path: '{export.run.as_posix()}'}}"
    config = tmp_path / "config.yaml"
    text = f"base: '{export.config.as_posix()}'\nrunner: {runner}\n"
    config.write_text(text, encoding="utf-8")
    for path in (config, tmp_path):
        with pytest.raises(UserError, match="trained with other settings"):  # this is no net of it
            Tagger.load(path)
    with pytest.raises(UserError, match="engine: received onnx, which is for exports"):
        Tagger.load(tmp_path, "onnx")
    shutil.rmtree(tmp_path)
    with pytest.raises(UserError, match="no such config file"):
        Tagger.load(config)


def test_what_is_no_text_is_told_by_its_place(exported):
    tagger = Tagger(model_of(exported("tagspace")))
    with pytest.raises(BadText, match=r"texts\[1\]: holds half a character"):
        tagger.predict(["a", "\ud800"])
    with pytest.raises(TypeError, match="received one text"):
        tagger.predict_proba("a")
