"""Embeddings as OpenAI's API has them: its clients find them on a server of the zoo."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Optional, Union

import numpy as np
import pydantic
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException

from textzoo.errors import BadText, UserError
from textzoo.serving.api_schema import ERRORS, TOKEN, Body, at_most, documented, text_within
from textzoo.serving.limits import Limits
from textzoo.serving.model_routes import in_time, numbers
from textzoo.serving.problems import OPENAI_PATH, openai_status
from textzoo.serving.served import TOKENS, Served
from textzoo.text.reader import Side

# What follows a model's name where a text gets the prefix of one side: many clients can choose
# nothing but the model.
_SIDES: dict[str, Side] = {"": "query", "-query": "query", "-passage": "title"}
_ERRORS = {openai_status(status): text for status, text in ERRORS.items()} | {
    400: f"{ERRORS[400]}; or it is {ERRORS[422]}",
    404: "no such model",
}


class OpenAIEmbedding(pydantic.BaseModel):
    """The embedding of one text: numbers, or the base64 of float32, the lowest byte first."""

    object: Literal["embedding"]
    index: int
    embedding: Union[list[float], str]


class OpenAIUsage(pydantic.BaseModel):
    """How many tokens the texts had."""

    prompt_tokens: int
    total_tokens: int


class OpenAIEmbeddings(pydantic.BaseModel):
    """The answer of /v1/embeddings."""

    object: Literal["list"]
    data: list[OpenAIEmbedding]
    model: str
    usage: OpenAIUsage


class OpenAIModel(pydantic.BaseModel):
    """A model that embeds texts."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class OpenAIModels(pydantic.BaseModel):
    """The answer of /v1/models."""

    object: Literal["list"]
    data: list[OpenAIModel]


def add_openai_routes(app: FastAPI, models: Sequence[Served], limits: Limits) -> None:
    """Have an application answer as OpenAI does, for models that embed texts.

    Raises:
        UserError: one of them has the name that another one's texts of one side have.
    """
    named = _named(models)
    text = text_within(limits)

    class EmbeddingsRequest(Body):
        input: Annotated[
            list[Annotated[str, text]],
            pydantic.BeforeValidator(_texts),
            at_most(limits.texts),
        ]
        model: str
        encoding_format: Literal["float", "base64"] = "float"
        dimensions: Optional[Annotated[int, pydantic.Field(ge=1)]] = None
        user: Optional[str] = None

    @app.post(f"{OPENAI_PATH}embeddings", **documented(OpenAIEmbeddings, _ERRORS))
    async def embeddings(request: EmbeddingsRequest, asked: Request) -> JSONResponse:
        """The embedding of each text, of length 1."""
        if request.model not in named:
            known = ", ".join(named)
            raise HTTPException(
                404, f"model: received {request.model[:100]!r}, expected one of {known}"
            )
        model, side = named[request.model]
        asked.state.model = model.name
        width = request.dimensions
        if width is not None and width not in model.model.widths:
            expected = " or ".join(map(str, model.model.widths))
            raise HTTPException(422, f"dimensions: received {width}, expected {expected}")
        n_queries = len(request.input) if side == "query" else 0
        try:
            outputs = await in_time(model.batcher(request.input, n_queries), limits)
        except BadText as problem:
            raise HTTPException(422, str(problem).replace("texts", "input", 1)) from None
        rows = _shortened(outputs["embeddings"], width)
        n_tokens = int(outputs[TOKENS].sum())
        data = _base64(rows) if request.encoding_format == "base64" else numbers(rows)
        return JSONResponse(
            {
                "object": "list",
                "data": [
                    {"object": "embedding", "index": i, "embedding": row}
                    for i, row in enumerate(data)
                ],
                "model": request.model,
                "usage": {"prompt_tokens": n_tokens, "total_tokens": n_tokens},
            }
        )

    @app.get(f"{OPENAI_PATH}models", response_model=OpenAIModels, dependencies=TOKEN)
    async def listed() -> dict[str, Any]:
        """What `model` may be."""
        data = [
            {"id": name, "object": "model", "created": model.exported_at, "owned_by": "textzoo"}
            for name, (model, _) in named.items()
        ]
        return {"object": "list", "data": data}


def _named(models: Sequence[Served]) -> dict[str, tuple[Served, Side]]:
    """What a request may name, and what that is."""
    named: dict[str, tuple[Served, Side]] = {}
    for model in models:
        for ending, side in _SIDES.items():
            name = model.name + ending
            if name in named:
                raise UserError(
                    f"{name}: is the name of a model, and of the {side} side of another one: give "
                    "one of them another name"
                )
            named[name] = model, side
    return named


def _texts(given: Any) -> Any:
    """One text as a list of one; ids of tokens are refused by what they are."""
    if isinstance(given, list) and any(isinstance(each, (int, list)) for each in given[:1]):
        raise PydanticCustomError(
            "token_ids",
            "received ids of tokens, expected a text or a list of texts: the ids of one model's "
            "vocabulary mean nothing to another one",
        )
    return [given] if isinstance(given, str) else given


def _shortened(embeddings: np.ndarray, width: Optional[int]) -> np.ndarray:
    """The first numbers of each embedding, of length 1 again."""
    if width in (None, embeddings.shape[1]):
        return embeddings
    rows = embeddings[:, :width]
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _base64(rows: np.ndarray) -> list[str]:
    return [base64.b64encode(row.tobytes()).decode() for row in rows.astype("<f4")]
