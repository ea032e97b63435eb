import pytest

from textzoo.serving.problems import openai_status, problem_content


def test_a_detail_is_told_as_it_is():
    assert problem_content("/predict", 422, "texts: missing") == {"detail": "texts: missing"}
    assert problem_content("/v1", 404, "no such path") == {"detail": "no such path"}


@pytest.mark.parametrize(
    ("status", "detail", "kind", "param", "code"),
    [
        (400, "input[3]: too long", "invalid_request_error", "input", None),
        (400, "the body is not JSON", "invalid_request_error", None, None),
        (401, "expected the header `A: B`", "invalid_request_error", None, "invalid_api_key"),
        (404, "model: expected a", "invalid_request_error", "model", "model_not_found"),
        (404, "no such path; there is /a", "invalid_request_error", None, "unknown_url"),
        (429, "too many texts are waiting", "rate_limit_error", None, "rate_limit_exceeded"),
        (503, "the server is ending", "server_error", None, None),
    ],
)
def test_openai_s_errors_have_their_parts(status, detail, kind, param, code):
    error = {"message": detail, "type": kind, "param": param, "code": code}
    assert problem_content("/v1/embeddings", status, detail) == {"error": error}


def test_openai_s_api_knows_no_422():
    assert [openai_status(status) for status in (400, 404, 422, 503)] == [400, 404, 400, 503]
