import numpy as np
import pytest
from harness.indexed import embeddings_of, entries_of, texts_of

from textzoo.config.schema import IndexSettings
from textzoo.errors import UserError
from textzoo.index.hnsw import Index


def make_index(n, backend="hnsw", **settings):
    index = Index(IndexSettings(backend=backend, **settings), 16, {"checkpoint": "abc"})
    index.add(texts_of(n), embeddings_of(n))
    return index


BACKENDS = pytest.mark.parametrize("backend", ["hnsw", "exact"])


def test_exact_search_equals_sorting_all_cosines():
    places, cosines = make_index(300, "exact").search(embeddings_of(270, seed=1), 7)
    expected = embeddings_of(270, seed=1) @ embeddings_of(300).T
    np.testing.assert_array_equal(places, np.argsort(-expected, axis=1, kind="stable")[:, :7])
    np.testing.assert_allclose(cosines, -np.sort(-expected, axis=1)[:, :7], atol=1e-6)


def test_hnsw_finds_nearly_what_exact_search_finds():
    queries = embeddings_of(200, seed=1)
    ours = make_index(3000).search(queries, 50)[0]
    exact = make_index(3000, "exact").search(queries, 50)[0]
    overlap = np.mean([len(set(a) & set(b)) / 50 for a, b in zip(ours, exact)])
    assert overlap >= 0.99


@BACKENDS
def test_all_that_exist_come_back_when_more_are_asked_for(backend):
    index = make_index(5, backend)
    places, cosines = index.search(embeddings_of(2, seed=1), 50)
    assert [sorted(row) for row in places] == [list(range(5))] * 2
    assert (np.diff(cosines, axis=1) <= 0).all()
    assert index.delete(texts_of(5)) == 5
    assert index.search(embeddings_of(2, seed=1), 50)[0].shape == (2, 0)


@BACKENDS
def test_deleted_texts_are_not_found_and_may_come_back(backend):
    index = make_index(100, backend)
    nearest = index.search(embeddings_of(100)[:10], 1)[0][:, 0]
    assert nearest.tolist() == list(range(10))
    assert index.delete(entries_of("text 3", "text 4", "text 3", "never there")) == 2
    assert len(index) == 98
    found = index.search(embeddings_of(100)[:10], 98)[0]
    assert not {3, 4} & set(found.ravel())
    assert index.add(entries_of("text 3", "text 5"), embeddings_of(100)[[3, 5]]) == 1
    place, cosine = index.search(embeddings_of(100)[3:4], 1)
    assert index.texts[place[0, 0]] == "text 3"
    assert cosine[0, 0] == pytest.approx(1, abs=1e-6)


@BACKENDS
def test_a_saved_index_gives_the_same_and_can_be_extended(backend, tmp_path):
    index = make_index(100, backend)
    index.delete(entries_of("text 7"))
    index.save(tmp_path / "index")
    loaded = Index.load(tmp_path / "index", IndexSettings(backend=backend))
    assert loaded.made_from == {"checkpoint": "abc"}
    queries = embeddings_of(20, seed=1)
    for ours, theirs in zip(index.search(queries, 30), loaded.search(queries, 30)):
        np.testing.assert_array_equal(ours, theirs)
    loaded.add(entries_of("another"), queries[:1])
    assert loaded.texts[loaded.search(queries[:1], 1)[0][0, 0]] == "another"


def test_an_index_of_another_form_is_not_taken(tmp_path):
    make_index(20).save(tmp_path / "index")
    assert Index.load(tmp_path / "index", IndexSettings(hnsw_m=7)) is None
    assert Index.load(tmp_path / "index", IndexSettings(ef=7)) is not None
    assert Index.load(tmp_path / "nothing", IndexSettings()) is None


@pytest.mark.parametrize("file", ["hnsw.bin", "embeddings.npy", "manifest.json"])
def test_a_damaged_index_is_refused_by_name(file, tmp_path):
    make_index(20).save(tmp_path / "index")
    path = tmp_path / "index" / file
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=f"{file}: is damaged"):
        Index.load(tmp_path / "index", IndexSettings())
