import json
import os
from pathlib import Path

import numpy as np
import pytest
from harness.indexed import embeddings_of, entries_of, needs_hnswlib, texts_of
from harness.killed import killed_at_each_call
from sklearn.feature_extraction.text import TfidfVectorizer

from textzoo.config.schema import IndexSettings
from textzoo.errors import UserError
from textzoo.files import digests
from textzoo.index import folder_index
from textzoo.index.folder_index import FolderIndex, _form
from textzoo.linear.matrices import read_array, write_array

pytestmark = needs_hnswlib

MADE_FROM = {"checkpoint": {"rec.pdparams": "abc"}}
needs_posix = pytest.mark.skipif(os.name != "posix", reason="forks, pipes, its messages")


def settings_of(backend, **settings):
    """Of a backend, or of one and a dtype; with signs every text is a candidate."""
    backend, _, dtype = backend.partition(" ")
    settings = {"rescore_multiplier": 1000, **settings}
    return IndexSettings(backend=backend, dtype=dtype or "float32", **settings)


def make_index(n, backend="hnsw", **settings):
    index = FolderIndex(settings_of(backend, **settings), 16, MADE_FROM)
    index.add(texts_of(n), embeddings_of(n))
    return index


BACKENDS = pytest.mark.parametrize(
    "backend", ["hnsw", "exact", "hnsw int8", "exact int8", "exact binary"]
)


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
    assert index.delete(texts_of(5)) == []
    assert index.search(embeddings_of(2, seed=1), 50)[0].shape == (2, 0)


@BACKENDS
def test_deleted_texts_are_not_found_and_may_come_back(backend):
    index = make_index(100, backend)
    nearest = index.search(embeddings_of(100)[:10], 1)[0][:, 0]
    assert nearest.tolist() == list(range(10))
    missing = index.delete(entries_of("text 3", "text 4", "text 3", "never there"))
    assert missing == entries_of("never there")
    assert len(index) == 98
    found = index.search(embeddings_of(100)[:10], 98)[0]
    assert not {3, 4} & set(found.ravel())
    assert index.add(entries_of("text 3", "text 5"), embeddings_of(100)[[3, 5]]) == 1
    place, cosine = index.search(embeddings_of(100)[3:4], 1)
    assert index.texts[place[0, 0]] == "text 3"
    assert cosine[0, 0] == pytest.approx(1, abs=0.01 if " " in backend else 1e-6)


@BACKENDS
def test_a_saved_index_gives_the_same_and_can_be_extended(backend, tmp_path):
    index = make_index(100, backend)
    index.delete(entries_of("text 7"))
    index.save(tmp_path / "index")
    loaded = FolderIndex.load(tmp_path / "index", settings_of(backend))
    assert loaded.made_from == MADE_FROM
    queries = embeddings_of(20, seed=1)
    for ours, theirs in zip(index.search(queries, 30), loaded.search(queries, 30)):
        np.testing.assert_array_equal(ours, theirs)
    loaded.add(entries_of("another"), queries[:1])
    assert loaded.texts[loaded.search(queries[:1], 1)[0][0, 0]] == "another"


def test_what_another_command_has_added_since_is_not_lost(tmp_path):
    settings = IndexSettings(backend="exact", path=tmp_path / "index")
    make_index(3, "exact", path=settings.path).commit()
    one, other = (FolderIndex.load(settings.path, settings) for _ in range(2))
    for n, index in ((5, one), (6, other)):
        index.add(texts_of(n)[n - 1 :], embeddings_of(n)[n - 1 :])
    one.commit()
    with pytest.raises(UserError, match=r"another command has changed .* run this one again"):
        other.commit()
    one.delete(texts_of(1))
    one.commit()
    assert len(FolderIndex.load(settings.path, settings)) == 3


