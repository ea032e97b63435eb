"""OpenAI's API, with plain HTTP, against the library."""

import base64
import json
import shutil

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

from harness.exports import repair
from harness.served import Client

from textzoo.errors import UserError
from textzoo.serving.app import create_app
from textzoo.serving.in_process import Encoder
from textzoo.serving.limits import Limits

TEXTS = ["how to cook rice", "停车", "how"]


@pytest.fixture(scope="module")
def folder(exported, tmp_path_factory):
    """An export whose titles have a prefix, of a model that was trained to be cut off."""
    folder = tmp_path_factory.mktemp("openai") / "exported"
    shutil.copytree(exported("batchneg").folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    arguments = {**manifest["reader"]["arguments"], "title_prefix": "passage: "}
    repair(
        folder,
        index=None,
        reader={**manifest["reader"], "arguments": arguments},
        hyper_parameters={**manifest["hyper_parameters"], "matryoshka_dims": [64, 16]},
    )
    shutil.rmtree(folder / "index")
    repair(folder)
    return folder


@pytest.fixture(scope="module")
def start(folder):
    """A function that serves this export as `own`."""
    clients = []

    def started(token=None, **limits):
        chosen = Limits(**limits)
        clients.append(Client(create_app({"own": [folder]}, chosen, token), chosen))
        return clients[-1]

    yield started
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def client(start):
    return start()


@pytest.fixture(scope="module")
def encoder(folder):
    return Encoder.load(folder)


def embedded(client, **fields):
    """The rows of an answer, and the rest of it."""
    status, answer, _ = client.post("/v1/embeddings", **{"model": "own", **fields})
    assert status == 200, answer
    rows = answer.pop("data")
    assert [(row["object"], row["index"]) for row in rows] == [
        ("embedding", i) for i in range(len(rows))
    ]
    return [row["embedding"] for row in rows], answer


def test_embeddings_are_those_of_the_library_with_their_tokens_counted(client, encoder):
    rows, rest = embedded(client, input=TEXTS, user="someone")
    np.testing.assert_allclose(rows, encoder.encode(TEXTS), atol=1e-6)
    n_tokens = sum(len(row["text"]) for row in encoder.model.encode(TEXTS))
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    assert rest == {"object": "list", "model": "own", "usage": usage}
    one, rest = embedded(client, input=TEXTS[1])
    np.testing.assert_allclose(one, encoder.encode(TEXTS[1:2]), atol=1e-6)
    assert rest["usage"]["total_tokens"] == len(encoder.model.encode(TEXTS[1:2])[0]["text"])


def test_base64_holds_the_numbers(client):
    numbers, _ = embedded(client, input=TEXTS, encoding_format="float")
    coded, _ = embedded(client, input=TEXTS, encoding_format="base64")
    decoded = [np.frombuffer(base64.b64decode(row), "<f4") for row in coded]
    np.testing.assert_allclose(decoded, numbers, atol=1e-6)


def test_a_side_is_named_behind_the_model(client, encoder):
    sides = {"own": "query", "own-query": "query", "own-passage": "title"}
    for name, side in sides.items():
        rows, rest = embedded(client, input=TEXTS, model=name)
        np.testing.assert_allclose(rows, encoder.encode(TEXTS, side), atol=1e-6)
        assert rest["model"] == name
    assert not np.allclose(encoder.encode(TEXTS, "title"), encoder.encode(TEXTS), atol=1e-3)
    listed = client.request("GET", "/v1/models")[1]
    assert [model["id"] for model in listed["data"]] == list(sides)
    assert all(model["object"] == "model" and model["created"] > 0 for model in listed["data"])


def test_embeddings_are_cut_off_where_they_were_trained_to_be(client, encoder):
    whole = encoder.encode(TEXTS)
    cut = whole[:, :16] / np.linalg.norm(whole[:, :16], axis=1, keepdims=True)
    np.testing.assert_allclose(embedded(client, input=TEXTS, dimensions=16)[0], cut, atol=1e-6)
    np.testing.assert_allclose(embedded(client, input=TEXTS, dimensions=64)[0], whole, atol=1e-6)
    assert encoder.model.widths == [16, 64]


@pytest.mark.parametrize(
    ("fields", "status", "param", "says"),
    [
        ({"input": [1, 2]}, 400, "input", "input: received ids of tokens, expected a text"),
        ({"input": [[1, 2]]}, 400, "input", "input: received ids of tokens, expected a text"),
        ({"input": []}, 400, "input", "input: "),
        ({"input": ["a"] * 5}, 400, "input", "input: "),
        ({"input": ["a", " "]}, 400, "input", "input[1]: received an empty text"),
        ({"input": ["a", "x" * 101]}, 400, "input", "input[1]: String should have at most 100"),
        ({"input": None}, 400, "input", "input: Input should be a valid list"),
        (
            {"model": "other"},
            404,
            "model",
            "model: received 'other', expected one of own, own-query, own-passage",
        ),
        ({"dimensions": 32}, 400, "dimensions", "dimensions: received 32, expected 16 or 64"),
        ({"dimensions": 0}, 400, "dimensions", "dimensions: Input should be greater than"),
        ({"encoding_format": "hex"}, 400, "encoding_format", "encoding_format: Input should be"),
        ({"n": 2}, 400, "n", "n: Extra inputs are not permitted"),
    ],
)
def test_mistakes_are_told_as_openai_tells_them(small, fields, status, param, says):
    given = {"model": "own", "input": "a", **fields}
    received, answer, _ = small.post("/v1/embeddings", **given)
    assert (received, answer["error"]["param"]) == (status, param)
    assert answer["error"]["message"].startswith(says)
    assert answer["error"]["type"] == "invalid_request_error"


@pytest.fixture(scope="module")
def small(start):
    return start(texts=4, characters=100, body=1000, waiting=4)


def test_what_never_reaches_the_model_is_told_in_the_same_form(small):
    given = json.dumps({"model": "own", "input": "a"})
    for body, headers, status, code in (
        ("{", {}, 400, None),
        (" " * 1001, {}, 413, None),
        (given, {"Content-Type": "text/plain"}, 415, None),
    ):
        received, answer, _ = small.request("POST", "/v1/embeddings", body, headers)
        assert (received, answer["error"]["code"]) == (status, code)
    assert small.request("GET", "/v1/other")[1]["error"]["code"] == "unknown_url"
    small.batcher.n_waiting = 4
    status, answer, headers = small.request("POST", "/v1/embeddings", given)
    small.batcher.n_waiting = 0
    assert (status, headers["retry-after"]) == (429, "1")
    assert answer["error"]["code"] == "rate_limit_exceeded"


def test_the_token_is_openai_s_key(start):
    client, given = start(token="s3cret"), json.dumps({"model": "own", "input": "a"})
    for key, status in (("s3cret", 200), ("s3cre", 401)):
        headers = {"Authorization": f"Bearer {key}"}
        received, answer, _ = client.request("POST", "/v1/embeddings", given, headers)
        assert received == status
    assert answer["error"]["code"] == "invalid_api_key"


def test_a_name_that_is_also_that_of_a_side_is_refused(folder):
    with pytest.raises(UserError, match="a-query: is the name of a model, and of"):
        create_app({"a": [folder], "a-query": [folder]}, Limits())


def test_a_server_of_labels_alone_has_no_embeddings(serving):
    client = serving("tagspace")
    assert client.request("GET", "/v1/models")[0] == 404
    assert client.post("/v1/embeddings", model="tagspace", input="a")[0] == 404
