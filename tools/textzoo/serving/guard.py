"""What every request passes before it is looked at: token, size, time; and is counted."""

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Optional

from textzoo.serving.limits import MAX_HEAD
from textzoo.serving.problems import problem_content

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# So much of a body that is too large is read and thrown away: a client that only listens after it
# has sent all then sees the answer.
_READ_ON = 16


class Refused(Exception):
    """A request that is answered without being looked at."""

    def __init__(self, status: int, detail: str):
        self.status = status
        self.detail = detail


class Guard:
    """ASGI middleware: reads the whole body within limits, and counts the answers.

    Args:
        app: what answers.
        token: what requests have to show as a bearer token; None: nothing.
        open_paths: what may be had without the token.
        max_body: bytes of a body.
        timeout: seconds that a body may take to arrive.
        observe: told the scope, the status and the seconds of each answer.
    """

    def __init__(
        self,
        app: Any,
        token: Optional[str],
        open_paths: frozenset[str],
        max_body: int,
        timeout: float,
        observe: Callable[[dict[str, Any], int, float], None],
    ):
        self._app = app
        self._token = token.encode() if token else None
        self._open_paths = open_paths
        self._max_body = max_body
        self._timeout = timeout
        self._observe = observe

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Handle one connection of ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            _check_head(scope)
            self._check_token(scope)
            body = await self._body(receive)
            _check_content_type(scope)
            await self._app(scope, _once(body, receive), note_status)
        except Refused as refused:
            await _refuse(scope["path"], refused, note_status)
        except ConnectionError:
            status = 499  # the client has gone; the number is that of nginx
        finally:
            self._observe(scope, status, time.perf_counter() - started)

    def _check_token(self, scope: dict[str, Any]) -> None:
        if self._token is None or scope["path"] in self._open_paths:
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, b"Bearer " + self._token):
            raise Refused(401, "expected the header `Authorization: Bearer TOKEN`")

    async def _body(self, receive: Receive) -> bytes:
        try:
            return await asyncio.wait_for(self._read(receive), self._timeout)
        except asyncio.TimeoutError:
            raise Refused(408, f"the body took longer than {self._timeout:g} s") from None

    async def _read(self, receive: Receive) -> bytes:
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            part = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(part)
            if size <= self._max_body:
                parts.append(part)
            elif size > _READ_ON * self._max_body:
                break
        if size > self._max_body:
            raise Refused(413, f"the body is larger than {self._max_body} bytes")
        return b"".join(parts)


def _check_head(scope: dict[str, Any]) -> None:
    """Refuse a head that is too large, and came so fast that the server had it in one piece."""
    size = len(scope["method"]) + len(scope["raw_path"]) + len(scope["query_string"])
    size += sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])
    if size > MAX_HEAD:
        raise Refused(431, f"the head is larger than {MAX_HEAD} bytes")


def _check_content_type(scope: dict[str, Any]) -> None:
    """Refuse what a page from elsewhere can send without the browser asking first."""
    given = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
    if scope["method"] == "POST" and given != b"application/json":
        raise Refused(415, "expected the header `Content-Type: application/json`")


def _once(body: bytes, receive: Receive) -> Receive:
    """Gives the body, and after it what the server gives."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


async def _refuse(path: str, refused: Refused, send: Send) -> None:
    content = json.dumps(problem_content(path, refused.status, refused.detail)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    else:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
