"""Tagger, Encoder and SemanticIndex over a model that computes nothing; over real ones: export/."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.config.schema import IndexSettings
from textzoo.data.batching import in_order, text_batches
from textzoo.data.corpus import Entry
from textzoo.errors import UserError
from textzoo.index.folder_index import FolderIndex
from textzoo.inference.explaining import Explainer
from textzoo.linear.fusion import NetAlone
from textzoo.serving import in_process
from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger

LABELS = ["zero", "one", "two"]


class Model:
    """A text of digits has a score or a component for each of three digits."""

    def __init__(self, path, kind="tags", threshold=None, index=None, calibration=None):
        self.path = path
        self.reader = SimpleNamespace(label_names=LABELS)
        self.linear = None
        self.weights = ["a digest"]
        self.manifest = SimpleNamespace(
            **{"kind": kind, "threshold": threshold, "top_k": 2, "width": 3, "index": index},
            calibration=calibration,
            checkpoint=SimpleNamespace(weights_sha256="a digest"),
        )

    def encode(self, texts, n_queries=None):
        self.n_queries = n_queries
        return [{"text": list(map(int, text.replace(" ", "")))} for text in texts]

    def explainer(self):
        def net(texts):
            return in_order(self.batches(self.encode(texts)), len(texts))

        return Explainer(LABELS, net, NetAlone("any"))

    def batches(self, rows):
        for columns, places in text_batches(rows, 2) if rows else ():
            ids, _ = columns["text"].padded(places, -1)
            counts = np.stack([(ids == n).sum(axis=1) for n in range(3)], axis=1)
            length = np.linalg.norm(counts, axis=1, keepdims=True)
            yield places, {"scores": counts / 10, "embeddings": (counts / length).astype("float32")}


@pytest.fixture
def tagger(tmp_path):
    (tmp_path / "labels.json").write_text(json.dumps(LABELS), encoding="utf-8")
    return lambda **settings: Tagger(Model(tmp_path, **settings))


@pytest.fixture
def encoder(tmp_path):
    return Encoder(Model(tmp_path, "embeddings"))


def test_predictions_are_in_the_order_of_the_texts(tagger):
    found = tagger().predict(["0112", "2", "001", "1"], top_k=1)
    best = [(row["top"][0]["tag"], row["top"][0]["score"]) for row in found]
    assert best == [("one", 0.2), ("two", 0.1), ("zero", 0.2), ("one", 0.1)]
    assert tagger().predict([]) == []


def test_as_many_tags_as_in_the_config_unless_told_otherwise(tagger):
    assert [len(tagger().predict(["0"], k)[0]["top"]) for k in (None, 1, 3, 9)] == [2, 1, 3, 3]


def test_with_a_threshold_labels_above_it_are_predicted(tagger):
    assert "predicted" not in tagger().predict(["0112"])[0]
    assert tagger(threshold=0.15).predict(["0112"])[0]["predicted"] == ["one"]


def test_with_a_calibration_tags_have_probabilities(tagger):
    """By hand: 10 * 0.2 - 2 is 0, the logit of a half."""
    (found,) = tagger(calibration=[10.0, -2.0]).predict(["0112"], top_k=1)
    assert found["top"] == [{"tag": "one", "score": 0.2, "probability": 0.5}]


def test_words_are_told_if_asked_for(tagger):
    (found,) = tagger().predict(["01 12"], explain=1)
    assert found["shares_of"] == "score"
    assert found["top"][0]["words"] == [{"word": "01", "start": 0, "end": 2, "share": 0.1}]
    assert tagger().predict(["0"], explain=0) == tagger().predict(["0"])
    with pytest.raises(ValueError, match="explain: received -1"):
        tagger().predict(["0"], explain=-1)


def test_embeddings_and_cosines_are_those_of_their_texts(encoder):
    found = encoder.encode(["0112", "2", "00"])
    expected = np.array([[1, 2, 1], [0, 0, 1], [1, 0, 0]]) / [[6**0.5], [1], [1]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert encoder.model.n_queries == 3
    encoder.encode(["0", "1"], "title")
    assert encoder.model.n_queries == 0
    with pytest.raises(ValueError, match="side: received 'both', expected query or title"):
        encoder.encode(["0"], "both")
    cosines = encoder.similarity(["0112", "2"], ["22", "2"])
    assert encoder.model.n_queries == 2  # of four texts
    np.testing.assert_allclose(cosines, [1 / 6**0.5, 1], rtol=1e-6)
    assert encoder.encode([]).shape == (0, 3)


def test_lists_of_pairs_are_as_long(encoder):
    with pytest.raises(ValueError, match="received 2 and 1 texts"):
        encoder.similarity(["0", "1"], ["2"])


def index_of(folder, encoder, *texts, weights="a digest"):
    settings = IndexSettings(backend="exact", path=folder / "index")
    index = FolderIndex(settings, 3, {"checkpoint": {"rec.pdparams": weights}})
    index.add([Entry(text, text) for text in texts], encoder.encode(texts))
    index.commit()
    return Encoder(Model(folder, "embeddings", index=settings))


def test_the_nearest_texts_of_each_query_come_best_first(tmp_path, encoder):
    index = SemanticIndex(index_of(tmp_path, encoder, "00", "01", "12", "2"))
    assert len(index) == 4
    first, second = index.search(["0", "22"], k=2)
    assert first == [{"text": "00", "score": 1}, {"text": "01", "score": pytest.approx(0.5**0.5)}]
    assert [hit["text"] for hit in second] == ["2", "12"]
    assert [len(hits) for hits in index.search(["0"], k=9)] == [4]


def test_an_index_whose_texts_are_all_deleted_finds_nothing(tmp_path, encoder):
    index = SemanticIndex(index_of(tmp_path, encoder))
    assert len(index) == 0 and index.search(["0", "1"]) == [[], []]


@pytest.mark.parametrize("count", [0, -1])
def test_counts_below_one_are_refused(tmp_path, tagger, encoder, count):
    index = SemanticIndex(index_of(tmp_path, encoder, "0"))
    for ask in (tagger().predict, index.search):
        with pytest.raises(ValueError, match=f"k: received {count}, expected at least 1"):
            ask(["0"], count)
    with pytest.raises(ValueError, match=f"k: received {count}, expected at least 1"):
        index.nearest(encoder.encode(["0"]), count)


def test_letters_are_not_taken_for_texts(encoder):
    with pytest.raises(TypeError, match="received one text, expected two lists"):
        encoder.similarity("01", "12")


@pytest.mark.parametrize(
    ("embeddings", "says"),
    [
        ([1, 0, 0], r"received shape \[3\], expected \[queries, 3\]"),
        ([[1, 0]], r"received shape \[1, 2\]"),
        ([[np.nan, 0, 0]], "expected rows of length 1"),
        ([[3, 0, 0]], "expected rows of length 1"),
    ],
)
def test_what_is_no_embedding_is_not_searched_for(tmp_path, encoder, embeddings, says):
    with pytest.raises(ValueError, match=says):
        SemanticIndex(index_of(tmp_path, encoder, "0")).nearest(np.array(embeddings), 1)


def test_an_index_of_other_embeddings_is_refused(tmp_path, encoder):
    with pytest.raises(UserError, match="without an index; run textzoo recall, then textzoo exp"):
        SemanticIndex(encoder)
    other = index_of(tmp_path, encoder, "0", weights="another digest")
    with pytest.raises(UserError, match="no longer holds this checkpoint's embeddings"):
        SemanticIndex(other)


@pytest.mark.parametrize(
    ("what", "kind", "way_out"),
    [
        (Tagger, "embeddings", "load it with Encoder or SemanticIndex"),
        (Encoder, "tags", "load it with Tagger"),
        (SemanticIndex, "levels", "load it with Tagger"),
    ],
)
def test_a_model_of_another_kind_is_refused_with_the_way_out(monkeypatch, what, kind, way_out):
    model = SimpleNamespace(manifest=SimpleNamespace(kind=kind))
    monkeypatch.setattr(in_process, "ExportedModel", lambda path, engine, trust_code: model)
    with pytest.raises(UserError, match=way_out):
        what.load("a folder")
