"""The server that the application runs in: uvicorn, which waits for no client without end."""

import functools
import json
import signal
import sys
from asyncio import TimerHandle, Transport
from collections import OrderedDict
from http import HTTPStatus
from types import FrameType
from typing import Any, Optional, cast

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from textzoo.serving.limits import MAX_HEAD, Limits

# With too many connections, one that has asked for nothing for so long makes room for the next:
# of clients that come together, each has the time to ask.
_PATIENCE = 1.0


class Server(uvicorn.Server):
    """Serves until a signal to stop comes, and refuses requests that begin after it.

    Args:
        app: made by `create_app`.
        limits: those of the application.
    """

    def __init__(self, app: FastAPI, limits: Limits):
        waiting: OrderedDict[Connection, float] = OrderedDict()
        connection = functools.partial(Connection, limits=limits, waiting=waiting)
        super().__init__(
            uvicorn.Config(
                app,
                http=cast(type[H11Protocol], connection),
                ws="none",
                log_level="error",  # a client's mistakes are told to the client
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=limits.connections + 1,
                h11_max_incomplete_event_size=MAX_HEAD,
                timeout_graceful_shutdown=max(1, round(2 * limits.seconds)),
            )
        )
        self._app = app

    def handle_exit(self, sig: int, frame: Optional[FrameType]) -> None:
        """End when what is in flight is answered, or at once if Ctrl-C is pressed again."""
        for model in self._app.state.models:
            model.batcher.closing = True
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


class Connection(H11Protocol):
    """A connection whose client has to send the head of a request, and to take the answer, in time.

    uvicorn itself closes only those that send nothing after an answer.

    Args:
        limits: of the server; `seconds` is the time that a client has.
        waiting: the server's connections that wait for a request, and since when; oldest first.
    """

    def __init__(
        self, *given: Any, limits: Limits, waiting: "OrderedDict[Connection, float]", **named: Any
    ):
        super().__init__(*given, **named)
        self._limits = limits
        self._waiting = waiting
        self._head_timer: Optional[TimerHandle] = None
        self._answer_timer: Optional[TimerHandle] = None

    def connection_made(self, transport: Transport) -> None:  # pyright: ignore
        """Wait for a request, and let another connection make room if there are too many."""
        super().connection_made(transport)
        self._wait()
        while len(self.connections) > self._limits.connections:
            oldest, since = next(iter(self._waiting.items()))
            if self.loop.time() - since < _PATIENCE:
                break
            oldest._close()

    def handle_events(self) -> None:
        """Wait no longer where a request has come."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request, which may have come already."""
        self._wait()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; called while the exception of h11 is handled."""
        if getattr(sys.exc_info()[1], "error_status_hint", 400) == 431:
            self._refuse(431, f"the head is larger than {MAX_HEAD} bytes")
        else:
            self._refuse(400, "this is no request of HTTP/1.1")

    def pause_writing(self) -> None:
        """Give the client time to take what was sent."""
        super().pause_writing()
        self._answer_timer = self.loop.call_later(self._limits.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has taken it."""
        super().resume_writing()
        _cancel(self._answer_timer)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """Wait for nothing more."""
        super().connection_lost(exc)
        self._stop_waiting()
        _cancel(self._answer_timer)

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting[self] = self.loop.time()
        self._head_timer = self.loop.call_later(self._limits.seconds, self._too_late)

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        _cancel(self._head_timer)

    def _too_late(self) -> None:
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(408, f"the head took longer than {self._limits.seconds:g} s")
        else:
            self._close()

    def _refuse(self, status: int, detail: str) -> None:
        """Answer in place of the application, unless that has answered, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            if self.cycle is not None:
                self.cycle.disconnected = True  # it cannot answer any more
            content = json.dumps({"detail": detail}).encode()
            headers = [
                ("content-type", "application/json"),
                ("content-length", str(len(content))),
                ("connection", "close"),
            ]
            for event in (
                h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase),
                h11.Data(data=content),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self._close()

    def _close(self) -> None:
        """Close; what the client has not taken by now is thrown away."""
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.transport.abort()


def _cancel(timer: Optional[TimerHandle]) -> None:
    if timer is not None:
        timer.cancel()
