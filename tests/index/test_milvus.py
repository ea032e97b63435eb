"""The backend milvus on Milvus Lite, in a folder and behind a port, and failures."""

import logging
import time
from concurrent import futures

import numpy as np
import pytest
from harness.indexed import embeddings_of, entries_of, texts_of

from textzoo.config.schema import IndexSettings
from textzoo.data.corpus import Entry
from textzoo.errors import UserError
from textzoo.index.folder_index import FolderIndex
from textzoo.index.opening import load_index, new_index

pymilvus = pytest.importorskip("pymilvus")
pytest.importorskip("milvus_lite", reason="comes for Python 3.10 or later")

import grpc  # noqa: E402 (comes with pymilvus)
from milvus_lite.adapter.grpc.server import start_server_in_thread  # noqa: E402
from milvus_lite.db import MilvusLite  # noqa: E402
from milvus_lite.server_manager import server_manager_instance  # noqa: E402

from textzoo.index import milvus, milvus_connection  # noqa: E402

MADE_FROM = {"model": "batchneg", "checkpoint": {"rec.pdparams": "abc"}, "corpus": "1"}
WIDTH = 16


@pytest.fixture(scope="module", autouse=True)
def _release():
    yield
    server_manager_instance.release_all()


@pytest.fixture
def pauses(monkeypatch):
    """The pauses between attempts, which are not waited for."""
    waited = []
    monkeypatch.setattr(milvus_connection, "sleep", waited.append)
    return waited


def settings_of(folder, **changes):
    return IndexSettings(
        **{
            "backend": "milvus",
            "path": folder / "index",
            "collection": "texts",
            "partition": "corpus",
            "index_type": "FLAT",
            **changes,
        }
    )


def make_index(folder, entries, embeddings, made_from=MADE_FROM, **changes):
    index = new_index(settings_of(folder, **changes), WIDTH, made_from)
    index.add(entries, embeddings)
    index.commit()
    return index


def found_texts(index, queries, k):
    return [[hit.text for hit in hits] for hits in index.nearest(queries, k)]


# ------------------------------------------------------------------ searching


@pytest.mark.parametrize("space", ["cosine", "ip", "l2"])
def test_search_of_every_text_equals_exact_search(tmp_path, space):
    queries = embeddings_of(30, seed=1)
    exact = FolderIndex(IndexSettings(backend="exact"), WIDTH, {})
    exact.add(texts_of(300), embeddings_of(300))
    index = make_index(tmp_path, texts_of(300), embeddings_of(300), space=space)
    for ours, theirs in zip(index.nearest(queries, 7), exact.nearest(queries, 7)):
        assert [hit.text for hit in ours] == [hit.text for hit in theirs]
        assert [hit.score for hit in ours] == pytest.approx([h.score for h in theirs], abs=1e-6)


def test_the_graph_finds_nearly_what_exact_search_finds(tmp_path):
    queries = embeddings_of(100, seed=1)
    graph = make_index(tmp_path, texts_of(3000), embeddings_of(3000), index_type="HNSW")
    exact = FolderIndex(IndexSettings(backend="exact"), WIDTH, {})
    exact.add(texts_of(3000), embeddings_of(3000))
    pairs = zip(found_texts(graph, queries, 50), found_texts(exact, queries, 50))
    assert np.mean([len(set(ours) & set(theirs)) / 50 for ours, theirs in pairs]) >= 0.99


def test_all_that_exist_come_back_when_more_are_asked_for(tmp_path):
    index = make_index(tmp_path, texts_of(5), embeddings_of(5))
    assert [len(hits) for hits in index.nearest(embeddings_of(2, seed=1), 50)] == [5, 5]
    with pytest.raises(UserError, match="received 20000 texts to find, expected at most 16,384"):
        index.nearest(embeddings_of(1), 20_000)


def test_entries_are_replaced_and_deleted_by_id(tmp_path):
    entries = [Entry(f"id {i}", f"text {i % 50}") for i in range(100)]
    index = make_index(tmp_path, entries, embeddings_of(100))
    other = embeddings_of(1, seed=3)
    assert index.add([Entry("id 7", "another text")], other) == 1
    never = Entry("never there", "never there")
    assert index.delete([Entry("id 8", "id 8"), never]) == [never]
    index.made_from = {**MADE_FROM, "added": 1, "deleted": 1}
    index.commit()
    for reopened in (index, load_index(settings_of(tmp_path))):
        assert (len(reopened), reopened.made_from) == (99, index.made_from)
        assert found_texts(reopened, other, 1) == [["another text"]]
        texts = found_texts(reopened, other, 100)[0]
        assert (texts.count("text 7"), texts.count("text 8")) == (1, 1)  # those of 57 and 58


