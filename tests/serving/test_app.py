import contextlib
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from harness.workspace import TIMEOUT

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

from harness.exports import LINEAR
from harness.malformed import damaged_bodies
from harness.served import Gate, wait_until

from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger

DOCUMENTED = {200, 400, 401, 404, 405, 408, 413, 415, 422, 429, 431, 503, 504}


@pytest.fixture(scope="module")
def tags(serving):
    return serving("tagspace")


@pytest.fixture(scope="module")
def pairs(serving):
    return serving("batchneg")


# ------------------------------------------------------------------ answers


def test_predictions_are_those_of_the_library(tags, exported):
    texts = ["sugar in soft drinks", "", "the search algorithm\nand a tab\t"]
    expected = Tagger.load(exported("tagspace").folder).predict(texts, top_k=2)
    status, answer, _ = tags.post("/predict", texts=texts, top_k=2)
    assert (status, answer) == (200, {"predictions": expected})
    assert len(tags.post("/predict", texts=texts)[1]["predictions"][0]["top"]) == 5


@pytest.mark.parametrize("name", ["xmlcnn", "multilabel", "levels"])
def test_labels_and_levels_are_predicted(serving, exported, name):
    expected = Tagger.load(exported(name).folder).predict(["停车", "roads"])
    assert serving(name).post("/predict", texts=["停车", "roads"])[1]["predictions"] == expected
    assert all(row["predicted"] is not None for row in expected)


def test_words_and_ngrams_that_speak_for_a_label_are_told_if_asked_for(serving, exported, tags):
    client, tagger = serving(LINEAR), Tagger.load(exported(LINEAR).folder)
    texts = tagger.model.manifest.examples[:2]
    expected = tagger.predict(texts, top_k=2, explain=4)
    assert expected[0]["top"][0]["why"] and expected[0]["top"][0]["words"]
    _, answer, _ = client.post("/predict", texts=texts, top_k=2, explain=4)
    assert answer["predictions"] == expected
    assert "why" not in client.post("/predict", texts=texts)[1]["predictions"][0]["top"][0]
    for explain in (-1, 101):
        assert client.post("/predict", texts=texts, explain=explain)[0] == 422
    expected = Tagger.load(exported("tagspace").folder).predict(["a sharp knife"], explain=2)
    _, answer, _ = tags.post("/predict", texts=["a sharp knife"], explain=2)
    assert answer["predictions"] == expected and "why" not in expected[0]["top"][0]
    assert len(expected[0]["top"][0]["words"]) == 2
    schemas = tags.request("GET", "/openapi.json")[1]["components"]["schemas"]
    assert schemas["PredictRequest"]["properties"]["explain"]["maximum"] == 100
    assert {"why", "words"} <= schemas["Tag"]["properties"].keys()


def test_embeddings_similarities_and_what_is_found(pairs, exported):
    folder = exported("batchneg").folder
    first, second = ["how to cook rice", "停车"], ["cooking rice", "哪里停车"]
    encoder, index = Encoder.load(folder), SemanticIndex.load(folder)
    _, answer, _ = pairs.post("/encode", texts=first)
    np.testing.assert_allclose(answer["embeddings"], encoder.encode(first), atol=1e-6)
    assert pairs.post("/encode", texts=first, side="title")[1] == answer  # without prefixes
    assert pairs.post("/encode", texts=first, side="both")[0] == 422
    assert pairs.post("/search", texts=first, side="title")[0] == 422  # its texts are queries
    _, answer, _ = pairs.post("/similarity", first=first, second=second)
    expected = encoder.similarity(first, second)
    np.testing.assert_allclose(answer["similarities"], expected, atol=1e-6)
    _, answer, _ = pairs.post("/search", texts=first, k=3)
    assert answer["results"] == index.search(first, 3)
    assert len(pairs.post("/search", texts=first)[1]["results"][0]) == 10


