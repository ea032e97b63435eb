"""Servers in threads of the test's process, and requests to them."""

import contextlib
import http.client
import json
import threading
import time

import uvicorn

from harness.workspace import TIMEOUT


class Client:
    """Sends requests to a server that runs in a thread."""

    def __init__(self, app):
        self.app = app
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
        self._thread = threading.Thread(target=self.server.run)
        self._thread.start()
        wait_until(lambda: self.server.started)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    def close(self):
        self.server.should_exit = True
        self._thread.join()

    def request(self, method, path, body=None, headers=None):
        return request(self.port, method, path, body, headers)

    def post(self, path, headers=None, **fields):
        return self.request("POST", path, json.dumps(fields), headers)


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
