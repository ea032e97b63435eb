"""Vectors in fewer bits: against the formulas of sentence-transformers and NumPy."""

import json

import numpy as np
import pytest
from harness.indexed import embeddings_of, entries_of, texts_of

from textzoo.config.schema import IndexSettings
from textzoo.errors import UserError
from textzoo.files import digests
from textzoo.index import vectors as module
from textzoo.index.folder_index import FolderIndex
from textzoo.index.vectors import FILES, BinaryVectors, Int8Vectors, new_vectors, read_vectors

MADE_FROM = {"checkpoint": {"rec.pdparams": "abc"}}


def quantize_embeddings(embeddings):
    """As sentence-transformers computes int8, which cuts off what is behind the point."""
    ranges = np.vstack((np.min(embeddings, axis=0), np.max(embeddings, axis=0)))
    starts, steps = ranges[0, :], (ranges[1, :] - ranges[0, :]) / 255
    return (embeddings - starts) / steps - 128


def filled(dtype, embeddings):
    vectors = new_vectors(dtype, embeddings.shape[1])
    vectors.append(embeddings)
    return vectors


def test_8_bits_are_those_of_sentence_transformers_rounded_to_the_nearest():
    embeddings = embeddings_of(500)
    vectors = filled("int8", embeddings)
    np.testing.assert_array_equal(vectors._kept.rows, np.rint(quantize_embeddings(embeddings)))
    steps = np.ptp(embeddings, axis=0) / 255
    assert (np.abs(vectors.at(slice(None)) - embeddings) <= steps * 0.501).all()
    np.testing.assert_allclose(vectors.at(np.array([7, 3])), vectors.at(slice(None))[[7, 3]])


def test_what_comes_later_keeps_the_scales_and_ends_where_they_end():
    vectors = filled("int8", embeddings_of(50))
    ends = vectors._ranges.copy()
    vectors.append(np.float32([[1] * 16, [-1] * 16]))
    assert vectors._kept.rows[-2:].tolist() == [[127] * 16, [-128] * 16]
    np.testing.assert_allclose(vectors.at(slice(50, None)), ends[::-1], atol=1e-6)
    np.testing.assert_array_equal(vectors._ranges, ends)


def test_a_number_that_never_changes_stays_what_it_is():
    embeddings = embeddings_of(9)
    embeddings[:, 3] = 0.25
    vectors = filled("int8", embeddings)
    vectors.append(np.full((1, 16), 0.9, np.float32))
    assert (vectors.at(slice(None))[:, 3] == 0.25).all()


@pytest.mark.parametrize("dtype", ["float32", "int8", "binary"])
def test_products_are_those_of_the_numbers_that_are_kept(dtype, monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 100)
    embeddings, queries = embeddings_of(330), embeddings_of(6, seed=1)
    vectors = filled(dtype, embeddings)
    expected = queries @ vectors.at(slice(None)).T
    np.testing.assert_allclose(vectors.products(queries), expected, atol=1e-5)
    assert np.abs(expected - queries @ embeddings.T).max() < 0.02
    places = np.random.default_rng(0).integers(0, 330, (6, 11))
    np.testing.assert_allclose(
        vectors.products_at(queries, places), np.take_along_axis(expected, places, 1), atol=1e-5
    )