def test_how_much_of_each_text_is_read_is_told(tags, pairs):
    facts = tags.request("GET", "/model")[1]
    assert facts["reads"] == {"unit": "words", "limit": None}
    assert 0 < len(facts["labels"]) == facts["n_labels"]
    _, answer, _ = tags.post("/coverage", texts=["a knife zqxv", ""])
    knife, empty = answer["coverage"]
    expected = {"unit": "words", "total": 3, "limit": None, "known": 2, "unknown": ["zqxv"]}
    assert knife == expected
    assert (empty["total"], empty["known"]) == (0, 0)
    body = '{"texts": ["\\ud800"]}'
    assert tags.request("POST", "/coverage", body)[0] == 422
    _, answer, _ = pairs.post("/coverage", texts=["停车 ab"], side="title")
    assert answer["coverage"][0]["unit"] == "tokens" and answer["coverage"][0]["total"] >= 3
    assert pairs.post("/coverage", texts=["a"], side="both")[0] == 422
    assert pairs.request("GET", "/model")[1]["weak_below"] < 1


def test_what_is_served_is_told(tags, pairs):
    assert tags.request("GET", "/health")[:2] == (200, {"status": "ok"})
    facts = pairs.request("GET", "/model")[1]
    assert (facts["model"], facts["kind"]) == ("batchneg", "embeddings")
    assert facts["indexed_texts"] > 3000
    assert facts["checkpoint"]["validation_metrics"]
    paths = tags.request("GET", "/openapi.json")[1]["paths"]
    assert {"/predict", "/health", "/metrics", "/model"} <= set(paths)
    assert set(paths["/predict"]["post"]["responses"]) == {str(s) for s in DOCUMENTED - {404, 405}}
    status, answer, _ = tags.post("/search", texts=["a"])
    assert (status, answer["detail"]) == (404, "no such path; this server has /coverage, /predict")


