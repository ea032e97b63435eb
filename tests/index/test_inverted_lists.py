"""Lists and codes by faiss: what they find, keep, and refuse."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from harness.indexed import embeddings_of, entries_of, texts_of

from textzoo.config.schema import IndexSettings
from textzoo.errors import UserError
from textzoo.files import digests
from textzoo.index import inverted_lists as module
from textzoo.index.folder_index import FolderIndex
from textzoo.index.inverted_lists import FILES, check_n_texts, factory_string
from textzoo.index.opening import load_index, new_index

needs_faiss = pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="needs faiss")
MADE_FROM = {"checkpoint": {"rec.pdparams": "abc"}}
N = 400  # texts
FACTORIES = pytest.mark.parametrize("faiss", ["Flat", "IVF8,Flat", "IVF8,PQ4"])


def settings_of(faiss, **settings):
    return IndexSettings(backend="faiss", faiss=faiss, **settings)


def make_index(settings, n=N):
    index = FolderIndex(settings, 16, MADE_FROM)
    index.add(texts_of(n), embeddings_of(n))
    return index


def overlap(index, k=10):
    queries = embeddings_of(50, seed=1)
    exact = make_index(IndexSettings(backend="exact"))
    both = (one.search(queries, k)[0] for one in (index, exact))
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(*both)])


@needs_faiss
@FACTORIES
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_with_every_list_and_all_rescored_the_exact_search_is_found(faiss, dtype):
    queries = embeddings_of(30, seed=1)
    index = make_index(settings_of(faiss, nprobe=8, rescore_multiplier=1000, dtype=dtype))
    exact = make_index(IndexSettings(backend="exact", dtype=dtype))
    for ours, theirs in zip(index.search(queries, 9), exact.search(queries, 9)):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@needs_faiss
def test_half_of_the_lists_find_most_and_more_lists_and_rescoring_find_more():
    lists = [overlap(make_index(settings_of("IVF8,Flat", nprobe=n))) for n in (1, 4, 8)]
    assert 0.3 < lists[0] < lists[1] < lists[2] == 1 and lists[1] > 0.8
    several = [{"nprobe": 8, "rescore_multiplier": times} for times in (1, 5)]
    codes = [overlap(make_index(settings_of("IVF8,PQ4", **keys))) for keys in several]
    assert 0.3 < codes[0] < codes[1] and codes[1] > 0.9


@needs_faiss
@FACTORIES
def test_what_is_saved_is_read_again_and_deleted_texts_are_not_found(faiss, tmp_path):
    settings, queries = settings_of(faiss, nprobe=2), embeddings_of(30, seed=1)
    index = make_index(settings)
    assert index.delete(entries_of("text 7", "no such")) == entries_of("no such")
    for _ in range(2):  # the second time over a file that is mapped
        index.save(tmp_path / "index")
        again = FolderIndex.load(tmp_path / "index", settings)
        for ours, theirs in zip(again.search(queries, 9), index.search(queries, 9)):
            np.testing.assert_array_equal(ours, theirs)
        index = again
    assert isinstance(index._vectors._kept.rows.base, np.memmap)
    index.add(entries_of("new", "text 8"), embeddings_of(2, seed=5))
    assert len(index) == N and index.nearest(embeddings_of(1, seed=5), 1)[0][0].text == "new"
    found = {hit.text for row in index.nearest(queries, N) for hit in row}
    assert len(found) == N and "text 7" not in found  # more lists than `nprobe`
    index.save(tmp_path / "index")
    again = FolderIndex.load(tmp_path / "index", settings)
    assert again.nearest(embeddings_of(1, seed=5), 1)[0][0].text == "new"


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_embeddings_are_on_disk_while_the_index_is_built_and_nothing_is_left(dtype, tmp_path):
    settings = settings_of("Flat", dtype=dtype, path=tmp_path / "new" / "index")
    index = FolderIndex(settings, 16, MADE_FROM)
    in_memory = FolderIndex(settings_of("Flat", dtype=dtype), 16, MADE_FROM)
    texts, embeddings = texts_of(N), embeddings_of(N)
    for part in (slice(0, 100), slice(100, 100), slice(100, 250), slice(250, N)):
        for each in (index, in_memory):
            each.add(texts[part], embeddings[part])
    for _ in range(2):
        assert isinstance(index._vectors._kept.rows, np.memmap)
        queries = embeddings_of(30, seed=1)
        for ours, theirs in zip(index.search(queries, 9), in_memory.search(queries, 9)):
            np.testing.assert_array_equal(ours, theirs)
        index.commit()
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["index"]
        index = FolderIndex.load(settings.path, settings)
        for each in (index, in_memory):
            each.add(entries_of("new"), embeddings_of(1, seed=5))


@needs_faiss
@pytest.mark.parametrize("faiss", ["IVF8,Flat", "IVF8,PQ4"])
def test_the_same_index_twice_is_the_same_to_the_byte(faiss, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOOKED_AT", 1)  # k-means sees some of them
    for name in ("a", "b"):
        make_index(settings_of(faiss)).save(tmp_path / name)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a").keys() >= FILES


@needs_faiss
def test_auto_is_by_the_number_of_texts_and_told(monkeypatch, tmp_path, caplog):
    caplog.set_level("INFO", "textzoo")
    settings = settings_of("auto", nprobe=64)
    assert factory_string(settings, 200_000, 256) == "IVF2048,PQ32"
    assert factory_string(settings, 10_000_000, 100) == "IVF16384,PQ10"
    assert factory_string(settings, 10_000, 7) == "IVF512,PQ1"
    assert "index.faiss: auto: IVF2048,PQ32 for 200000 texts, 256 numbers each" in caplog.text
    make_index(settings, 50).save(tmp_path / "few")
    assert not FILES & digests(tmp_path / "few").keys()  # every text is compared
    monkeypatch.setattr(module, "LEAST", 300)
    caplog.clear()
    index = make_index(settings)
    index.save(tmp_path / "index")
    assert "auto: IVF64,PQ2 for 400 texts" in caplog.text
    assert "400 texts are fewer than 39 for each list" in caplog.text
    assert np.load(tmp_path / "index/centroids.npy").shape == (64, 16)
    assert len(FolderIndex.load(tmp_path / "index", settings)) == N


@pytest.mark.parametrize(
    "factory",
    ["", "IVF", "IVF0,PQ4", "IVF8", "PQ4", "IVF8,PQ4x8", "IVF8,SQ8", "HNSW32", "ivf8,Flat"],
)
def test_what_is_no_factory_string_is_refused(factory):
    with pytest.raises(ValueError, match="expected auto, Flat, or such as IVF4096,Flat or IVF40"):
        settings_of(factory)


@pytest.mark.parametrize(("factory", "least"), [("IVF8,PQ4", 256), ("IVF500,Flat", 500)])
def test_too_few_texts_to_train_are_refused(factory, least):
    expected = rf"index.faiss: received {factory} with {least - 1} text\(s\), expected at least"
    with pytest.raises(UserError, match=expected):
        check_n_texts(settings_of(factory), least - 1)
    check_n_texts(settings_of(factory), least)
    check_n_texts(settings_of("auto"), 1)


@needs_faiss
def test_bytes_that_do_not_divide_the_width_are_refused(tmp_path):
    settings = settings_of("IVF8,PQ5", path=tmp_path / "index")
    with pytest.raises(UserError, match=r"received IVF8,PQ5, expected bytes .* 16, such as PQ4"):
        new_index(settings, 16, MADE_FROM)


def test_without_faiss_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    settings = settings_of("auto", path=tmp_path / "index")
    with pytest.raises(UserError, match=r"received faiss, which needs faiss-cpu: pip install 'te"):
        load_index(settings)


def save_forged(folder, name, array):
    """Replace a file, and write its checksum into the manifest."""
    np.save(folder / name, array)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["sha256"] = digests(folder, list(manifest["sha256"]))
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@needs_faiss
@pytest.mark.parametrize("configured", ["IVF8,PQ4", "auto"])
@pytest.mark.parametrize(
    ("name", "forge"),
    [
        ("lists.npy", lambda lists: lists + 8),
        ("lists.npy", lambda lists: lists - 8),
        ("lists.npy", lambda lists: lists[:-1]),
        ("lists.npy", lambda lists: lists.astype("int64")),
        ("codes.npy", lambda codes: codes[:, :3]),
        ("codes.npy", lambda codes: codes[1:]),
        ("codebooks.npy", lambda books: books[:3]),
        ("codebooks.npy", lambda books: books[:, :-1]),
        ("codebooks.npy", lambda books: books * np.nan),
        ("codebooks.npy", lambda books: books * 1e30),
        ("codebooks.npy", lambda books: books[:0]),
        ("centroids.npy", lambda centroids: centroids[:0]),
        ("centroids.npy", lambda centroids: centroids[:, :-1]),
        ("centroids.npy", lambda centroids: centroids + np.inf),
        ("centroids.npy", lambda centroids: np.array([{}], object)),
    ],
)
def test_forged_files_are_refused(configured, name, forge, tmp_path, monkeypatch):
    folder, settings = tmp_path / "index", settings_of(configured)
    monkeypatch.setattr(module, "LEAST", 300)
    monkeypatch.setattr(module, "factory_string", lambda *_: "IVF8,PQ4")
    make_index(settings).save(folder)
    assert len(FolderIndex.load(folder, settings)) == N
    save_forged(folder, name, forge(np.load(folder / name)))
    with pytest.raises(UserError, match=r"\.npy: is damaged; delete the folder"):
        FolderIndex.load(folder, settings)


@needs_faiss
@pytest.mark.parametrize("name", sorted(FILES))
def test_an_index_that_lacks_a_file_is_refused(name, tmp_path):
    settings, folder = settings_of("IVF8,PQ4"), tmp_path / "index"
    make_index(settings).save(folder)
    (folder / name).unlink()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del manifest["sha256"][name]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(UserError, match=r"manifest\.json: is damaged"):
        FolderIndex.load(folder, settings)


@needs_faiss
def test_an_index_of_another_form_is_built_anew(tmp_path):
    make_index(settings_of("IVF8,PQ4")).save(tmp_path / "index")
    for other in (settings_of("IVF8,Flat"), IndexSettings(backend="exact")):
        assert FolderIndex.load(tmp_path / "index", other) is None


@needs_faiss
def test_ngrams_count_too():
    keys = {"lexical_weight": 0.5, "nprobe": 8, "rescore_multiplier": 1000}
    queries, texts = embeddings_of(5, seed=1), ["text 3"] * 5
    index = make_index(settings_of("IVF8,PQ4", **keys))
    exact = make_index(IndexSettings(backend="exact", lexical_weight=0.5))
    ours, theirs = (one.search(queries, 5, texts) for one in (index, exact))
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-4)