@pytest.mark.parametrize("width", [5, 16, 100, 300])
@pytest.mark.parametrize("counts", [True, False], ids=["bitwise_count", "table"])
def test_candidates_are_those_whose_signs_differ_least(width, counts, monkeypatch):
    if not counts:
        monkeypatch.delattr(np, "bitwise_count", raising=False)
    embeddings, queries = embeddings_of(200, width=width), embeddings_of(9, 1, width)
    vectors = filled("binary", embeddings)
    # ubinary of sentence-transformers
    np.testing.assert_array_equal(vectors._signs.rows, np.packbits(embeddings > 0, axis=1))
    alive = np.arange(200) % 3 > 0
    differing = ((embeddings > 0)[None] != (queries > 0)[:, None]).sum(axis=2)
    differing[:, ~alive] = width + 1
    for k in (1, 20, int(alive.sum())):
        found = vectors.nearest(queries, k, alive)
        expected = np.argsort(differing, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(found, expected)


def make_index(dtype, backend="exact", n=400, **settings):
    index = FolderIndex(IndexSettings(backend=backend, dtype=dtype, **settings), 16, MADE_FROM)
    index.add(texts_of(n), embeddings_of(n))
    return index


def test_candidates_by_signs_are_compared_by_their_8_bits():
    index, queries = make_index("binary", rescore_multiplier=3), embeddings_of(8, seed=1)
    places, cosines = index.search(queries, 7)
    signs = np.where(embeddings_of(400) > 0, 1, -1) @ np.where(queries > 0, 1, -1).T
    near = np.argsort(-signs.T, axis=1, kind="stable")[:, :21]
    scores = queries @ index._vectors.at(slice(None)).T
    for row, some in enumerate(near):
        best = some[np.argsort(-scores[row, some], kind="stable")[:7]]
        np.testing.assert_array_equal(places[row], best)
        np.testing.assert_allclose(cosines[row], scores[row, best], atol=1e-5)


def test_no_query_finds_nothing():
    assert make_index("binary").search(embeddings_of(8)[:0], 7)[0].shape == (0, 7)


@pytest.mark.parametrize(("backend", "dtype"), [("exact", "int8"), ("exact", "binary")])
def test_files_are_smaller_and_integers_may_stay_on_disk(backend, dtype, tmp_path):
    for kind in ("float32", dtype):
        make_index(kind, n=4000).save(tmp_path / kind)
    sizes = {
        kind: sum(file.stat().st_size for file in (tmp_path / kind).glob("*.npy"))
        for kind in ("float32", dtype)
    }
    assert sizes[dtype] < 0.3 * sizes["float32"]
    settings = IndexSettings(backend=backend, dtype=dtype)
    loaded = FolderIndex.load(tmp_path / dtype, settings)
    is_mapped = isinstance(loaded._vectors._kept.rows.base, np.memmap)
    assert is_mapped == (dtype == "binary")
    loaded.delete(entries_of("text 5"))
    loaded.save(tmp_path / dtype)  # what is mapped is replaced
    assert len(FolderIndex.load(tmp_path / dtype, settings)) == 3999


def test_a_graph_of_8_bits_keeps_its_links_alone(tmp_path):
    index = make_index("int8", "hnsw", n=1000)
    index.delete(entries_of("text 5"))
    index.save(tmp_path / "int8")
    make_index("float32", "hnsw", n=1000).save(tmp_path / "float32")
    files = ("hnsw.bin", "embeddings.npy")
    small, large = (
        [(tmp_path / dtype / file).stat().st_size for file in files]
        for dtype in ("int8", "float32")
    )
    assert large[0] - small[0] == pytest.approx(1000 * 16 * 4, abs=2000)  # levels are drawn
    loaded = FolderIndex.load(tmp_path / "int8", index._settings)
    queries = embeddings_of(30, seed=1)
    for ours, theirs in zip(index.search(queries, 10), loaded.search(queries, 10)):
        np.testing.assert_array_equal(ours, theirs)
    loaded.add(entries_of("another"), queries[:1])
    loaded.save(tmp_path / "int8")
    again = FolderIndex.load(tmp_path / "int8", index._settings)
    assert again.nearest(queries[:1], 1)[0][0].text == "another"


def repair(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "sha256": digests(folder, [*manifest["sha256"]])}))


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("embeddings", lambda rows: rows.astype("f4")),
        ("embeddings", lambda rows: rows[:-1]),
        ("ranges", lambda rows: rows[::-1]),
        ("ranges", lambda rows: rows * np.nan),
        ("ranges", lambda rows: rows * 9),
        ("ranges", lambda rows: rows[:, :-1]),
        ("ranges", lambda rows: rows.astype("f8")),
        ("signs", lambda rows: rows[:, :-1]),
        ("signs", lambda rows: rows[:-1]),
        ("signs", lambda rows: rows.astype("i1")),
    ],
)
def test_files_that_do_not_belong_together_are_refused_by_name(tmp_path, file, changed):
    index = make_index("binary", path=tmp_path / "index")
    index.commit()
    path = tmp_path / "index" / f"{file}.npy"
    np.save(path, changed(np.load(path)))
    with pytest.raises(UserError, match=rf"{file}\.npy: is damaged; delete the folder"):
        FolderIndex.load(tmp_path / "index", index._settings)
    repair(tmp_path / "index")
    with pytest.raises(UserError, match=rf"{file}\.npy: is damaged; delete the folder"):
        FolderIndex.load(tmp_path / "index", index._settings)


@pytest.mark.parametrize("size", [0, 50, 96, 5000, -4])
def test_damaged_links_are_refused(tmp_path, size):
    index = make_index("int8", "hnsw", path=tmp_path / "index")
    index.commit()
    path = tmp_path / "index" / "hnsw.bin"
    path.write_bytes(path.read_bytes()[:size])
    repair(tmp_path / "index")
    with pytest.raises(UserError, match=r"hnsw\.bin: is damaged; delete the folder"):
        FolderIndex.load(tmp_path / "index", index._settings)


def test_files_of_another_dtype_are_not_taken(tmp_path, caplog):
    make_index("int8").save(tmp_path / "int8")
    for dtype in ("float32", "binary"):
        assert (
            FolderIndex.load(tmp_path / "int8", IndexSettings(backend="exact", dtype=dtype)) is None
        )
    assert "was built with other settings" in caplog.text
    manifest = tmp_path / "int8" / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"dtype": "int8"', '"dtype": "binary"'))
    with pytest.raises(UserError, match=r"manifest\.json: is damaged"):
        FolderIndex.load(tmp_path / "int8", IndexSettings(backend="exact", dtype="binary"))


def test_no_vectors_are_none():
    for vectors in (Int8Vectors, BinaryVectors):
        none = vectors(np.zeros((0, 4), np.int8))
        assert none.products(embeddings_of(2, width=4)).shape == (2, 0)
        assert none.at(slice(None)).shape == (0, 4)


@pytest.mark.parametrize("dtype", ["float32", "int8", "binary"])
def test_vectors_that_are_added_in_parts_are_those_added_at_once(dtype, tmp_path):
    rows = embeddings_of(300)
    parts, whole = (new_vectors(dtype, 16) for _ in range(2))
    whole.append(rows[:100])
    whole.append(rows[100:])
    parts.append(rows[:100])
    (tmp_path / "part").mkdir()
    parts.save(tmp_path / "part")
    parts = read_vectors(tmp_path / "part", dtype, 100)
    where = set()
    for first in range(100, 300, 2):
        parts.append(rows[first : first + 2])
        where.add(parts._kept.rows.ctypes.data)
    assert len(where) < 5  # so often were all of them copied
    np.testing.assert_array_equal(parts.at(slice(None)), whole.at(slice(None)))
    for name, vectors in {"parts": parts, "whole": whole}.items():
        (tmp_path / name).mkdir()
        vectors.save(tmp_path / name)
    for file in FILES[dtype]:
        assert (tmp_path / "parts" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