def test_metrics_count_answers(serving):
    client = serving("tagspace")
    for _ in range(3):
        client.post("/predict", texts=["a", "b"])
    client.post("/predict", texts=[])
    client.request("GET", "/" + "x" * 30)
    status, text, headers = client.request("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    count = 'textzoo_request_seconds_count{{model="{}",path="{}",status="{}"}} {}'
    for line in (
        ("tagspace", "/predict", 200, 3.0),
        ("tagspace", "/predict", 422, 1.0),
        ("", "other", 404, 1.0),
    ):
        assert count.format(*line) in text
    assert 'textzoo_batch_texts_sum{model="tagspace"} 6.0' in text
    assert 'textzoo_waiting_texts{model="tagspace"} 0.0' in text


# ------------------------------------------------------------------ batches


def test_what_arrives_while_a_batch_is_computed_is_the_next_batch(serving, exported):
    client = serving("tagspace")
    texts = [[f"sugar {i}"] * (1 + i % 3) for i in range(9)]
    with Gate(client) as gate, ThreadPoolExecutor(12) as pool:
        first = pool.submit(client.post, "/predict", texts=["alone"])
        wait_until(lambda: gate.batches)
        others = [pool.submit(client.post, "/predict", texts=part) for part in texts]
        wait_until(lambda: len(client.batcher._requests) == len(texts))
        gate.open()
        answers = [other.result() for other in others]
    assert first.result()[0] == 200
    assert gate.batches == [1, sum(map(len, texts))]
    tagger = Tagger.load(exported("tagspace").folder)
    for part, (status, answer, _) in zip(texts, answers):
        assert status == 200
        assert [row["top"][0]["score"] for row in answer["predictions"]] == pytest.approx(
            [row["top"][0]["score"] for row in tagger.predict(part)], abs=1e-5
        )


def test_a_batch_takes_no_more_than_its_size(serving):
    client = serving("tagspace", batch=4)
    with Gate(client) as gate, ThreadPoolExecutor(12) as pool:
        done = [pool.submit(client.post, "/predict", texts=["alone"])]
        wait_until(lambda: gate.batches)
        done += [pool.submit(client.post, "/predict", texts=["a"]) for _ in range(10)]
        wait_until(lambda: len(client.batcher._requests) == 10)
        gate.open()
        assert {d.result()[0] for d in done} == {200}
    assert gate.batches == [1, 4, 4, 2]


def test_an_unreadable_text_is_refused_alone(pairs):
    with Gate(pairs) as gate, ThreadPoolExecutor(3) as pool:
        good = pool.submit(pairs.post, "/encode", texts=["good"])
        bad = pool.submit(pairs.post, "/encode", texts=["good", " "])
        status, answer, _ = bad.result()
        gate.open()
        assert good.result()[0] == 200
    assert (status, answer["detail"]) == (422, "texts[1]: received an empty text")


def test_a_fault_in_one_batch_ends_with_it(serving):
    client = serving("tagspace")
    batcher = client.batcher
    compute, batcher._compute = batcher._compute, lambda rows: 1 / 0
    assert client.post("/predict", texts=["a"])[0] == 500
    batcher._compute = compute
    assert client.post("/predict", texts=["a"])[0] == 200
    assert batcher.n_waiting == 0


# ------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({}, "texts: Field required"),
        ({"texts": "a"}, "texts: Input should be a valid list"),
        ({"texts": []}, "texts: List should have at least 1 item"),
        ({"texts": ["a"] * 5}, "texts: List should have at most 4 items"),
        ({"texts": ["a", "x" * 101]}, "texts[1]: String should have at most 100 characters"),
        ({"texts": ["a", 1]}, "texts[1]: Input should be a valid string"),
        ({"texts": ["a"], "top_k": 0}, "top_k: Input should be greater than or equal to 1"),
        ({"texts": ["a"], "top_k": 101}, "top_k: Input should be less than or equal to 100"),
        ({"texts": ["a"], "top_k": True}, "top_k: Input should be a valid integer"),
        ({"texts": ["a"], "topk": 3}, "topk: Extra inputs are not permitted"),
        ({"texts": ["\ud800"]}, "texts[0]: Input should be a valid string"),
    ],
)
def test_json_of_another_form_is_422(small, fields, detail):
    status, answer, _ = small.post("/predict", **fields)
    assert status == 422
    assert answer["detail"].startswith(detail)


@pytest.fixture(scope="module")
def small(serving):
    return serving("tagspace", texts=4, characters=100, body=1000)


@pytest.mark.parametrize("body", ["{", "\x00", '{"texts": ["a"]', "nonsense", b"\xff\xfe", b"["])
def test_what_is_not_json_is_400(small, body):
    status, answer, _ = small.request("POST", "/predict", body)
    assert (status, answer["detail"]) == (400, "the body is not JSON")


def test_other_limits_have_their_status(small):
    status, answer, _ = small.request("POST", "/predict", " " * 1001)
    assert (status, answer["detail"]) == (413, "the body is larger than 1000 bytes")
    assert small.request("POST", "/predict", iter([b" " * 600] * 2))[0] == 413  # no length given
    assert small.request("POST", "/predict", "{}", {"Content-Type": "text/plain"})[0] == 415
    assert small.request("GET", "/predict")[0] == 405
    assert small.request("POST", "/predict", b"x" * 100_000)[0] == 413


def test_very_many_fields_are_one_complaint(small):
    status, answer, _ = small.post("/predict", **{str(i): i for i in range(50)})
    assert (status, answer["detail"]) == (
        422,
        "body: received 50 fields, expected texts, top_k, explain",
    )


def test_lists_to_compare_are_as_long(pairs):
    status, answer, _ = pairs.post("/similarity", first=["a", "b"], second=["a"])
    assert (status, answer["detail"]) == (422, "first and second: expected as many texts in both")


