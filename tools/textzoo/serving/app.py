"""An exported model behind HTTP: the application that serve.py runs."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional, Union

import numpy as np
import prometheus_client
import pydantic
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

import textzoo
from textzoo.errors import BadText, NotFinite, UserError
from textzoo.linear.explaining import WITHOUT
from textzoo.serving.api_schema import (
    ERRORS,
    TOKEN,
    Body,
    Embeddings,
    Predictions,
    Results,
    Similarities,
    at_most,
    documented,
    text_within,
)
from textzoo.serving.exported_ensemble import ExportedEnsemble, load_exported
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.guard import Guard
from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger, paired_cosines
from textzoo.serving.limits import Limits
from textzoo.serving.micro_batching import Batcher, Closing, Overloaded
from textzoo.text.reader import Side

log = logging.getLogger("textzoo")

_PAGE = Path(__file__).with_name("page")
_NOT_JSON = "the body is not JSON"
_DECIMALS = 7  # of numbers in answers: what a float32 has


class Metrics:
    """What /metrics tells, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._seconds = prometheus_client.Histogram(
            "textzoo_request_seconds",
            "Time to answer a request",
            ["path", "status"],
            registry=self.registry,
        )
        self.batch_texts = prometheus_client.Histogram(
            "textzoo_batch_texts",
            "Texts computed together",
            buckets=[1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
            registry=self.registry,
        )
        self.waiting = prometheus_client.Gauge(
            "textzoo_waiting_texts", "Texts at work or waiting", registry=self.registry
        )
        self.paths: frozenset[str] = frozenset()

    def observe(self, path: str, status: int, seconds: float) -> None:
        """Count an answer; unknown paths are counted together."""
        path = path if path in self.paths else "other"
        self._seconds.labels(path, str(status)).observe(seconds)


def create_app(
    folder: Path,
    limits: Limits,
    token: Optional[str] = None,
    engine: Optional[str] = None,
    trust_code: bool = False,
    beside: Sequence[Path] = (),
) -> FastAPI:
    """The application that answers for one exported folder, or several as one.

    `app.state.batcher` is what computes; `app.state.facts` what /model tells.

    Args:
        folder: made by export.py.
        limits: what it takes.
        token: what requests have to show; None: nothing.
        engine: `paddle` or `onnx`; default: the first of them that is there.
        trust_code: see `ExportedModel`.
        beside: folders of models whose embeddings stand beside those of `folder`.

    Raises:
        UserError: the folder cannot be loaded.
    """
    model = load_exported([folder, *beside], engine, trust_code)
    metrics = Metrics()
    observe_batch = metrics.batch_texts.observe
    batcher = Batcher(model.encode, model.outputs, limits.batch, limits.waiting, observe_batch)
    metrics.waiting.set_function(lambda: batcher.n_waiting)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        computing = batcher.start()
        yield
        computing.cancel()

    app = FastAPI(
        title=f"TextZoo: {model.manifest.model}",
        version=textzoo.__version__,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.batcher = batcher
    _add_errors(app)
    if model.manifest.kind == "embeddings":
        searched = SemanticIndex(Encoder(model)) if model.manifest.index else None
        _add_embedding_routes(app, batcher, limits, searched)
    else:
        assert isinstance(model, ExportedModel)  # only embeddings stand side by side
        searched = None
        _add_tag_routes(app, batcher, limits, Tagger(model))
    app.state.facts = _facts(model, limits, searched)
    _add_service_routes(app, metrics)
    open_paths = _add_page(app) | {"/health"}
    metrics.paths = frozenset(route.path for route in _routes(app))
    app.add_middleware(
        Guard,
        token=token,
        open_paths=open_paths,
        max_body=limits.body,
        timeout=limits.seconds,
        observe=metrics.observe,
    )
    return app


def _routes(app: FastAPI) -> list[Route]:
    return [route for route in app.routes if isinstance(route, Route)]


def _facts(
    model: Union[ExportedModel, ExportedEnsemble], limits: Limits, searched: Optional[SemanticIndex]
) -> dict[str, Any]:
    manifest = model.manifest
    return {
        "model": manifest.model,
        "kind": manifest.kind,
        "engine": model.engine,
        "checkpoint": manifest.checkpoint.model_dump(),
        "threshold": manifest.threshold,
        "explains": model.linear is not None,
        "indexed_texts": len(searched) if searched else None,
        "examples": manifest.examples,
        "limits": {
            "texts": limits.texts,
            "characters": limits.characters,
            "results": limits.results,
        },
    }


def _add_tag_routes(app: FastAPI, batcher: Batcher, limits: Limits, tagger: Tagger) -> None:
    class PredictRequest(Body):
        texts: Annotated[list[Annotated[str, text_within(limits)]], at_most(limits.texts)]
        top_k: Annotated[int, pydantic.Field(ge=1, le=limits.results)] = min(
            tagger.top_k, limits.results
        )
        explain: Annotated[
            int,
            pydantic.Field(
                ge=0,
                le=limits.results,
                description="of how many n-grams of a text to tell what they add to each score; "
                "for models with a linear part",
            ),
        ] = 0

    @app.post("/predict", **documented(Predictions))
    async def predict(request: PredictRequest) -> JSONResponse:
        """The labels of each text, as `infer` predicts them."""
        texts, n, explainer = request.texts, request.explain, tagger.explainer
        if n and explainer is None:
            raise HTTPException(422, f"explain: {WITHOUT}")

        async def found() -> list[dict[str, Any]]:
            rows = tagger.predictions(await batcher(texts), request.top_k)
            if n and explainer:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(None, explainer.explain, texts, rows, n)
            return rows

        return JSONResponse({"predictions": await _in_time(found(), limits)})


def _add_embedding_routes(
    app: FastAPI, batcher: Batcher, limits: Limits, index: Optional[SemanticIndex]
) -> None:
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

    @app.post("/encode", **documented(Embeddings))
    async def encode(request: EncodeRequest) -> JSONResponse:
        """The embedding of each text, of length 1."""
        n_queries = len(request.texts) if request.side == "query" else 0
        outputs = await _in_time(batcher(request.texts, n_queries), limits)
        return JSONResponse({"embeddings": _numbers(outputs["embeddings"])})

    class SimilarityRequest(Body):
        first: Annotated[list[Annotated[str, text]], half]
        second: Annotated[list[Annotated[str, text]], half]

    @app.post("/similarity", **documented(Similarities))
    async def similarity(request: SimilarityRequest) -> JSONResponse:
        """The cosine of each text of `first` and the one at its place in `second`."""
        if len(request.first) != len(request.second):
            raise HTTPException(422, "first and second: expected as many texts in both")
        texts, n_queries = [*request.first, *request.second], len(request.first)
        outputs = await _in_time(batcher(texts, n_queries), limits)
        return JSONResponse({"similarities": _numbers(paired_cosines(outputs["embeddings"]))})

    if index is None:
        return

    class SearchRequest(Body):
        texts: Annotated[list[Annotated[str, text]], at_most(limits.texts)]
        k: Annotated[int, pydantic.Field(ge=1, le=limits.results)] = 10

    @app.post("/search", **documented(Results))
    async def search(request: SearchRequest) -> JSONResponse:
        """The nearest texts of the index for each text, best first."""

        async def found() -> list[list[dict[str, Any]]]:
            outputs = await batcher(request.texts)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                None, index.nearest, outputs["embeddings"], request.k, request.texts
            )

        return JSONResponse({"results": await _in_time(found(), limits)})


def _add_page(app: FastAPI) -> frozenset[str]:
    """Serve the page, whose files need nothing from elsewhere; their paths."""
    headers = {
        "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }
    names = ("theme.css", "page.css", "page.js")
    files = {"/": "index.html", **{f"/{name}": name for name in names}}
    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

    def add(path: str, file: Path) -> None:
        content, kind = file.read_bytes(), kinds[file.suffix]

        @app.get(path, include_in_schema=False)
        async def page() -> Response:
            return Response(content, media_type=kind, headers=headers)

    for path, name in files.items():
        add(path, _PAGE / name)
    return frozenset(files)


def _add_service_routes(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether requests are taken."""
        if app.state.batcher.closing:
            raise Closing
        return {"status": "ok"}

    @app.get("/model", dependencies=TOKEN)
    async def model() -> dict[str, Any]:
        """What is served, and within which limits."""
        return app.state.facts

    @app.get("/metrics", dependencies=TOKEN)
    async def measured() -> PlainTextResponse:
        """Counts and times in the text format of Prometheus."""
        text = prometheus_client.generate_latest(metrics.registry)
        return PlainTextResponse(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)


async def _in_time(answer: Awaitable[Any], limits: Limits) -> Any:
    try:
        return await asyncio.wait_for(answer, limits.seconds)
    except asyncio.TimeoutError:
        raise HTTPException(504, f"{ERRORS[504]}: {limits.seconds:g} s") from None


def _numbers(array: np.ndarray) -> list[Any]:
    return array.astype(np.float64).round(_DECIMALS).tolist()


def _add_errors(app: FastAPI) -> None:
    """Answer mistakes with a status and one `detail`, which never repeats what was received."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, failure: RequestValidationError) -> JSONResponse:
        errors = failure.errors()
        if any(error["type"] == "json_invalid" for error in errors):
            return _problem(400, _NOT_JSON)
        return _problem(422, "; ".join(map(_explain, errors[:5])))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, failure: HTTPException) -> JSONResponse:
        detail = str(failure.detail)
        if failure.status_code == 404:
            paths = sorted(r.path for r in _routes(app) if "POST" in (r.methods or ()))
            detail = f"no such path; this model has {', '.join(paths)}"
        return _problem(failure.status_code, detail, failure.headers)

    @app.exception_handler(BadText)
    async def unreadable(request: Request, failure: BadText) -> JSONResponse:
        return _problem(422, str(failure))

    @app.exception_handler(NotFinite)
    async def damaged(request: Request, failure: NotFinite) -> JSONResponse:
        log.error("%s", failure)
        return _problem(500, "an output of the net is not finite")

    @app.exception_handler(UserError)
    async def without_index(request: Request, failure: UserError) -> JSONResponse:
        log.error("%s", failure)
        return _problem(503, "the index does not answer")

    @app.exception_handler(Overloaded)
    async def overloaded(request: Request, failure: Overloaded) -> JSONResponse:
        return _problem(429, ERRORS[429], {"retry-after": "1"})

    @app.exception_handler(Closing)
    async def closing(request: Request, failure: Closing) -> JSONResponse:
        return _problem(503, "the server is ending", {"connection": "close"})


def _problem(status: int, detail: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers)


def _explain(error: dict[str, Any]) -> str:
    place = ""
    for part in error["loc"][1:]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    return f"{place or 'body'}: {error['msg']}"
