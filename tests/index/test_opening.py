from pathlib import Path

import numpy as np
import pytest
from harness.indexed import embeddings_of, entries_of, needs_hnswlib

from textzoo.config.schema import IndexSettings, Runner
from textzoo.errors import UserError
from textzoo.index import folder_index
from textzoo.index.opening import index_settings, load_index, new_index

N = 30  # texts


def test_names_and_places_that_the_settings_leave_open_are_made(tmp_path):
    runner = Runner(model_save_path=tmp_path / "run", corpus_file=tmp_path / "my corpus.txt")
    found = index_settings(IndexSettings(), runner, "batchneg")
    assert found.path == tmp_path / "run" / "index"
    assert (found.collection, found.partition) == ("textzoo_batchneg", "my_corpus_txt")
    given = IndexSettings(path=tmp_path / "x", collection="mine", partition="some")
    kept = index_settings(given, runner, "batchneg")
    assert (kept.path, kept.collection, kept.partition) == (tmp_path / "x", "mine", "some")
    assert index_settings(IndexSettings(), Runner(), "m").partition == "corpus"


def test_names_are_such_as_a_server_takes_and_differ_as_their_texts_do():
    def partition(name):
        return index_settings(IndexSettings(), Runner(corpus_file=Path(name)), "m").partition

    names = [partition(name) for name in ("2024.txt", "语料.txt", "文本.txt")]
    assert names[0] == "_2024_txt"
    assert len(set(names)) == 3
    for name in names:
        assert IndexSettings(partition=name).partition == name  # which is checked


@pytest.mark.parametrize("backend", ["hnsw", "exact"])
def test_what_is_committed_is_opened_again(tmp_path, backend):
    settings = IndexSettings(backend=backend, path=tmp_path / "index")
    assert load_index(settings) is None
    index = new_index(settings, 16, {"checkpoint": {"weights": "a digest"}})
    index.add(entries_of("a", "b"), embeddings_of(2))
    assert load_index(settings) is None  # before it is committed
    index.commit()
    again = load_index(settings)
    assert len(again) == 2 and again.made_from == {"checkpoint": {"weights": "a digest"}}
    ((hit,),) = again.nearest(embeddings_of(2)[1:], 1)
    assert hit.text == "b" and hit.score == pytest.approx(1, abs=1e-6)


@needs_hnswlib
def test_without_hnswlib_exact_search_takes_the_place_of_a_graph(tmp_path, monkeypatch, caplog):
    open_settings = IndexSettings(path=tmp_path / "index")
    with monkeypatch.context() as patch:
        patch.setattr(folder_index, "hnswlib", None)
        settings = index_settings(open_settings, Runner(), "batchneg")
        assert settings.backend == "exact"
        (said,) = caplog.messages
        assert "hnswlib, which is not installed: exact search takes its place (pip ins" in said
        filled(settings).commit()
        assert len(load_index(settings)) == N
        assert len(caplog.messages) == 1
    assert load_index(open_settings) is None  # and is built anew, with a graph
    assert not (tmp_path / "index" / "hnsw.bin").exists()


@needs_hnswlib
def test_without_hnswlib_a_graph_of_elsewhere_is_searched_exactly(tmp_path, monkeypatch, caplog):
    settings = IndexSettings(path=tmp_path / "index")
    filled(settings).commit()
    exact = filled(settings.model_copy(update={"backend": "exact"}))
    queries = embeddings_of(N)[::-1] * np.float32(1)
    with monkeypatch.context() as patch:
        patch.setattr(folder_index, "hnswlib", None)
        index = load_index(settings)  # as an export is loaded
        assert "exact search takes its place" in caplog.text
        assert index.nearest(queries, 3) == exact.nearest(queries, 3)
        index.delete(entries_of("1"))
        index.commit()
        again = load_index(settings)
        assert len(again) == N - 1
        (tmp_path / "index" / "texts.json").write_text("{}", encoding="utf-8")
        with pytest.raises(UserError, match="is damaged"):
            load_index(settings)
    assert load_index(settings) is None  # since it was changed, it has no graph


@needs_hnswlib
def test_with_hnswlib_an_index_of_another_backend_is_built_anew(tmp_path):
    settings = IndexSettings(path=tmp_path / "index")
    filled(settings).commit()
    assert load_index(settings.model_copy(update={"backend": "exact"})) is None


def filled(settings):
    """An index of `N` texts."""
    index = new_index(settings, 16, {"checkpoint": {"weights": "a digest"}})
    index.add(entries_of(*map(str, range(N))), embeddings_of(N))
    return index


def test_settings_without_a_path_have_no_index():
    assert load_index(IndexSettings()) is None


def test_a_filter_needs_a_backend_that_keeps_metadata(tmp_path):
    settings = IndexSettings(path=tmp_path / "index", filter="year > 2000")
    with pytest.raises(UserError, match=r"index\.filter: .* -o index\.backend=milvus"):
        load_index(settings)
