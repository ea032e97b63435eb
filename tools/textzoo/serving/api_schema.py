"""What requests to a server may be, within which limits, and what it answers."""

from dataclasses import dataclass
from typing import Annotated, Any, Optional, Union

import pydantic
from fastapi import Depends
from fastapi.security import HTTPBearer

ERRORS = {
    400: "the body is not JSON",
    401: "the bearer token is missing or wrong",
    408: "the body did not arrive in time",
    413: "the body is too large",
    415: "the content type is not application/json",
    422: "JSON of another form, too many texts, a text that is too long or cannot be read",
    429: "too many texts are waiting: try again later",
    503: "the server is ending, has too many connections, or its index does not answer",
    504: "the answer was not ready in time",
}

# Tells OpenAPI that a token may be needed; `guard.Guard` looks at it.
TOKEN = [Depends(HTTPBearer(auto_error=False))]


@dataclass(frozen=True)
class Limits:
    """What a server takes.

    Attributes:
        body: bytes of a request.
        texts: texts of a request.
        characters: of a text.
        results: tags or texts that may be asked for, for each text.
        batch: a batch takes requests until it has so many texts.
        waiting: texts at work or waiting, of all requests.
        seconds: until an answer has to be ready, and until a body has to be there.
        connections: open at once.
    """

    body: int = 1 << 20
    texts: int = 256
    characters: int = 20_000
    results: int = 100
    batch: int = 32
    waiting: int = 2048
    seconds: float = 10.0
    connections: int = 1000


class _Answer(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(protected_namespaces=())


class Tag(_Answer):
    """A tag and its score."""

    tag: str
    score: float


class Prediction(_Answer):
    """What is predicted for one text."""

    predicted: Optional[Union[list[str], dict[str, int]]] = None
    top: list[Tag]


class Predictions(_Answer):
    """The answer of /predict."""

    predictions: list[Prediction]


class Embeddings(_Answer):
    """The answer of /encode."""

    embeddings: list[list[float]]


class Similarities(_Answer):
    """The answer of /similarity."""

    similarities: list[float]


class Found(_Answer):
    """A text that was found and its cosine."""

    text: str
    score: float


class Results(_Answer):
    """The answer of /search."""

    results: list[list[Found]]


def texts_type(limits: Limits, most: int) -> Any:
    """The type of a request's list of texts, at most so many."""
    text = Annotated[str, pydantic.Field(max_length=limits.characters)]
    return Annotated[list[text], pydantic.Field(min_length=1, max_length=most)]


def request_model(name: str, **fields: Any) -> type[pydantic.BaseModel]:
    """The type of a request: no other fields than these, and nothing is converted."""
    settings = pydantic.ConfigDict(strict=True, extra="forbid")
    return pydantic.create_model(name, __config__=settings, **fields)


def documented(answer: type[pydantic.BaseModel]) -> dict[str, Any]:
    """The arguments that say in OpenAPI what a path answers and that a token may be needed."""
    errors = {status: {"description": text} for status, text in ERRORS.items()}
    return {
        "responses": {200: {"model": answer}, **errors},
        "dependencies": TOKEN,
    }
