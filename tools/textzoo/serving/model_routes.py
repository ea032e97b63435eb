"""The paths of one model: its labels, or its embeddings and what is found with them."""

import asyncio
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Optional

import numpy as np
import pydantic
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from textzoo.serving.api_schema import (
    ERRORS,
    TOKEN,
    Body,
    Coverages,
    Embeddings,
    Predictions,
    Results,
    Similarities,
    at_most,
    documented,
    text_within,
)
from textzoo.serving.in_process import SemanticIndex, Tagger, paired_cosines
from textzoo.serving.limits import Limits
from textzoo.serving.micro_batching import Batcher
from textzoo.serving.served import Served
from textzoo.text.reader import Side

_DECIMALS = 7  # of numbers in answers: what a float32 has


def add_model_routes(app: FastAPI, model: Served, limits: Limits) -> None:
    """Have an application answer for a model, by what that is."""
    if model.tagger:
        _add_tag_routes(app, model.path, model.batcher, limits, model.tagger)
    else:
        _add_embedding_routes(app, model.path, model.batcher, limits)
    if model.index is not None:
        _add_search_route(app, model.path, model.batcher, limits, model.index)
    _add_coverage_route(app, model, limits)

    @app.get(f"{model.path}/model", dependencies=TOKEN)
    async def facts() -> dict[str, Any]:
        """What is served, and within which limits."""
        return model.facts


def _add_tag_routes(
    app: FastAPI, path: str, batcher: Batcher, limits: Limits, tagger: Tagger
) -> None:
    explaining = ThreadPoolExecutor(1)  # explanations wait for each other, and nothing for them

    class PredictRequest(Body):
        texts: Annotated[list[Annotated[str, text_within(limits)]], at_most(limits.texts)]
        top_k: Annotated[
            Optional[Annotated[int, pydantic.Field(ge=1, le=limits.results)]],
            pydantic.Field(description="how many of the best tags; default: what the model says"),
        ] = None
        explain: Annotated[
            int,
            pydantic.Field(
                ge=0,
                le=limits.results,
                description="of how many words of a text to tell what they add to each score, and "
                "of how many n-grams of a linear part; takes as long as one text for each word",
            ),
        ] = 0

    @app.post(f"{path}/predict", **documented(Predictions))
    async def predict(request: PredictRequest) -> JSONResponse:
        """The labels of each text, as `infer` predicts them."""
        texts, n = request.texts, request.explain
        top_k = request.top_k or min(tagger.top_k, limits.results)

        async def found() -> list[dict[str, Any]]:
            rows = tagger.predictions(await batcher(texts), top_k)
            loop, explain = asyncio.get_running_loop(), tagger.explainer.explain
            for text, row in zip(texts, rows) if n else ():  # an answer that is late stops here
                await loop.run_in_executor(explaining, explain, [text], [row], n)
            return rows

        return JSONResponse({"predictions": await in_time(found(), limits)})


def _add_embedding_routes(app: FastAPI, path: str, batcher: Batcher, limits: Limits) -> None:
    text, half = text_within(limits), at_most(limits.texts // 2)

    class EncodeRequest(Body):
        texts: Annotated[list[Annotated[str, text]], at_most(limits.texts)]
        side: Annotated[
            Side,
            pydantic.Field(
                description="whether the texts seek or are to be found: which prefix they get, if "
                "the model was trained with some"
            ),
        ] = "query"

    @app.post(f"{path}/encode", **documented(Embeddings))
    async def encode(request: EncodeRequest) -> JSONResponse:
        """The embedding of each text, of length 1."""
        n_queries = len(request.texts) if request.side == "query" else 0
        outputs = await in_time(batcher(request.texts, n_queries), limits)
        return JSONResponse({"embeddings": numbers(outputs["embeddings"])})

    class SimilarityRequest(Body):
        first: Annotated[list[Annotated[str, text]], half]
        second: Annotated[list[Annotated[str, text]], half]

    @app.post(f"{path}/similarity", **documented(Similarities))
    async def similarity(request: SimilarityRequest) -> JSONResponse:
        """The cosine of each text of `first` and the one at its place in `second`."""
        if len(request.first) != len(request.second):
            raise HTTPException(422, "first and second: expected as many texts in both")
        texts, n_queries = [*request.first, *request.second], len(request.first)
        outputs = await in_time(batcher(texts, n_queries), limits)
        return JSONResponse({"similarities": numbers(paired_cosines(outputs["embeddings"]))})


def _add_search_route(
    app: FastAPI, path: str, batcher: Batcher, limits: Limits, index: SemanticIndex
) -> None:
    text = text_within(limits)
    searching = ThreadPoolExecutor(2)  # more at once would take as many times the memory

    class SearchRequest(Body):
        texts: Annotated[list[Annotated[str, text]], at_most(limits.texts)]
        k: Annotated[int, pydantic.Field(ge=1, le=limits.results)] = 10

    @app.post(f"{path}/search", **documented(Results))
    async def search(request: SearchRequest) -> JSONResponse:
        """The nearest texts of the index for each text, best first."""

        async def found() -> list[list[dict[str, Any]]]:
            outputs = await batcher(request.texts)
            loop = asyncio.get_running_loop()
            with batcher.room(len(request.texts)):
                return await loop.run_in_executor(
                    searching, index.nearest, outputs["embeddings"], request.k, request.texts
                )

        return JSONResponse({"results": await in_time(found(), limits)})


def _add_coverage_route(app: FastAPI, model: Served, limits: Limits) -> None:
    class CoverageRequest(Body):
        texts: Annotated[list[Annotated[str, text_within(limits)]], at_most(limits.texts)]
        side: Annotated[Side, pydantic.Field(description="as for /encode")] = "query"

    def coverages(texts: list[str], side: Side) -> list[Optional[dict[str, Any]]]:
        found = [model.model.coverage(text, side) for text in texts]
        return [coverage and coverage._asdict() for coverage in found]

    @app.post(f"{model.path}/coverage", **documented(Coverages))
    async def coverage(request: CoverageRequest) -> JSONResponse:
        """How much of each text the model reads and knows."""
        with model.batcher.room(len(request.texts)):
            loop = asyncio.get_running_loop()
            answer = loop.run_in_executor(None, coverages, request.texts, request.side)
            return JSONResponse({"coverage": await in_time(answer, limits)})


async def in_time(answer: Awaitable[Any], limits: Limits) -> Any:
    """An answer, or status 504 where it is not ready in time."""
    try:
        return await asyncio.wait_for(answer, limits.seconds)
    except asyncio.TimeoutError:
        raise HTTPException(504, f"{ERRORS[504]}: {limits.seconds:g} s") from None


def numbers(array: np.ndarray) -> list[Any]:
    """An array as lists of numbers."""
    return array.astype(np.float64).round(_DECIMALS).tolist()
