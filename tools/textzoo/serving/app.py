"""Exported models behind HTTP: the application that serve.py runs."""

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Optional

import prometheus_client
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

import textzoo
from textzoo.errors import BadText, NotFinite, UserError
from textzoo.serving.api_schema import ERRORS, TOKEN, ServedModels
from textzoo.serving.guard import Guard
from textzoo.serving.limits import Limits
from textzoo.serving.measuring import Metrics
from textzoo.serving.micro_batching import Closing, Overloaded
from textzoo.serving.model_routes import add_model_routes
from textzoo.serving.openai_routes import add_openai_routes
from textzoo.serving.problems import OPENAI_PATH, openai_status, problem_content
from textzoo.serving.served import Served

log = logging.getLogger("textzoo")

_PAGE = Path(__file__).with_name("page")
_NOT_JSON = "the body is not JSON"


def create_app(
    folders: Mapping[str, Sequence[Path]],
    limits: Limits,
    token: Optional[str] = None,
    engine: Optional[str] = None,
    trust_code: bool = False,
) -> FastAPI:
    """The application that answers for exported folders; `app.state.models` are what it serves.

    Args:
        folders: made by export.py, by the name of what they are served as; of several folders of
            one name the embeddings stand side by side. One with an empty name has the paths of
            the root.
        limits: what it takes.
        token: what requests have to show; None: nothing.
        engine: `paddle` or `onnx`; default: the first of them that is there.
        trust_code: see `ExportedModel`.

    Raises:
        UserError: a folder cannot be loaded, or two names are too alike.
    """
    metrics = Metrics()
    models = [
        Served(name, paths, limits, metrics, engine, trust_code) for name, paths in folders.items()
    ]

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        computing = [model.batcher.start() for model in models]
        yield
        for task in computing:
            task.cancel()

    app = FastAPI(
        title=f"TextZoo: {', '.join(model.name for model in models)}",
        version=textzoo.__version__,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.models = models
    _add_errors(app)
    _add_service_routes(app, metrics)
    if embedding := [model for model in models if not model.tagger]:
        add_openai_routes(app, embedding, limits)
    open_paths = _add_page(app) | {"/health"}
    metrics.paths = {route.path: ("", route.path) for route in _routes(app)}
    for model in models:
        add_model_routes(app, model, limits)
        added = {route.path for route in _routes(app)} - metrics.paths.keys()
        metrics.paths |= {path: (model.name, path.removeprefix(model.path)) for path in added}
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
    models: list[Served] = app.state.models

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether requests are taken, by all models."""
        if any(model.batcher.closing for model in models):
            raise Closing
        return {"status": "ok"}

    @app.get("/models", response_model=ServedModels, dependencies=TOKEN)
    async def served() -> dict[str, Any]:
        """What is served."""
        return {
            "models": [
                {"name": model.name, "kind": model.facts["kind"], "path": model.path}
                for model in models
            ]
        }

    @app.get("/metrics", dependencies=TOKEN)
    async def measured() -> PlainTextResponse:
        """Counts and times in the text format of Prometheus."""
        return PlainTextResponse(metrics.text(), media_type=prometheus_client.CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    """Answer mistakes with a status and one `detail`, which never repeats what was received."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, failure: RequestValidationError) -> JSONResponse:
        errors = failure.errors()
        if any(error["type"] == "json_invalid" for error in errors):
            return _problem(request, 400, _NOT_JSON)
        return _problem(request, 422, "; ".join(map(_explain, errors[:5])))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, failure: HTTPException) -> JSONResponse:
        detail = str(failure.detail)
        if failure.status_code == 404 and detail == HTTPStatus(404).phrase:
            paths = sorted(r.path for r in _routes(app) if "POST" in (r.methods or ()))
            detail = f"no such path; this server has {', '.join(paths)}"
        return _problem(request, failure.status_code, detail, failure.headers)

    @app.exception_handler(BadText)
    async def unreadable(request: Request, failure: BadText) -> JSONResponse:
        return _problem(request, 422, str(failure))

    @app.exception_handler(NotFinite)
    async def damaged(request: Request, failure: NotFinite) -> JSONResponse:
        log.error("%s", failure)
        return _problem(request, 500, "an output of the net is not finite")

    @app.exception_handler(UserError)
    async def without_index(request: Request, failure: UserError) -> JSONResponse:
        log.error("%s", failure)
        return _problem(request, 503, "the index does not answer")

    @app.exception_handler(Overloaded)
    async def overloaded(request: Request, failure: Overloaded) -> JSONResponse:
        return _problem(request, 429, ERRORS[429], {"retry-after": "1"})

    @app.exception_handler(Closing)
    async def closing(request: Request, failure: Closing) -> JSONResponse:
        return _problem(request, 503, "the server is ending", {"connection": "close"})


def _problem(request: Request, status: int, detail: str, headers: Any = None) -> JSONResponse:
    path = request.url.path
    if path.startswith(OPENAI_PATH):
        status = openai_status(status)
    return JSONResponse(problem_content(path, status, detail), status, headers)


def _explain(error: dict[str, Any]) -> str:
    place = ""
    for part in error["loc"][1:]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    return f"{place or 'body'}: {error['msg']}"