def test_an_index_of_another_form_is_not_taken(tmp_path):
    make_index(20).save(tmp_path / "index")
    assert FolderIndex.load(tmp_path / "index", IndexSettings(hnsw_m=7)) is None
    assert FolderIndex.load(tmp_path / "index", IndexSettings(dtype="int8")) is None
    assert FolderIndex.load(tmp_path / "index", IndexSettings(ef=7)) is not None
    assert FolderIndex.load(tmp_path / "nothing", IndexSettings()) is None


@pytest.mark.parametrize("file", ["hnsw.bin", "embeddings.npy", "texts.json", "manifest.json"])
def test_a_damaged_index_is_refused_by_name(file, tmp_path):
    make_index(20).save(tmp_path / "index")
    path = tmp_path / "index" / file
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=f"{file}: is damaged"):
        FolderIndex.load(tmp_path / "index", IndexSettings())


def change(folder, file, change):
    """Change a JSON file of an index, and repair the checksums if it is not the manifest's."""
    path = folder / file
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(facts)), encoding="utf-8")
    if file != "manifest.json":
        repair(folder)


def repair(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "sha256": digests(folder, [*manifest["sha256"]])}))


@pytest.mark.parametrize(
    "changed",
    [
        lambda facts: {**facts, "sha256": {}},
        lambda facts: {**facts, "sha256": None},
        lambda facts: {**facts, "sha256": {**facts["sha256"], "../../x": "0"}},
        lambda facts: {**facts, "sha256": {**facts["sha256"], "texts.json": 5}},
        lambda facts: {k: v for k, v in facts.items() if k != "made_from"},
        lambda facts: {**facts, "made_from": {}},
        lambda facts: {**facts, "made_from": {"checkpoint": "abc"}},
        lambda facts: {**facts, "more": 1},
        lambda facts: [facts],
        lambda facts: "manifest",
    ],
)
def test_a_manifest_with_missing_keys_or_wrong_types_is_refused(tmp_path, changed):
    make_index(20).save(tmp_path / "index")
    (tmp_path / "x").write_text("secret", encoding="utf-8")
    change(tmp_path / "index", "manifest.json", changed)
    with pytest.raises(UserError, match=r"\.(json|npy): is damaged; delete the folder .*index"):
        FolderIndex.load(tmp_path / "index", IndexSettings())


@pytest.mark.parametrize(("backend", "other"), [("hnsw", "exact"), ("exact", "hnsw")])
def test_a_manifest_that_speaks_of_another_backend_is_refused(tmp_path, backend, other):
    make_index(20, backend).save(tmp_path / "index")
    form = _form(IndexSettings(backend=other))
    change(tmp_path / "index", "manifest.json", lambda facts: {**facts, "form": form})
    with pytest.raises(UserError, match=r"manifest\.json: is damaged"):
        FolderIndex.load(tmp_path / "index", IndexSettings(backend=other))


@pytest.mark.parametrize(
    "changed",
    [
        lambda facts: {**facts, "texts": facts["texts"][:-1]},
        lambda facts: {**facts, "texts": [*facts["texts"][:-1], 5]},
        lambda facts: {**facts, "texts": [*facts["texts"][:-1], "text 0"]},
        lambda facts: {**facts, "deleted": [20]},
        lambda facts: {**facts, "deleted": [-1]},
        lambda facts: {**facts, "deleted": [True]},
        lambda facts: {**facts, "deleted": [0]},
        lambda facts: {"texts": facts["texts"]},
        lambda facts: 3,
    ],
)
def test_texts_that_do_not_belong_to_the_rest_are_refused(tmp_path, changed):
    make_index(20).save(tmp_path / "index")
    change(tmp_path / "index", "texts.json", changed)
    with pytest.raises(UserError, match=r"is damaged; delete the folder"):
        FolderIndex.load(tmp_path / "index", IndexSettings())


