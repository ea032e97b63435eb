"""Servers in threads of the test's process, and requests to them."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import threading
import time

from harness.workspace import ENVIRONMENT, TIMEOUT
from textzoo.serving.server import Server


class Client:
    """Sends requests to a server that runs in a thread."""

    def __init__(self, app, limits):
        self.models = app.state.models
        self.batcher = self.models[0].batcher
        self.facts = self.models[0].facts
        self.server = Server(app, limits)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(target=self.server.run, args=([listener],))
        self._thread.start()
        wait_until(lambda: self.server.started)

    def close(self):
        self.server.should_exit = True
        self._thread.join()

    def request(self, method, path, body=None, headers=None):
        return request(self.port, method, path, body, headers)

    def post(self, path, headers=None, **fields):
        return self.request("POST", path, json.dumps(fields), headers)


class Gate:
    """Holds the computing of a client's server up until it is opened."""

    def __init__(self, client):
        self._batcher = client.batcher
        self._compute = self._batcher._compute
        self._batcher._compute = self._held
        self.batches = []
        self._opened = threading.Event()

    def _held(self, rows):
        self.batches.append(len(rows))
        assert self._opened.wait(TIMEOUT)
        return self._compute(rows)

    def open(self):
        self._opened.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()
        self._batcher._compute = self._compute


def request(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    with contextlib.closing(connection):
        kind = {"Content-Type": "application/json"}
        connection.request(method, path, body, {**kind, **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
        is_json = answer.headers["content-type"] == "application/json"
        return answer.status, json.loads(content) if is_json else content.decode(), answer.headers


def wait_until(condition):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextlib.contextmanager
def serving_process(arguments):
    """A process that serves, once it does, and its port."""
    process = subprocess.Popen(
        arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("serving"), line + process.stderr.read()
        yield process, int(re.search(r"at http://127\.0\.0\.1:(\d+)$", line.strip()).group(1))
    finally:
        process.kill()
        process.communicate()
