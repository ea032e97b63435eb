"""The backend milvus on Milvus Lite, in a folder and behind a port, and with failures made up."""

import json
import logging
import time
from concurrent import futures

import numpy as np
import pytest
from served import Client
from test_index import embeddings_of, entries_of, texts_of
from test_search import CONFIG, call, lines_of

from textzoo.api_schema import Limits
from textzoo.commands import export, recall, trainer
from textzoo.corpus import Entry
from textzoo.errors import UserError
from textzoo.index import Index
from textzoo.indexes import load_index, new_index
from textzoo.schema import Index as IndexSettings
from textzoo.server import create_app
from textzoo.serving import SemanticIndex

pymilvus = pytest.importorskip("pymilvus")
pytest.importorskip("milvus_lite", reason="comes for Python 3.10 or later")

import grpc  # noqa: E402 (comes with pymilvus)
from milvus_lite.adapter.grpc.server import start_server_in_thread  # noqa: E402
from milvus_lite.db import MilvusLite  # noqa: E402
from milvus_lite.server_manager import server_manager_instance  # noqa: E402

from textzoo import milvus, milvus_connection  # noqa: E402

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
    exact = Index(IndexSettings(backend="exact"), WIDTH, {})
    exact.add(texts_of(300), embeddings_of(300))
    index = make_index(tmp_path, texts_of(300), embeddings_of(300), space=space)
    for ours, theirs in zip(index.nearest(queries, 7), exact.nearest(queries, 7)):
        assert [hit.text for hit in ours] == [hit.text for hit in theirs]
        assert [hit.score for hit in ours] == pytest.approx([h.score for h in theirs], abs=1e-6)


def test_the_graph_finds_nearly_what_exact_search_finds(tmp_path):
    queries = embeddings_of(100, seed=1)
    graph = make_index(tmp_path, texts_of(3000), embeddings_of(3000), index_type="HNSW")
    exact = Index(IndexSettings(backend="exact"), WIDTH, {})
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
    assert index.delete([Entry("id 8", "id 8"), Entry("never there", "never there")]) == 1
    index.commit()
    for reopened in (index, load_index(settings_of(tmp_path))):
        assert len(reopened) == 99
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
    with pytest.raises(UserError, match="language"):
        found("language ===")


# ------------------------------------------------------------------ building


def test_corpora_have_partitions_of_their_own(tmp_path):
    make_index(tmp_path, texts_of(30), embeddings_of(30))
    other = make_index(tmp_path, texts_of(20), embeddings_of(20, seed=1), partition="other")
    assert other.delete(texts_of(10)) == 10
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
        if self.failures:
            raise self.failures.pop()
        self.rows += rows


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