def test_a_full_queue_is_429_and_soon_over(serving):
    client = serving("tagspace", waiting=6, texts=4)
    with Gate(client) as gate, ThreadPoolExecutor(3) as pool:
        taken = [pool.submit(client.post, "/predict", texts=["a"] * 3) for _ in range(2)]
        wait_until(lambda: client.batcher.n_waiting == 6)
        status, answer, headers = client.post("/predict", texts=["b"])
        assert (status, headers["retry-after"]) == (429, "1")
        assert answer["detail"] == "too many texts are waiting: try again later"
        gate.open()
        assert [t.result()[0] for t in taken] == [200, 200]
        assert client.post("/predict", texts=["b"])[0] == 200


def test_texts_that_are_searched_for_are_at_work(serving, monkeypatch):
    client = serving("batchneg", waiting=6, texts=4)
    held, opened, nearest = [], threading.Event(), SemanticIndex.nearest

    def wait(*given):
        held.append(given)
        assert opened.wait(TIMEOUT)
        return nearest(*given)

    monkeypatch.setattr(SemanticIndex, "nearest", wait)
    with ThreadPoolExecutor(3) as pool:
        try:
            taken = [pool.submit(client.post, "/search", texts=["a", "b"]) for _ in range(3)]
            wait_until(lambda: len(held) == 2 and client.batcher.n_waiting == 6)
            assert client.post("/search", texts=["c"])[0] == 429
            assert len(held) == 2  # the third waits for them
        finally:
            opened.set()
        assert [t.result()[0] for t in taken] == [200] * 3
    assert client.post("/search", texts=["c"])[0] == 200


def test_an_answer_that_takes_too_long_is_504_and_is_not_computed_later(serving):
    client = serving("tagspace", seconds=0.2)
    with Gate(client) as gate, ThreadPoolExecutor(2) as pool:
        late = [pool.submit(client.post, "/predict", texts=["a"]) for _ in range(2)]
        assert [answer.result()[0] for answer in late] == [504, 504]
        assert "in time: 0.2 s" in late[0].result()[1]["detail"]
        gate.open()
        wait_until(lambda: client.batcher.n_waiting == 0)
        assert client.post("/predict", texts=["c"])[0] == 200
    assert gate.batches in ([1, 1], [2, 1])


def test_a_token_is_asked_for(serving):
    client = serving("tagspace", token="s3cret")
    for given in (None, "Bearer", "Bearer s3cre", "Bearer s3cret2", "s3cret", "Bearer \xe9"):
        headers = {"Authorization": given} if given else {}
        status, _, sent = client.post("/predict", headers, texts=["a"])
        assert (status, sent["www-authenticate"]) == (401, "Bearer")
    assert client.request("GET", "/metrics")[0] == client.request("GET", "/model")[0] == 401
    assert client.request("GET", "/health")[0] == 200
    assert client.post("/predict", {"Authorization": "Bearer s3cret"}, texts=["a"])[0] == 200


def test_while_it_ends_requests_are_refused(serving):
    client = serving("tagspace")
    client.batcher.closing = True
    status, answer, _ = client.post("/predict", texts=["a"])
    assert (status, answer["detail"]) == (503, "the server is ending")
    assert client.request("GET", "/health")[0] == 503


# ------------------------------------------------------------------ fuzz


def test_malformed_bodies_give_documented_answers_only(tags, pairs):
    seen = set()
    for client, paths in ((tags, ["/predict"]), (pairs, ["/encode", "/similarity", "/search"])):
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=TIMEOUT)
        with contextlib.closing(connection):
            for i, body in enumerate(damaged_bodies(200)):
                headers = {"Content-Type": "application/json"}
                connection.request("POST", paths[i % len(paths)], body, headers)
                answer = connection.getresponse()
                content = json.loads(answer.read())
                assert answer.status in (200, 400, 413, 422), (answer.status, body)
                assert answer.status == 200 or isinstance(content["detail"], str)
                seen.add(answer.status)
        assert client.request("GET", "/health")[0] == 200
    assert seen >= {200, 400, 422}
