"""Candidates by lists and codes: against exact search, and faiss's own index."""

import sys

import numpy as np
import pytest
from harness.indexed import embeddings_of, repair, texts_of

from textzoo.config.schema import IndexSettings
from textzoo.errors import UserError
from textzoo.files import digests
from textzoo.index import hnsw
from textzoo.index.hnsw import Index
from textzoo.index.inverted_file import (
    FILES,
    InvertedFile,
    default_nlist,
    default_pq_m,
    import_faiss,
)
from textzoo.index.opening import load_index, new_index
from textzoo.index.vectors import new_vectors

faiss = pytest.importorskip("faiss")
MADE_FROM = {"checkpoint": {"rec.pdparams": "abc"}}
N = 2000


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch):
    monkeypatch.setattr(hnsw, "LEAST", 1000)


def settings_of(**settings):
    return IndexSettings.model_validate({"backend": "faiss", "nlist": 16, "pq_m": 4, **settings})


def make_index(n=N, **settings):
    index = Index(settings_of(**settings), 16, MADE_FROM)
    index.add(texts_of(n), embeddings_of(n))
    return index


def vectors_of(n=N):
    vectors = new_vectors("float32", 16)
    vectors.append(embeddings_of(n))
    return vectors


def overlap(found, expected):
    shares = [len(set(a) & set(b)) / len(b) for a, b in zip(found, expected)]
    return np.mean(shares)


def exact(queries, k, n=N):
    return np.argsort(-(queries @ embeddings_of(n).T), axis=1, kind="stable")[:, :k]


def test_all_lists_and_all_texts_are_exact_search():
    queries = embeddings_of(50, seed=1)
    places, cosines = make_index(nprobe=16, rescore_multiplier=1000).search(queries, 7)
    np.testing.assert_array_equal(places, exact(queries, 7))
    np.testing.assert_allclose(cosines, -np.sort(-(queries @ embeddings_of(N).T))[:, :7], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_half_of_the_lists_find_nearly_all(dtype):
    queries = embeddings_of(200, seed=1)
    places = make_index(nprobe=8, dtype=dtype).search(queries, 10)[0]
    assert overlap(places, exact(queries, 10)) > 0.9
    fewer = make_index(nprobe=1, dtype=dtype).search(queries, 10)[0]
    assert overlap(fewer, exact(queries, 10)) < overlap(places, exact(queries, 10))


def test_lists_and_codes_are_those_that_faiss_makes():
    vectors = vectors_of()
    ours = InvertedFile.of(vectors, settings_of())
    quantizer = faiss.IndexFlatIP(16)
    theirs = faiss.IndexIVFPQ(quantizer, 16, 16, 4, 8, faiss.METRIC_INNER_PRODUCT)
    theirs.cp.spherical = True
    theirs.train(vectors.at(slice(None)))
    theirs.add(vectors.at(slice(None)))
    queries = embeddings_of(40, seed=1)
    found = theirs.search(queries, 20, params=faiss.SearchParametersIVF(nprobe=4))
    alive = np.ones(N, bool)
    places = ours.nearest(queries, 20, 4, alive)
    scores = ours._index.search(queries, 20, params=faiss.SearchParametersIVF(nprobe=4))[0]
    np.testing.assert_allclose(scores, found[0], atol=1e-5)
    assert overlap(places, found[1]) > 0.99


def test_more_lists_are_looked_at_where_few_hold_too_little():
    index = make_index(nprobe=1)
    index.delete(texts_of(N)[: N - 30])
    places = index.search(embeddings_of(5, seed=1), 30)[0]
    assert [sorted(row) for row in places] == [list(range(N - 30, N))] * 5


def test_it_is_the_same_of_the_same_vectors_and_kept_to_the_byte(tmp_path):
    for name in ("first", "second"):
        make_index().save(tmp_path / name)
    first, second = (digests(tmp_path / name) for name in ("first", "second"))
    assert first == second and first.keys() > FILES
    read = Index.load(tmp_path / "first", settings_of())
    queries = embeddings_of(30, seed=1)
    np.testing.assert_array_equal(read.search(queries, 9)[0], make_index().search(queries, 9)[0])
    # Those that come later are coded by what the first ones decided.
    kept = (tmp_path / "first" / "centroids.npy").read_bytes()
    read.add(texts_of(N + 500)[N:], embeddings_of(N + 500)[N:])
    own = embeddings_of(N + 500)[N:]
    assert (read.search(own, 1)[0][:, 0] == np.arange(N, N + 500)).mean() > 0.99
    read.save(tmp_path / "first")
    assert (tmp_path / "first" / "centroids.npy").read_bytes() == kept
    assert len(np.load(tmp_path / "first" / "codes.npy")) == N + 500


def test_few_texts_are_compared_one_by_one(tmp_path):
    queries = embeddings_of(30, seed=1)
    index = make_index(900)
    np.testing.assert_array_equal(index.search(queries, 9)[0], exact(queries, 9, 900))
    index.save(tmp_path / "index")
    assert not FILES & digests(tmp_path / "index").keys()
    read = Index.load(tmp_path / "index", settings_of())
    read.add(texts_of(N)[900:], embeddings_of(N)[900:])
    read.save(tmp_path / "index")
    assert digests(tmp_path / "index").keys() > FILES


def test_an_index_of_other_lists_or_codes_is_not_taken(tmp_path):
    make_index().save(tmp_path)
    assert Index.load(tmp_path, settings_of(nprobe=3, rescore_multiplier=2))
    assert Index.load(tmp_path, settings_of(nlist=32)) is None
    assert Index.load(tmp_path, settings_of(pq_m=8)) is None


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("centroids.npy", lambda a: a[:, :8]),
        ("centroids.npy", lambda a: np.where(a == a, np.nan, a)),
        ("centroids.npy", lambda a: a[:0]),
        ("codebooks.npy", lambda a: a[:2]),
        ("codebooks.npy", lambda a: a * np.float32(1e30)),
        ("codes.npy", lambda a: a[:-1]),
        ("codes.npy", lambda a: a.astype(np.int64)),
        ("lists.npy", lambda a: a + 16),
        ("lists.npy", lambda a: a - 16),
        ("lists.npy", lambda a: a[:, 0]),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(file, changed, tmp_path):
    make_index().save(tmp_path / "index")
    path = tmp_path / "index" / file
    np.save(path, changed(np.load(path)))
    repair(tmp_path / "index")
    with pytest.raises(UserError, match=rf"{file.partition('.')[0]}\.npy: is damaged"):
        Index.load(tmp_path / "index", settings_of())


def test_what_cannot_be_is_refused_with_its_key(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"index\.nlist: received 5000, expected at most the 2000"):
        make_index(nlist=5000).search(embeddings_of(1), 1)
    settings = settings_of(pq_m=3, path=tmp_path / "index")
    with pytest.raises(
        UserError, match=r"pq_m: received 3, expected a divisor of .* 16, such as 2"
    ):
        new_index(settings, 16, MADE_FROM)
    monkeypatch.setitem(sys.modules, "faiss", None)
    for call in (import_faiss, lambda: load_index(settings)):
        with pytest.raises(UserError, match=r"faiss-cpu: pip install 'textzoo\[faiss\]'; or"):
            call()


def test_defaults_follow_the_number_of_vectors_and_their_width():
    assert [default_nlist(n) for n in (10_000, 1_000_000, 10_000_000)] == [512, 4096, 16384]
    assert [default_pq_m(width) for width in (256, 312, 7, 384, 100)] == [32, 39, 1, 48, 10]