def test_a_filter_chooses_by_metadata(tmp_path):
    entries = [
        Entry(f"id {i}", f"text {i}", {"language": ["en", "zh"][i % 2], "year": 2000 + i})
        for i in range(20)
    ]
    make_index(tmp_path, [*entries, *entries_of("text alone")], embeddings_of(21))

    def found(expression):
        index = load_index(settings_of(tmp_path, filter=expression))
        return sorted(int(text.split()[1]) for text in found_texts(index, embeddings_of(1), 50)[0])

    assert found('language == "zh" and year > 2010') == [11, 13, 15, 17, 19]
    assert found('id in ["id 3", "id 4"]') == [3, 4]
    assert found('nothing == "so called"') == []
    with pytest.raises(UserError, match=r"; index\.filter: language ===$"):
        found("language ===")


# ------------------------------------------------------------------ building


def test_corpora_have_partitions_of_their_own(tmp_path):
    make_index(tmp_path, texts_of(30), embeddings_of(30))
    other = make_index(tmp_path, texts_of(20), embeddings_of(20, seed=1), partition="other")
    assert other.delete(texts_of(10)) == []
    assert (len(other), len(load_index(settings_of(tmp_path)))) == (10, 30)
    assert load_index(settings_of(tmp_path, partition="third")) is None
    assert load_index(settings_of(tmp_path, collection="third")) is None
    assert load_index(settings_of(tmp_path / "elsewhere")) is None
    assert not (tmp_path / "elsewhere").exists()


def test_an_index_is_replaced_whole_or_not_at_all(tmp_path):
    make_index(tmp_path, texts_of(30), embeddings_of(30))
    interrupted = new_index(settings_of(tmp_path), WIDTH, {**MADE_FROM, "corpus": "2"})
    interrupted.add(entries_of("half of them"), embeddings_of(1))
    earlier = load_index(settings_of(tmp_path))
    assert earlier.made_from == MADE_FROM
    assert "half of them" not in found_texts(earlier, embeddings_of(1), 50)[0]
    made_from = {**MADE_FROM, "corpus": "3"}
    make_index(tmp_path, entries_of("all of them"), embeddings_of(1), made_from)
    later = load_index(settings_of(tmp_path))
    assert later.made_from == made_from
    assert found_texts(later, embeddings_of(1), 50) == [["all of them"]]
    client = pymilvus.MilvusClient(str(tmp_path / "index.db"))
    partitions = [n for n in client.list_partitions("texts") if n.startswith("corpus__")]
    assert len(partitions) == 1


def test_searches_go_on_in_the_partition_that_replaced_theirs(tmp_path, monkeypatch):
    index = make_index(tmp_path, texts_of(30), embeddings_of(30))
    make_index(tmp_path, entries_of("new"), embeddings_of(1), {**MADE_FROM, "corpus": "2"})
    client, search = index._call.client, index._call.client.search

    def as_on_a_server(collection, **arguments):  # Milvus Lite finds nothing there
        if not set(arguments["partition_names"]) <= set(client.list_partitions(collection)):
            raise pymilvus.MilvusException(message="partition name not found")
        return search(collection, **arguments)

    monkeypatch.setattr(client, "search", as_on_a_server)
    assert found_texts(index, embeddings_of(1), 5) == [["new"]]
    other = {**MADE_FROM, "checkpoint": {"rec.pdparams": "def"}}
    make_index(tmp_path, entries_of("newer"), embeddings_of(1), other)
    with pytest.raises(UserError, match="partition name not found"):
        index.nearest(embeddings_of(1), 5)


