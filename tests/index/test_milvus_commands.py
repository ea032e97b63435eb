"""recall.py, export.py and serve.py with the backend milvus, on Milvus Lite."""

import json

import numpy as np
import pytest
from harness.recalled import call, lines_of, write_pairs
from harness.served import Client

from textzoo.commands.export import main as export
from textzoo.commands.recall import main as recall
from textzoo.commands.train import main as trainer
from textzoo.serving.api_schema import Limits
from textzoo.serving.app import create_app
from textzoo.serving.in_process import SemanticIndex

pytest.importorskip("pymilvus")
pytest.importorskip("milvus_lite", reason="comes for Python 3.10 or later")

from milvus_lite.adapter.grpc.server import start_server_in_thread
from milvus_lite.server_manager import server_manager_instance

from textzoo.index import milvus_connection


@pytest.fixture(scope="module", autouse=True)
def _release():
    yield
    server_manager_instance.release_all()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model trained under a token, a corpus of 200 entries, 30 test pairs."""
    folder = tmp_path_factory.mktemp("milvus")
    write_corpus(folder / "corpus.jsonl", write_pairs(folder, 100, 30)[:200])
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
        return lines_of(place / "output/infer/recall_result_query.txt")

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


def test_an_export_of_a_server_s_index_asks_the_server(place, tmp_path, milvus_server, monkeypatch):
    uri, stop = milvus_server
    there, folder = (f"index.uri={uri}",), tmp_path / "exported"
    assert call_here(recall, place, overrides=there) == 0
    rows = lines_of(place / "output/infer/recall_result.txt")
    assert call_here(export, place, "--output", f"{folder}", overrides=there) == 0
    assert not list(folder.glob("index*"))
    client = Client(create_app({"": [folder]}, Limits()), Limits())
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
        monkeypatch.setattr(milvus_connection, "sleep", lambda seconds: None)
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
        ("index.backend=exact index.filter=even", "index.filter: the backend exact keeps no"),
    ],
)
def test_a_setting_that_cannot_be_is_named(place, capfd, override, complaint):
    assert call_here(recall, place, overrides=override.split()) == 2
    printed = capfd.readouterr().err
    assert complaint in printed
    assert "sEcReT" not in printed
    assert "12345" not in printed
