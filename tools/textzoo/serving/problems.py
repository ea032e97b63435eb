"""How a server says what is wrong: `{"detail": ...}`, or in OpenAI's form in OpenAI's API."""

import re
from typing import Any

OPENAI_PATH = "/v1/"

_FIELD = re.compile(r"(\w+)[^:\s]*: ")  # what a detail begins with that is about a field
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def openai_status(status: int) -> int:
    """A status in OpenAI's API, which knows no 422."""
    return 400 if status == 422 else status


def problem_content(path: str, status: int, detail: str) -> dict[str, Any]:
    """The body of an answer that is none.

    Args:
        path: that was asked for.
        status: of the answer.
        detail: what is wrong; of a field, with its name and a colon before it.
    """
    if not path.startswith(OPENAI_PATH):
        return {"detail": detail}
    field = _FIELD.match(detail)
    is_unknown_path = status == 404 and not field
    kind = {429: "rate_limit_error"}.get(status, "invalid_request_error")
    return {
        "error": {
            "message": detail,
            "type": "server_error" if status >= 500 else kind,
            "param": field[1] if field else None,
            "code": "unknown_url" if is_unknown_path else _CODES.get(status),
        }
    }