# ------------------------------------------------------------------ commands


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model trained under a token, a corpus of 200 entries, 30 test pairs."""
    folder = tmp_path_factory.mktemp("milvus")
    data = CONFIG.parent / "data"
    train = (data / "train" / "train.tsv").read_text(encoding="utf-8").splitlines()
    (folder / "train.tsv").write_text("\n".join(train[:100]) + "\n", encoding="utf-8")
    (folder / "test.tsv").write_text("\n".join(train[100:130]) + "\n", encoding="utf-8")
    texts = list(dict.fromkeys(text for line in train[:130] for text in line.split("\t")))[:200]
    write_corpus(folder / "corpus.jsonl", texts)
    assert call_here(trainer, folder) == 0
    return folder


def write_corpus(path, texts):
    rows = ({"id": i, "text": text, "even": i % 2 == 0} for i, text in enumerate(texts))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def call_here(command, folder, *options, overrides=()):
    settings = (
        f"runner.corpus_file={folder}/corpus.jsonl",
        *("index.backend=milvus", "index.index_type=FLAT", "index.token=root:sEcReT"),
    )
    return call(command, folder, *options, overrides=(*settings, *overrides))


def test_recall_gives_what_exact_search_gives(place, capfd):
    results = []
    for backend in ("exact", "milvus"):
        assert call_here(recall, place, overrides=(f"index.backend={backend}",)) == 0
        results.append(lines_of(place / "output/infer/recall_result.txt"))
    expected, found = results
    assert [row[0] for row in found] == [row[0] for row in expected]
    scores = [[float(row[2]) for row in rows] for rows in results]
    assert scores[1] == pytest.approx(scores[0], abs=2e-6)
    same = [ours[1] == theirs[1] for ours, theirs in zip(found, expected)]
    assert np.mean(same) > 0.95  # those that score the same may change places
    output = capfd.readouterr().out
    assert "ids and metadata are kept by index.backend=milvus only" in output
    assert "collection textzoo_batchneg, corpus_jsonl: 200 texts embedded" in output


def test_entries_are_added_deleted_and_filtered_by_the_command(place, capfd):
    here = (f"index.path={place}/changed",)
    new = place / "new.jsonl"
    new.write_text('{"id": 7, "text": "a text that nobody wrote"}\n', encoding="utf-8")
    (place / "query.txt").write_text("a text that nobody wrote\n", encoding="utf-8")
    (place / "ids.txt").write_text("7\n8\nnever there\n", encoding="utf-8")
    ask = ("--queries", f"{place}/query.txt")

    def found():
        return lines_of(place / "output/infer/recall_result.txt")

    assert call_here(recall, place, "--add", f"{new}", *ask, overrides=here) == 0
    assert found()[0] == ["a text that nobody wrote"] * 2 + ["1.000000"]
    only_even = (*here, "index.filter=even == true", "index.recall_num=300")
    assert call_here(recall, place, *ask, overrides=only_even) == 0
    assert len(found()) == 100
    assert call_here(recall, place, "--delete", f"{place}/ids.txt", *ask, overrides=here) == 0
    output = capfd.readouterr().out
    assert "deleted 2 text(s) of 3" in output
    assert "as it was, 200 texts" in output
    assert call_here(recall, place, *ask, overrides=here) == 0
    assert "as it was, 198 texts" in capfd.readouterr().out
    assert call_here(recall, place, overrides=(*here, "index.filter=even ===")) == 2
    assert "index.uri" in capfd.readouterr().err


def test_a_changed_corpus_leaves_no_text_behind(place, tmp_path):
    corpus = (f"runner.corpus_file={tmp_path}/corpus.jsonl", f"index.path={tmp_path}/index")
    for texts in (["one", "two", "three"], ["one", "four"]):
        write_corpus(tmp_path / "corpus.jsonl", texts)
        assert call_here(recall, place, overrides=corpus) == 0
        rows = lines_of(place / "output/infer/recall_result.txt")
        assert {row[1] for row in rows} == set(texts)


@pytest.fixture
def milvus_server(tmp_path):
    """The address of a server, and a function that ends it."""
    server, database, port = start_server_in_thread(str(tmp_path / "served"))

    def stop():
        server.stop(None).wait()
        database.close()

    yield f"http://127.0.0.1:{port}", stop
    stop()


def test_a_server_is_asked_by_its_address(place, tmp_path, milvus_server, capfd):
    there = (f"index.uri={milvus_server[0]}", f"index.path={tmp_path}/nothing")
    for expected in ("200 texts embedded", "as it was, 200 texts"):
        assert call_here(recall, place, overrides=there) == 0
        assert expected in capfd.readouterr().out
    narrow = (*there, "hyper_parameters.encoder.hidden_size=8", "runner.resume=none")
    narrow = (*narrow, f"runner.model_save_path={tmp_path}/narrow", "index.collection=narrow")
    assert call_here(trainer, place, overrides=narrow) == 0
    assert call_here(recall, place, overrides=narrow) == 0
    assert call_here(recall, place, overrides=(*narrow, "index.collection=null")) == 2
    assert "textzoo_batchneg has width 16, received 8" in capfd.readouterr().err
    assert not list(tmp_path.glob("nothing*"))


def test_an_export_of_a_server_s_index_asks_the_server(place, tmp_path, milvus_server, pauses):
    uri, stop = milvus_server
    there, folder = (f"index.uri={uri}",), tmp_path / "exported"
    assert call_here(recall, place, overrides=there) == 0
    rows = lines_of(place / "output/infer/recall_result.txt")
    assert call_here(export, place, "--output", f"{folder}", overrides=there) == 0
    assert not list(folder.glob("index*"))
    client = Client(create_app(folder, Limits()))
    try:
        answer = client.post("/search", texts=[rows[0][0]], k=5)[1]
        assert [hit["text"] for hit in answer["results"][0]] == [row[1] for row in rows[:5]]
        assert client.request("GET", "/model")[1]["indexed_texts"] == 200
        corpus = (place / "corpus.jsonl").read_bytes()
        (tmp_path / "corpus.jsonl").write_bytes(corpus + b"\n")
        other = (*there, f"runner.corpus_file={tmp_path}/corpus.jsonl")
        assert call_here(recall, place, overrides=other) == 0  # which replaces the index
        assert len(SemanticIndex.load(folder)) == 200
        stop()
        status, answer, _ = client.post("/search", texts=["a"])
        assert (status, answer["detail"]) == (503, "the index does not answer")
        assert client.post("/encode", texts=["a"])[0] == 200
    finally:
        client.close()


def test_an_export_of_milvus_lite_stands_alone(place, tmp_path, capfd):
    here = (f"index.path={tmp_path}/index",)
    assert call_here(recall, place, overrides=here) == 0
    rows = lines_of(place / "output/infer/recall_result.txt")
    folder = tmp_path / "exported"
    assert call_here(export, place, "--output", f"{folder}", overrides=here) == 0
    assert "index: 200 texts" in capfd.readouterr().out
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for index in (SemanticIndex.load(folder), SemanticIndex.load(folder)):  # beside each other
        assert len(index) == 200
        hits = index.search([rows[0][0]], 5)[0]
        assert [hit["text"] for hit in hits] == [row[1] for row in rows[:5]]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert b"sEcReT" not in b"".join(before.values())


def test_the_token_is_written_nowhere(place):
    files = [path for path in (place / "output").rglob("*") if path.is_file()]
    assert any(path.suffix == ".json" for path in files)
    assert not [path for path in files if b"sEcReT" in path.read_bytes()]


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("index.uri=http://root:sEcReT@127.0.0.1:1", "index.uri: expected http://HOST:PORT"),
        ("index.token=12345", "index.token: received a value (int), expected text or null"),
        ("index.collection=a-b", "index.collection: received 'a-b', expected letters"),
        ("index.backend=hnsw index.filter=even", "index.filter: the backend hnsw keeps no"),
    ],
)
def test_a_setting_that_cannot_be_is_named(place, capfd, override, complaint):
    assert call_here(recall, place, overrides=override.split()) == 2
    printed = capfd.readouterr().err
    assert complaint in printed
    assert "sEcReT" not in printed
    assert "12345" not in printed
