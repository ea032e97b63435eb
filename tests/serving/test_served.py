"""Several models behind one server, by their names."""

import json
import re
import shutil

import numpy as np
import pytest
from harness.served import Client

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

from textzoo.data.corpus import Entry
from textzoo.errors import UserError
from textzoo.files import digests
from textzoo.index.opening import load_index
from textzoo.serving.app import create_app
from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger
from textzoo.serving.limits import Limits
from textzoo.serving.manifest import read_manifest

TEXTS = ["how to cook rice", "停车"]


@pytest.fixture(scope="module")
def client(serving):
    return serving({"news": "tagspace", "faq": "batchneg", "more": "tagspace"})


def test_each_answers_below_its_name_as_the_library_does(client, exported):
    tags, pairs = exported("tagspace").folder, exported("batchneg").folder
    for name in ("news", "more"):
        _, answer, _ = client.post(f"/models/{name}/predict", texts=TEXTS)
        assert answer["predictions"] == Tagger.load(tags).predict(TEXTS)
    _, answer, _ = client.post("/models/faq/search", texts=TEXTS, k=3)
    assert answer["results"] == SemanticIndex.load(pairs).search(TEXTS, 3)
    _, answer, _ = client.post("/v1/embeddings", input=TEXTS, model="faq")
    rows = [row["embedding"] for row in answer["data"]]
    np.testing.assert_allclose(rows, Encoder.load(pairs).encode(TEXTS), atol=1e-6)


def test_what_is_served_is_listed(client, serving):
    assert client.request("GET", "/models")[1]["models"] == [
        {"name": "news", "kind": "tags", "path": "/models/news"},
        {"name": "faq", "kind": "embeddings", "path": "/models/faq"},
        {"name": "more", "kind": "tags", "path": "/models/more"},
    ]
    facts = client.request("GET", "/models/faq/model")[1]
    assert (facts["name"], facts["model"]) == ("faq", "batchneg")
    listed = client.request("GET", "/v1/models")[1]["data"]
    assert [model["id"] for model in listed] == ["faq", "faq-query", "faq-passage"]
    assert serving("tagspace").request("GET", "/models")[1]["models"] == [
        {"name": "tagspace", "kind": "tags", "path": ""}
    ]
    paths = client.request("GET", "/openapi.json")[1]["paths"]
    assert {"/models/news/predict", "/models/faq/encode", "/v1/embeddings"} <= paths.keys()


@pytest.mark.parametrize("path", ["/predict", "/models/other/predict", "/models/faq/predict"])
def test_other_paths_are_answered_with_those_there_are(client, path):
    status, answer, _ = client.post(path, texts=TEXTS)
    assert status == 404
    assert "/models/faq/search" in answer["detail"] and "/models/news/predict" in answer["detail"]


def test_metrics_tell_the_models_apart(serving, exported):
    client = serving({"news": "tagspace", "faq": "batchneg"})
    client.post("/models/news/predict", texts=TEXTS)
    client.post("/models/faq/encode", texts=TEXTS)
    client.post("/v1/embeddings", input=TEXTS, model="faq-passage")
    client.post("/v1/embeddings", input=TEXTS, model="other")
    _, text, _ = client.request("GET", "/metrics")
    found = dict(re.findall(r"^(textzoo_\S+) (\S+)$", text, re.MULTILINE))
    count = 'textzoo_request_seconds_count{{model="{}",path="{}",status="{}"}}'
    for labels in (
        ("news", "/predict", 200),
        ("faq", "/encode", 200),
        ("faq", "/v1/embeddings", 200),
        ("", "/v1/embeddings", 404),
    ):
        assert found[count.format(*labels)] == "1.0"
    assert found['textzoo_batch_texts_sum{model="news"}'] == "2.0"
    assert found['textzoo_batch_texts_sum{model="faq"}'] == "4.0"
    rows = Encoder.load(exported("batchneg").folder).model.encode(TEXTS)
    n_tokens = 2 * sum(len(row["text"]) for row in rows)  # there is no prefix
    assert found['textzoo_batch_tokens_sum{model="faq"}'] == f"{n_tokens:.1f}"
    assert found['textzoo_waiting_texts{model="faq"}'] == "0.0"


def test_none_is_asked_while_the_server_ends(serving):
    client = serving({"a": "tagspace", "b": "tagspace"})
    client.server.handle_exit(15, None)
    for model in client.models:
        assert model.batcher.closing


def test_one_wrong_export_is_named(exported, tmp_path):
    with pytest.raises(UserError, match=re.escape(f"{tmp_path}: is not an exported model")):
        create_app({"a": [exported("tagspace").folder], "b": [tmp_path]}, Limits())


def test_an_index_whose_texts_are_all_deleted_is_served(exported, tmp_path):
    folder = shutil.copytree(exported("batchneg").folder, tmp_path / "export")
    settings = read_manifest(folder).index.model_copy(update={"path": folder / "index"})
    index = load_index(settings, exported=True)
    texts = json.loads((folder / "index/texts.json").read_text(encoding="utf-8"))["texts"]
    assert index.delete([Entry(text, text) for text in texts]) == []
    index.commit()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["sha256"] = digests(folder, list(manifest["sha256"]))
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    limits = Limits()
    client = Client(create_app({"": [folder]}, limits), limits)
    try:
        assert client.facts["indexed_texts"] == 0
        assert client.post("/search", texts=TEXTS)[1]["results"] == [[], []]
    finally:
        client.close()