@pytest.mark.parametrize("backend", ["hnsw", "exact"])
@pytest.mark.parametrize(
    "changed",
    [
        lambda rows: rows[:-1],
        np.ravel,
        lambda rows: rows.astype("float64"),
        lambda rows: np.where(rows == rows[3, 2], np.nan, rows),
        lambda rows: np.where(rows == rows[3, 2], np.inf, rows),
        lambda rows: 2 * rows,
        lambda rows: np.array(["a", None], dtype=object),
    ],
    ids=["count", "rank", "dtype", "NaN", "infinite", "longer", "objects"],
)
def test_embeddings_that_do_not_belong_to_the_rest_are_refused(tmp_path, changed, backend):
    make_index(20, backend).save(tmp_path / "index")
    path = tmp_path / "index" / "embeddings.npy"
    np.save(path, changed(np.load(path)))
    repair(tmp_path / "index")
    with pytest.raises(UserError, match=r"embeddings\.npy: is damaged; delete the folder"):
        FolderIndex.load(tmp_path / "index", IndexSettings(backend=backend))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"(20, 16)", b"(2**9,1)"),
        (b"(20, 16)", b"(99999,9"),
        (b"(20, 16), }", b"(99999999,16"),
        (b"(20, 16), }       ", b"(9999999999, 16), }"),
        (b"NUMPY", b"PK000"),
        (b"}", b"'"),
        (b"'<f4'", b"'|O4'"),
    ],
)
def test_a_header_of_embeddings_that_numpy_stumbles_over_is_refused(tmp_path, old, new):
    make_index(20, "exact").save(tmp_path / "index")
    path = tmp_path / "index" / "embeddings.npy"
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    repair(tmp_path / "index")
    with pytest.raises(UserError, match=r"embeddings\.npy: is damaged; delete the folder"):
        FolderIndex.load(tmp_path / "index", IndexSettings(backend="exact"))


@BACKENDS
def test_embeddings_of_another_width_are_refused(tmp_path, backend):
    index = make_index(20, backend, path=tmp_path)
    with pytest.raises(UserError, match="holds embeddings of width 16, received 8; delete"):
        index.search(embeddings_of(2, width=8), 3)
    with pytest.raises(UserError, match="holds embeddings of width 16, received 8; delete"):
        index.add(entries_of("new"), embeddings_of(1, width=8))


def test_a_graph_that_the_disk_has_no_room_for_is_not_kept(tmp_path, monkeypatch):
    make_index(20).save(tmp_path / "index")
    index = make_index(30)

    class Full:
        def __init__(self, graph):
            self.index_file_size = graph.index_file_size

        def save_index(self, path):
            Path(path).write_bytes(b"as much as there was room for")

    index._graph = Full(index._graph)
    with pytest.raises(UserError, match=r"index\.path: cannot write .*No space left.*index.path="):
        index.save(tmp_path / "index")
    assert len(FolderIndex.load(tmp_path / "index", IndexSettings())) == 20
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@needs_posix
def test_an_index_with_added_texts_is_whole_wherever_saving_is_killed(tmp_path):
    settings = IndexSettings(backend="exact")

    def prepare(place):
        make_index(5, "exact").save(place / "index")

    def add(place):
        index = FolderIndex.load(place / "index", settings)
        index.add(entries_of("added"), embeddings_of(1, seed=1))
        index.save(place / "index")

    found = []
    for place in killed_at_each_call(tmp_path, prepare, add):
        loaded = FolderIndex.load(place / "index", settings)
        found.append(len(loaded))
        add(place)
        assert len(FolderIndex.load(place / "index", settings)) == 6
        assert [path.name for path in place.iterdir() if "replaced" in path.name] == []
    assert found == sorted(found)
    assert set(found) == {5, 6}


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match=r"docs holds something other than an index: thesis\.txt"):
        make_index(5).save(tmp_path / "docs")
    assert (tmp_path / "docs" / "thesis.txt").read_text(encoding="utf-8") == "mine"


SENTENCES = ["".join(c) for c in np.random.default_rng(5).choice(list("abcdef "), (300, 9))]
ASKED = ["".join(c) for c in np.random.default_rng(6).choice(list("abcdef "), (20, 6))]


