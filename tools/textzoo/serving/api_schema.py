"""What requests to a server have in common, and what it answers."""

from typing import Any, Literal, Optional, Union

import pydantic
from fastapi import Depends
from fastapi.security import HTTPBearer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from textzoo.linear.fusion import SumIs
from textzoo.serving.limits import Limits

ERRORS = {
    400: "the request is not HTTP/1.1, or its body is not JSON",
    401: "the bearer token is missing or wrong",
    408: "the head or the body did not arrive in time",
    413: "the body is too large",
    415: "the content type is not application/json",
    422: "JSON of another form, too many texts, a text that is too long or cannot be read",
    429: "too many texts are waiting: try again later",
    431: "the head is too large",
    503: "the server is ending, has too many connections, or its index does not answer",
    504: "the answer was not ready in time",
}

_MOST_FIELDS = 16

# Tells OpenAPI that a token may be needed; `guard.Guard` looks at it.
TOKEN = [Depends(HTTPBearer(auto_error=False))]


class Body(pydantic.BaseModel):
    """The body of a request: no other fields than its own, and nothing is converted."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _few_fields(cls, fields: Any) -> Any:
        """Refuse very many fields as a whole: with a complaint for each, all others would wait."""
        if isinstance(fields, dict) and len(fields) > _MOST_FIELDS:
            raise PydanticCustomError(
                "too_many_fields",
                "received {received} fields, expected {expected}",
                {"received": len(fields), "expected": ", ".join(cls.model_fields)},
            )
        return fields


class _Answer(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(protected_namespaces=())


class Word(_Answer):
    """A word of a text, or neighbouring ones, its place, and what it adds to a tag's score."""

    word: str
    start: int
    end: int
    share: float


class Ngram(_Answer):
    """An n-gram of a text and what the linear part adds to a tag's score for it."""

    ngram: str
    share: float


class Tag(_Answer):
    """A tag, its score, and the probability that the text has it, if that is known.

    With `explain`, the words of the text that speak for it or against it, and the n-grams of a
    linear part that speak for it.
    """

    tag: str
    score: float
    probability: Optional[float] = None
    words: Optional[list[Word]] = None
    why: Optional[list[Ngram]] = None


class Prediction(_Answer):
    """What is predicted for one text."""

    predicted: Optional[Union[list[str], dict[str, int]]] = None
    top: list[Tag]
    shares_of: Optional[SumIs] = None


class Predictions(_Answer):
    """The answer of /predict."""

    predictions: list[Prediction]


class Embeddings(_Answer):
    """The answer of /encode."""

    embeddings: list[list[float]]


class Similarities(_Answer):
    """The answer of /similarity."""

    similarities: list[float]


class TextCoverage(_Answer):
    """How much of a text the net reads, and how much of that it knows.

    The net reads the first `limit`, or all; `known` counts those of them that its vocabulary has,
    and `unknown` names some of the others.
    """

    unit: Literal["words", "tokens", "characters"]
    total: int
    limit: Optional[int]
    known: int
    unknown: list[str]


class Coverages(_Answer):
    """The answer of /coverage; None: the model's own reader does not tell."""

    coverage: list[Optional[TextCoverage]]


class Found(_Answer):
    """A text that was found and its score: its cosine, or that mixed with n-grams in common."""

    text: str
    score: float


class ServedModel(_Answer):
    """A model of a server, and what its paths begin with, from the root."""

    name: str
    kind: str
    path: str


class ServedModels(_Answer):
    """The answer of /models."""

    models: list[ServedModel]


class Results(_Answer):
    """The answer of /search."""

    results: list[list[Found]]


def text_within(limits: Limits) -> FieldInfo:
    """What makes the type of one text of a request."""
    return pydantic.Field(max_length=limits.characters)


def at_most(most: int) -> FieldInfo:
    """What makes the type of a request's list of texts."""
    return pydantic.Field(min_length=1, max_length=most)


def documented(answer: type[pydantic.BaseModel], errors: dict[int, str] = ERRORS) -> dict[str, Any]:
    """The arguments that say in OpenAPI what a path answers and that a token may be needed."""
    described = {status: {"description": text} for status, text in errors.items()}
    return {
        "responses": {200: {"model": answer}, **described},
        "dependencies": TOKEN,
    }