def test_a_collection_that_was_interrupted_when_new_is_completed(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(milvus, "_create_graph", interrupt)
        new_index(settings_of(tmp_path), WIDTH, MADE_FROM)
    assert load_index(settings_of(tmp_path)) is None
    assert len(make_index(tmp_path, texts_of(3), embeddings_of(3))) == 3


@pytest.mark.parametrize(
    ("changes", "width", "made_from", "complaint"),
    [
        ({}, 8, MADE_FROM, "texts has width 16, received 8; choose another one with -o"),
        ({"space": "ip"}, WIDTH, MADE_FROM, "has metric_type COSINE, received IP"),
        ({"index_type": "HNSW"}, WIDTH, MADE_FROM, "has index_type FLAT, received HNSW"),
        ({}, WIDTH, {**MADE_FROM, "model": "hardestneg"}, "embedded by model batchneg, received"),
        ({"collection": "foreign"}, WIDTH, MADE_FROM, "foreign was not made by textzoo"),
    ],
)
def test_a_collection_of_something_else_is_left_alone(
    tmp_path, changes, width, made_from, complaint
):
    make_index(tmp_path, texts_of(30), embeddings_of(30))
    client = pymilvus.MilvusClient(str(tmp_path / "index.db"))
    client.create_collection("foreign", dimension=WIDTH)
    with pytest.raises(UserError, match=complaint):
        new_index(settings_of(tmp_path, **changes), width, made_from)
    assert len(load_index(settings_of(tmp_path))) == 30


def test_settings_of_the_graph_are_those_of_the_collection(tmp_path):
    make_index(tmp_path, texts_of(30), embeddings_of(30), index_type="HNSW", hnsw_m=8)
    with pytest.raises(UserError, match="has M 8, received 32"):
        load_index(settings_of(tmp_path, index_type="HNSW"))


# ------------------------------------------------------------------ failures


class Flaky:
    """A client whose calls fail a number of times, and then do nothing."""

    def __init__(self, failures):
        self.failures = failures
        self.rows = []

    def upsert(self, collection, rows, **arguments):
        self.load_collection(collection)
        self.rows += rows

    def load_collection(self, collection, **arguments):
        if self.failures:
            raise self.failures.pop()


def away():
    return pymilvus.MilvusException(grpc.StatusCode.UNAVAILABLE, "retry timeout: 30 s")


@pytest.fixture
def connection(tmp_path):
    return milvus_connection.Connection(settings_of(tmp_path))


def test_a_call_is_repeated_while_the_server_is_away(connection, pauses, caplog):
    connection.client = Flaky([away(), pymilvus.MilvusException(8, "rate limit exceeded")])
    with caplog.at_level(logging.WARNING, "textzoo"):
        connection("upsert", "texts", [1, 2, 3])
    assert connection.client.rows == [1, 2, 3]
    assert pauses == [1, 2]
    assert [record.getMessage() for record in caplog.records] == [
        "milvus: upsert: rate limit exceeded; again in 1 s",
        "milvus: upsert: retry timeout: 30 s; again in 2 s",
    ]


def test_what_milvus_lite_is_still_writing_is_loaded_again(connection, pauses):
    reading = pymilvus.MilvusException(message="No data left in file")
    connection.client = Flaky([reading, reading])
    connection("load_collection", "texts")
    assert (connection.client.failures, pauses) == ([], [1, 2])


def test_a_build_goes_on_when_the_server_is_back(tmp_path, monkeypatch):
    folder = str(tmp_path / "served")
    server, database, port = start_server_in_thread(folder)
    index = new_index(settings_of(tmp_path, uri=f"http://127.0.0.1:{port}"), WIDTH, MADE_FROM)
    index.add(texts_of(30), embeddings_of(30))
    running = [(server, database)]

    def stop():
        running[-1][0].stop(None).wait()
        running.pop()[1].close()

    def start_and_wait(seconds):
        if not running:
            running.append(start_server_in_thread(folder, port=port)[:2])
        time.sleep(seconds)

    stop()
    monkeypatch.setattr(milvus_connection, "sleep", start_and_wait)
    index.add(entries_of("the last"), embeddings_of(1, seed=1))
    index.commit()
    try:
        assert found_texts(index, embeddings_of(1, seed=1), 1) == [["the last"]]
        assert len(index) == 31
    finally:
        stop()


def test_a_call_is_given_up_in_the_end(connection, pauses):
    connection.client = Flaky([away() for _ in range(9)])
    with pytest.raises(UserError, match=r"index\.uri: .*: retry timeout: 30 s"):
        connection("upsert", "texts", [1])
    assert pauses == [1, 2, 4, 8, 16]


def test_a_call_that_cannot_succeed_is_not_repeated(connection, pauses):
    connection.client = Flaky([pymilvus.MilvusException(1100, "the length exceeds max length")])
    with pytest.raises(UserError, match="the length exceeds max length"):
        connection("upsert", "texts", [1])
    assert pauses == []


def test_a_server_that_is_not_there_is_named(tmp_path):
    settings = settings_of(tmp_path, uri="http://127.0.0.1:1", token="root:secret")
    with pytest.raises(UserError, match=r"index\.uri: http://127\.0\.0\.1:1: ") as failure:
        load_index(settings)
    assert "secret" not in str(failure.value)
    assert "secret" not in repr(settings)


def test_a_wrong_token_is_named(tmp_path):
    class Denying(grpc.ServerInterceptor):
        def intercept_service(self, continuation, details):
            def deny(request, context):
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "no such user")

            return grpc.unary_unary_rpc_method_handler(deny)

    server = grpc.server(futures.ThreadPoolExecutor(1), interceptors=[Denying()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with pytest.raises(UserError, match="TEXTZOO_MILVUS_TOKEN"):
            load_index(settings_of(tmp_path, uri=f"http://127.0.0.1:{port}", token="root:secret"))
    finally:
        server.stop(None)


def test_a_folder_that_is_in_use_or_not_one_is_named(tmp_path):
    held = MilvusLite(str(tmp_path / "index.db"))
    try:
        with pytest.raises(UserError, match=r"cannot open .*index\.db: it is damaged, or in use"):
            load_index(settings_of(tmp_path))
    finally:
        held.close()
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"index\.path: cannot write"):
        new_index(settings_of(tmp_path / "file"), WIDTH, MADE_FROM)


@pytest.mark.parametrize("missing", ["pymilvus", "milvus_lite"])
def test_a_missing_package_is_named(tmp_path, monkeypatch, missing):
    find_spec = milvus_connection.importlib.util.find_spec
    monkeypatch.setattr(
        milvus_connection.importlib.util,
        "find_spec",
        lambda name: None if name == missing else find_spec(name),
    )
    with pytest.raises(UserError, match=rf"needs {missing}: pip install 'textzoo\[milvus\]'"):
        new_index(settings_of(tmp_path), WIDTH, MADE_FROM)