def hybrid(backend, weight=0.3, n=300, **settings):
    settings = {"lexical_weighting": "tfidf", "lexical_weight": weight, **settings}
    settings = settings_of(backend, **settings)
    index = FolderIndex(settings, 16, MADE_FROM)
    index.add(entries_of(*SENTENCES[:n]), embeddings_of(n))
    return index


def dense(texts, embeddings, weight):
    """All mixed scores by scikit-learn and NumPy alone."""
    tfidf = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    rows = tfidf.fit_transform([" ".join(text.split()) for text in texts])
    lexical = (tfidf.transform([" ".join(text.split()) for text in ASKED]) @ rows.T).toarray()
    cosines = embeddings_of(len(ASKED), seed=1).astype(float) @ embeddings.astype(float).T
    parts = [(s - s.mean(axis=1)[:, None]) / s.std(axis=1)[:, None] for s in (cosines, lexical)]
    return (1 - weight) * parts[0] + weight * parts[1]


@pytest.mark.parametrize(
    ("backend", "texts"), [("exact", None), ("exact", ASKED), ("exact binary", ASKED)]
)
def test_of_many_texts_the_scores_of_few_queries_are_in_memory(backend, texts, monkeypatch):
    index, queries = hybrid(backend), embeddings_of(20, seed=1)
    expected = index.search(queries, 7, texts)
    computed = []

    def noted(compute):
        def scores(some):
            found = compute(some)
            computed.append(found.shape)
            return found

        return scores

    monkeypatch.setattr(index._vectors, "products", noted(index._vectors.products))
    monkeypatch.setattr(index._ready_lexical(), "scores", noted(index._ready_lexical().scores))
    monkeypatch.setattr(folder_index, "_SCORES", 1000)
    found = index.search(queries, 7, texts)
    assert max(computed) == (3, 300)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-6)


@BACKENDS
@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_n_grams_count_beside_cosines(backend, weight):
    index = hybrid(backend, weight)
    places, scores = index.search(embeddings_of(20, seed=1), 7, ASKED)
    expected = dense(SENTENCES, index._vectors.at(slice(None)), weight)
    # 200 candidates of 300 by either way hold the best 7.
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1)[:, :7], atol=2e-4)
    np.testing.assert_allclose(np.take_along_axis(expected, places, 1), scores, atol=2e-4)
    # Without their texts queries are searched by cosines.
    ours = index.search(embeddings_of(20, seed=1), 7)
    theirs = FolderIndex(settings_of(backend), 16, MADE_FROM)
    theirs.add(entries_of(*SENTENCES), embeddings_of(300))
    for found, wanted in zip(ours, theirs.search(embeddings_of(20, seed=1), 7)):
        np.testing.assert_array_equal(found, wanted)


@BACKENDS
def test_n_grams_are_those_of_the_texts_that_can_be_found(backend):
    index = hybrid(backend)
    index.nearest(embeddings_of(1), 3, ASKED[:1])
    index.delete(entries_of(*SENTENCES[100:]))
    index.add(entries_of(*SENTENCES[150:200]), embeddings_of(300)[150:200])
    places, scores = index.search(embeddings_of(20, seed=1), 150, ASKED)
    kept = np.r_[:100, 150:200]
    expected = dense([SENTENCES[i] for i in kept], index._vectors.at(kept), 0.3)
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1), atol=2e-4)
    assert {index.texts[place] for place in places[0]} == {SENTENCES[i] for i in kept}


