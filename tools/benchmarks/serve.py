"""A served model under load from another process, and when there is too much of it."""

import argparse
import contextlib
import http.client
import itertools
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import TOOLS
from benchmarks.arguments import COUNT
from benchmarks.printing import print_table
from textzoo.errors import UserError
from textzoo.serving.manifest import read_manifest

PATHS = {"tags": "/predict", "levels": "/predict", "embeddings": "/encode"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for an exported model, and how much to load it with."""
    parser.add_argument("--exported", type=Path, required=True, help="from export.py")
    parser.add_argument("--connections", type=COUNT, nargs="+", default=[1, 8, 64])
    parser.add_argument("--requests", type=COUNT, default=2000, help="of each row")
    parser.add_argument("--trust-code", action="store_true", help="as serve.py takes it")


def table(
    exported: Path, connections: list[int], requests: int, trust_code: bool
) -> dict[str, Any]:
    """Print and return answers per second and their latency, by the number of connections."""
    trust = ["--trust-code"] if trust_code else []
    figures = under_load(exported, connections, requests, *trust)
    overload = overloaded(exported, 2 * max(connections), requests, *trust)
    print(f"{exported}: {requests} requests of one text, in turn over each connection")
    print_table(
        ["connections", "room for texts", "answers/s", "p50, ms", "p99, ms", "statuses"],
        [
            [
                row["connections"],
                row.get("room", "enough"),
                f"{row['answers_per_second']:.0f}",
                f"{row['p50_ms']:.1f}",
                f"{row['p99_ms']:.1f}",
                ", ".join(f"{n} × {status}" for status, n in row["statuses"].items()),
            ]
            for row in [*figures, overload]
        ],
    )
    return {"load": figures, "overload": overload}


def under_load(
    folder: Path, connections: list[int], n_requests: int, *options: str
) -> list[dict[str, Any]]:
    """Requests of one text each, over so many connections that each wait for their answer."""
    with server(folder, "--max-waiting", str(max(connections) + 256), *options) as port:
        _load(port, folder, 4, 50)  # warms up
        return [{"connections": n, **_load(port, folder, n, n_requests)} for n in connections]


def overloaded(folder: Path, connections: int, n_requests: int, *options: str) -> dict[str, Any]:
    """The same with room for only a quarter of the texts that the connections send at a time."""
    room = max(1, connections // 4)
    with server(folder, "--max-waiting", str(room), "--max-texts", "1", *options) as port:
        figures = _load(port, folder, connections, n_requests)
        return {"connections": connections, "room": room, **figures}


@contextlib.contextmanager
def server(folder: Path, *options: str) -> Iterator[int]:
    """A process that serves a folder, and its port."""
    command = [sys.executable, str(TOOLS / "serve.py"), str(folder)]
    process = subprocess.Popen(
        [*command, "--port", "0", *options], stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdout  # it is a pipe
    try:
        found = re.search(r":(\d+)$", process.stdout.readline().strip())
        if not found:
            raise UserError(f"serve.py ended with status {process.wait()}")
        yield int(found.group(1))
    finally:
        process.terminate()
        process.wait()


def _load(port: int, folder: Path, n_connections: int, n_requests: int) -> dict[str, Any]:
    """Send requests, and count what comes back; the latency is that of answers with status 200."""
    manifest = read_manifest(folder)
    path = PATHS[manifest.kind]
    texts = itertools.cycle(manifest.examples)
    bodies = iter([json.dumps({"texts": [next(texts)]}) for _ in range(n_requests)])
    lock = threading.Lock()
    answers: list[tuple[int, float]] = []

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.closing(connection):
            while True:
                with lock:
                    body = next(bodies, None)
                if body is None:
                    return
                started = time.perf_counter()
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                answers.append((answer.status, time.perf_counter() - started))

    threads = [threading.Thread(target=send) for _ in range(n_connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if len(answers) < n_requests:
        raise UserError(f"{n_requests - len(answers)} of {n_requests} requests had no answer")
    latencies = [1000 * latency for status, latency in answers if status == 200]
    p50, p99 = np.percentile(latencies, [50, 99]) if latencies else (np.nan, np.nan)
    return {
        "answers_per_second": len(latencies) / seconds,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "statuses": dict(sorted(Counter(status for status, _ in answers).items())),
    }
