"""The report of runs at work, served on this machine while they go on."""

import hashlib
import logging
import os
import socketserver
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from itertools import chain
from pathlib import Path
from typing import Any

from textzoo.errors import UserError
from textzoo.logs import start_logging
from textzoo.report.page import Watched, build_page, waiting_page
from textzoo.report.recorded import FOLDS, SEEDS, read_runs
from textzoo.report.repeated import Repeats, runs_in

log = logging.getLogger("textzoo")

_HOST = "127.0.0.1"
_OWN_NAMES = (_HOST, "localhost")
_LOG = "train.log"
_LINES = 15  # of the log that are shown
_TAIL = 1 << 14  # bytes that they are looked for in
_READ = (*("metrics.jsonl", _LOG), *("*/checkpoint.json", "infer/*", "infer/*/*"))


def watch(folders: list[Path], port: int) -> None:
    """Serve a report of runs until SIGINT or SIGTERM; what is not there yet is waited for.

    Args:
        folders: of the runs, their `model_save_path`; or those that `--seeds` or `--folds` makes
            them in.
        port: 0 for any free one.

    Raises:
        UserError: the port is taken, a folder is named twice, or is none.
    """
    start_logging()
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UserError("RUN_DIR: received the same folder twice")
    for folder in folders:
        if os.path.lexists(folder) and not folder.is_dir():
            raise UserError(f"RUN_DIR: {folder} is no folder; expected a run's model_save_path")
    with _Server(_Report(folders), port) as server:
        for folder in folders:
            if not folder.is_dir():
                log.info("waiting for %s", folder)
        names = ", ".join(map(str, folders))
        log.info("watching %s at http://%s:%d (Ctrl-C ends it)", names, _HOST, server.port)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            log.info("stopped")


class _Report:
    """The page as the files are now; it is built when it is asked for and something has changed."""

    def __init__(self, folders: Sequence[Path]):
        self._folders = list(folders)
        self._lock = threading.Lock()
        self._built = self._page = ""

    @property
    def _runs(self) -> list[Path]:
        """The folders of the runs, each once."""
        runs = chain.from_iterable(map(runs_in, self._folders))
        return [*{run.resolve(): run for run in runs}.values()]

    @property
    def state(self) -> str:
        """Another text whenever a file has changed."""
        told = hashlib.sha256()
        spreads = [folder / name for folder in self._folders for name in (SEEDS, FOLDS)]
        files = [sorted(file for name in _READ for file in run.glob(name)) for run in self._runs]
        for path in chain(spreads, *files):
            try:
                facts = path.stat()
            except OSError:  # there is none, or it is replaced at this moment
                continue
            told.update(f"{path}\0{facts.st_mtime_ns}\0{facts.st_size}\0".encode())
        return told.hexdigest()[:16]

    def page(self) -> str:
        """The page, which says of which state it is."""
        with self._lock:
            state = self.state
            if state == self._built:
                return self._page
            awaited: list[str] = []
            folders = self._runs
            runs = read_runs(folders, awaited)
            watched = Watched(state, list(_log_lines(folders)), awaited)
            repeats = Repeats.read(self._folders[0]) if len(self._folders) == 1 else None
            self._page = build_page(runs, watched, repeats) if runs else waiting_page(watched)
            self._built = state
            return self._page


def _log_lines(folders: list[Path]) -> Iterator[str]:
    """The last lines of the logs, those of several runs under their names."""
    for folder in folders:
        try:
            with (folder / _LOG).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            continue
        if len(folders) > 1:
            yield f"{folder}:"
        yield from lines[-_LINES:]


class _Server(socketserver.ThreadingTCPServer):
    """Answers on this machine alone.

    Raises:
        UserError: the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # elsewhere two could have one port

    def __init__(self, report: _Report, port: int):
        self.report = report
        try:
            super().__init__((_HOST, port), _Handler)
        except OSError as failure:
            raise UserError(
                f"--port: cannot serve at {_HOST}:{port}: {failure.strerror}; expected a free one, "
                "such as any: --port 0"
            ) from None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no fault."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        """Answer with the page, or with its state."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in _OWN_NAMES:  # a page of elsewhere whose name leads here
            return self._answer(403, "text/plain", f"expected http://{_HOST}:{self.server.port}")
        path = self.path.partition("?")[0]
        if path == "/":
            return self._answer(200, "text/html", self.server.report.page())
        if path == "/state":
            return self._answer(200, "text/plain", self.server.report.state)
        return self._answer(404, "text/plain", "expected / or /state")

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: a page that asks every two seconds would fill the log."""