@BACKENDS
def test_n_grams_are_saved_and_counted_anew_for_another_form(backend, tmp_path):
    index = hybrid(backend, path=tmp_path / "index")
    assert not index.is_saved
    index.commit()
    assert index.is_saved
    names = {name for name in digests(tmp_path / "index") if name.startswith("lexical/")}
    assert "lexical/postings_data.npz" in names
    queries = embeddings_of(20, seed=1)
    again = FolderIndex.load(tmp_path / "index", index._settings)
    assert again.is_saved
    for ours, theirs in zip(index.search(queries, 9, ASKED), again.search(queries, 9, ASKED)):
        np.testing.assert_array_equal(ours, theirs)
    other = index._settings.model_copy(update={"lexical_weighting": "bm25"})
    other = FolderIndex.load(tmp_path / "index", other)
    assert not other.is_saved  # but its embeddings are there
    other.commit()
    assert other.is_saved and FolderIndex.load(tmp_path / "index", other._settings).is_saved
    plain = index._settings.model_copy(update={"lexical_weight": 0.0})
    assert FolderIndex.load(tmp_path / "index", plain).is_saved


def test_without_a_lexical_weight_no_n_gram_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("textzoo.index.folder_index.LexicalIndex", None)
    index = hybrid("exact", 0.0, path=tmp_path / "index")
    index.commit()
    assert not (tmp_path / "index" / "lexical").exists()
    plain = index.search(embeddings_of(20, seed=1), 7)
    for ours, theirs in zip(index.search(embeddings_of(20, seed=1), 7, ASKED), plain):
        np.testing.assert_array_equal(ours, theirs)


def test_damaged_n_grams_are_named(tmp_path):
    index = hybrid("exact", path=tmp_path / "index")
    index.commit()
    file = tmp_path / "index" / "lexical" / "postings_indices.npz"
    write_array(file, read_array(file, "i") + 1000)
    with pytest.raises(UserError, match=r"postings_indices\.npz: is damaged"):
        FolderIndex.load(tmp_path / "index", index._settings)
    manifest = tmp_path / "index" / "manifest.json"
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    facts["sha256"]["lexical/postings_indices.npz"] = digests(tmp_path / "index")[
        "lexical/postings_indices.npz"
    ]
    manifest.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(UserError, match=r"lexical: is damaged"):
        FolderIndex.load(tmp_path / "index", index._settings)


def test_what_another_command_adds_while_an_index_is_written_is_not_lost(tmp_path, monkeypatch):
    settings = IndexSettings(backend="exact", path=tmp_path / "index")
    make_index(3, "exact", path=settings.path).commit()
    one, other = (FolderIndex.load(settings.path, settings) for _ in range(2))
    save = one._vectors.save

    def meanwhile(place):
        save(place)
        other.add(texts_of(4)[3:], embeddings_of(4)[3:])
        other.commit()

    monkeypatch.setattr(one._vectors, "save", meanwhile)
    one.add(entries_of("mine"), embeddings_of(1, seed=2))
    with pytest.raises(UserError, match=r"another command has changed .* run this one again"):
        one.commit()
    assert FolderIndex.load(settings.path, settings).texts == [e.text for e in texts_of(4)]
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@needs_hnswlib
def test_a_graph_takes_the_threads_that_a_net_does(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    index = make_index(20)
    index.save(tmp_path / "index")
    loaded = FolderIndex.load(tmp_path / "index", settings_of("hnsw"))
    assert index._graph.num_threads == loaded._graph.num_threads == 3


def test_without_hnswlib_a_graph_is_refused(monkeypatch):
    monkeypatch.setattr("textzoo.index.folder_index.hnswlib", None)
    with pytest.raises(UserError, match=r"index\.backend: hnsw needs hnswlib"):
        make_index(3, "hnsw")


def test_candidates_are_compared_in_as_many_parts_as_memory_asks_for(monkeypatch):
    queries = embeddings_of(30, seed=1)
    whole = make_index(200, "exact binary", rescore_multiplier=10).search(queries, 7)
    monkeypatch.setattr("textzoo.index.folder_index._SCORES", 3 * 70 * 16)
    parts, asked = make_index(200, "exact binary", rescore_multiplier=10), []
    products_at = parts._vectors.products_at

    def counted(some, places):
        asked.append(places.shape)
        return products_at(some, places)

    monkeypatch.setattr(parts._vectors, "products_at", counted)
    for ours, theirs in zip(parts.search(queries, 7), whole):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert asked == [(3, 70)] * 10
