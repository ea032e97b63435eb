import tracemalloc

import numpy as np
import pytest
from harness.indexed import embeddings_of

from textzoo.config.schema import IndexSettings
from textzoo.index.graph_file import is_graph_of

hnswlib = pytest.importorskip("hnswlib", exc_type=ImportError)

HEADER = 96  # bytes
WIDTH = 16


def write_graph(path, embeddings, space="cosine", m=4, places=None, deleted=()):
    """A graph by hnswlib itself; returns the settings it was built with."""
    graph = hnswlib.Index(space, embeddings.shape[1])
    graph.init_index(len(embeddings), M=m, ef_construction=40, random_seed=100)
    places = np.arange(len(embeddings)) if places is None else places
    graph.add_items(embeddings[places], places)
    for place in deleted:
        graph.mark_deleted(place)
    graph.save_index(str(path))
    return IndexSettings(space=space, hnsw_m=m, ef_construction=40)


def none_of(n):
    return np.zeros(n, bool)


@pytest.mark.parametrize("space", ["cosine", "ip", "l2"])
@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 32), (500, 2), (3000, 7), (3000, 32)])
def test_what_hnswlib_writes_is_a_graph_of_its_embeddings(tmp_path, space, n, m):
    embeddings = 3 * embeddings_of(n) if space == "cosine" else embeddings_of(n)
    settings = write_graph(tmp_path / "hnsw.bin", embeddings, space, m, deleted=range(0, n, 3))
    deleted = np.arange(n) % 3 == 0
    assert is_graph_of(tmp_path / "hnsw.bin", embeddings, deleted, settings)
    assert not is_graph_of(tmp_path / "hnsw.bin", embeddings, ~deleted, settings)


def test_the_order_in_which_threads_added_them_does_not_matter(tmp_path):
    order = np.random.default_rng(0).permutation(300)
    settings = write_graph(tmp_path / "hnsw.bin", embeddings_of(300), places=order, deleted=[7])
    assert is_graph_of(tmp_path / "hnsw.bin", embeddings_of(300), np.arange(300) == 7, settings)


def test_a_graph_that_was_extended_is_still_one(tmp_path):
    settings = write_graph(tmp_path / "hnsw.bin", embeddings_of(300)[:200])
    graph = hnswlib.Index("cosine", WIDTH)
    graph.load_index(str(tmp_path / "hnsw.bin"))
    graph.resize_index(300)
    graph.add_items(embeddings_of(300)[200:], np.arange(200, 300))
    graph.save_index(str(tmp_path / "hnsw.bin"))
    assert is_graph_of(tmp_path / "hnsw.bin", embeddings_of(300), none_of(300), settings)


@pytest.mark.parametrize(
    "other",
    [
        (embeddings_of(299), "cosine", 4, 40),
        (embeddings_of(300, seed=1), "cosine", 4, 40),
        (embeddings_of(300, width=8), "cosine", 4, 40),
        (embeddings_of(300), "cosine", 5, 40),
        (embeddings_of(300), "cosine", 4, 41),
        (embeddings_of(0), "cosine", 4, 40),
    ],
    ids=["count", "embeddings", "width", "hnsw_m", "ef_construction", "none"],
)
def test_a_graph_of_something_else_is_refused(tmp_path, other):
    write_graph(tmp_path / "hnsw.bin", embeddings_of(300))
    embeddings, space, m, ef_construction = other
    settings = IndexSettings(space=space, hnsw_m=m, ef_construction=ef_construction)
    assert not is_graph_of(tmp_path / "hnsw.bin", embeddings, none_of(len(embeddings)), settings)


def test_no_damaged_number_that_hnswlib_trusts_is_let_through(tmp_path):
    """Header, counts, links, labels and levels, each with a bit flipped in the middle."""
    n, m = 300, 4
    path = tmp_path / "hnsw.bin"
    settings = write_graph(path, embeddings_of(n), m=m)
    whole = path.read_bytes()
    row = 4 + 8 * m + 4 * WIDTH + 8
    upper = HEADER + n * row
    counts = np.frombuffer(whole[HEADER:upper], np.uint8).reshape(n, row)[:, 0]
    levels = [n_bytes for n_bytes in range(upper, len(whole), 4)]
    places = [
        *range(0, HEADER - 16, 4),
        *(HEADER + i * row for i in range(n)),  # how many links
        *(HEADER + i * row + 4 * int(counts[i]) + 3 for i in range(n)),  # the last link
        *(HEADER + (i + 1) * row - 8 for i in range(n)),  # the label
        *levels,
    ]
    unused = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 0x40
        path.write_bytes(damaged)
        if is_graph_of(path, embeddings_of(n), none_of(n), settings):
            assert place in levels  # of links that are not in use, or to another text of the level
            unused += 1
    assert unused < len(levels) / 2
    for size in (0, 50, HEADER, upper - 1, upper, len(whole) - 4):
        path.write_bytes(whole[:size])
        assert not is_graph_of(path, embeddings_of(n), none_of(n), settings)
    path.write_bytes(whole + bytes(4))
    assert not is_graph_of(path, embeddings_of(n), none_of(n), settings)


def test_embeddings_are_looked_at_some_at_a_time(tmp_path):
    embeddings = embeddings_of(20_000, width=64)
    settings = write_graph(tmp_path / "hnsw.bin", embeddings, m=2)
    tracemalloc.start()
    try:
        assert is_graph_of(tmp_path / "hnsw.bin", embeddings, none_of(20_000), settings)
        assert tracemalloc.get_traced_memory()[1] < embeddings.nbytes
    finally:
        tracemalloc.stop()
