import numpy as np
import pytest
from harness.indexed import embeddings_of, texts_of

from textzoo.config.schema import IndexSettings
from textzoo.errors import UserError
from textzoo.index.centering import CENTER, center_of, centred
from textzoo.index.opening import load_index, new_index

MADE_FROM = {"model": "batchneg", "checkpoint": {"rec.pdparams": "abc"}}


def test_the_mean_is_taken_away_and_lengths_are_1_again():
    embeddings = embeddings_of(50) + np.float32(0.5)
    center = embeddings.mean(axis=0)
    found = centred(embeddings, center)
    moved = embeddings - center
    np.testing.assert_allclose(found, moved / np.linalg.norm(moved, axis=1)[:, None], atol=1e-6)
    assert centred(embeddings, None) is embeddings
    assert not centred(center[None], center).any()  # which has no direction left


@pytest.mark.parametrize("backend", ["exact", "hnsw", "milvus"])
def test_an_index_takes_it_from_texts_and_queries_and_keeps_it(tmp_path, backend):
    embeddings, queries = embeddings_of(200) + 0.4, embeddings_of(20, seed=1)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    center = embeddings.mean(axis=0)
    if backend == "milvus":
        pytest.importorskip("pymilvus")
        pytest.importorskip("milvus_lite")
    names = {"collection": "texts", "partition": "corpus", "index_type": "FLAT"}
    settings = IndexSettings(backend=backend, path=tmp_path / "index", center=True, **names)
    index = new_index(settings, 16, {**MADE_FROM, CENTER: center.tolist()})
    assert index.add(texts_of(200), embeddings) == 200
    index.commit()
    loaded = load_index(settings)
    assert loaded is not None and loaded.is_saved and len(loaded) == 200
    np.testing.assert_array_equal(center_of(loaded.made_from), center)
    expected = centred(queries, center) @ centred(embeddings, center).T
    for row, hits in zip(expected, loaded.nearest(queries, 5)):
        assert [hit.text for hit in hits] == [f"text {i}" for i in np.argsort(-row)[:5]]
        np.testing.assert_allclose([hit.score for hit in hits], -np.sort(-row)[:5], atol=1e-5)
    loaded.made_from = {**loaded.made_from, "added": 1}
    assert loaded.made_from["added"] == 1
    assert loaded.delete(texts_of(1)) == []
    assert len(loaded) == 199


def test_it_is_taken_from_what_is_added_after_all_texts_were_deleted(tmp_path):
    embeddings = embeddings_of(30) + np.float32(0.4)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    settings = IndexSettings(backend="exact", path=tmp_path / "index", center=True)
    center = embeddings.mean(axis=0)
    index = new_index(settings, 16, {**MADE_FROM, CENTER: center.tolist()})
    index.add(texts_of(30), embeddings)
    index.delete(texts_of(30))
    index.commit()
    loaded = load_index(settings)
    assert loaded is not None and len(loaded) == 0
    loaded.add(texts_of(30), embeddings)
    (nearest,) = loaded.nearest(embeddings[:1], 30)
    moved = centred(embeddings, center)
    found = {hit.text: hit.score for hit in nearest}
    expected = {f"text {i}": score for i, score in enumerate(moved @ moved[0])}
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "center", ["a", [1.0] * 15, [[1.0] * 16], [True] * 16, [float("nan")] * 16]
)
def test_a_damaged_mean_is_refused(tmp_path, center):
    settings = IndexSettings(backend="exact", path=tmp_path / "index")
    index = new_index(settings, 16, {**MADE_FROM, CENTER: [0.0] * 16})
    index.add(texts_of(3), embeddings_of(3))
    index.made_from = {**MADE_FROM, CENTER: center}
    index.commit()
    with pytest.raises(UserError, match=r"manifest\.json: is damaged"):
        load_index(settings)
