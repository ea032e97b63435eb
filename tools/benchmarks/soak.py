"""The memory of a server under a long load of short texts and of the longest."""

import argparse
import contextlib
import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Optional

from benchmarks.arguments import COUNT
from benchmarks.printing import print_table
from benchmarks.serve import PATHS, server
from textzoo.commands.arguments import number_within
from textzoo.errors import UserError
from textzoo.running.engines import FORMATS
from textzoo.serving.manifest import read_manifest

_LONG = 4000  # characters, beyond the longest text of most models
_SAMPLES = 20
_RESIDENT = re.compile(r"^process_resident_memory_bytes (\S+)$", re.MULTILINE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for an exported model, and how long and how much to load it with."""
    parser.add_argument("--exported", type=Path, required=True, help="from export.py")
    parser.add_argument("--minutes", type=number_within(float, 0.01, 1e6), default=20.0)
    parser.add_argument("--connections", type=COUNT, default=8)
    parser.add_argument("--engine", choices=FORMATS, help="as serve.py takes it")
    parser.add_argument("--trust-code", action="store_true", help="as serve.py takes it")


def table(
    exported: Path, minutes: float, connections: int, engine: Optional[str], trust_code: bool
) -> dict[str, Any]:
    """Print and return the memory of a server that is under load, over time.

    Of ten requests six have one short text, three up to 24 of up to 600 characters, and one up to
    64 of 4,000.
    """
    manifest = read_manifest(exported)
    words = " ".join(manifest.examples).split()
    options = ["--trust-code"] if trust_code else []
    options += ["--engine", engine] if engine else []
    samples, statuses = [], Counter()
    with server(exported, "--max-seconds", "600", *options) as port:
        before = _megabytes(port)
        ends = time.monotonic() + 60 * minutes

        def send(seed: int) -> None:
            chance = random.Random(seed)
            while time.monotonic() < ends:
                body = json.dumps({"texts": _texts(chance, words)}, ensure_ascii=False)
                status, _ = _asked(port, "POST", PATHS[manifest.kind], body.encode())
                statuses[status] += 1

        threads = [threading.Thread(target=send, args=(seed,)) for seed in range(connections)]
        for thread in threads:
            thread.start()
        for i in range(1, _SAMPLES + 1):
            time.sleep(max(0.0, ends - time.monotonic()) / (_SAMPLES + 1 - i))
            samples.append(
                {
                    "minute": minutes * i / _SAMPLES,
                    "answers": sum(statuses.values()),
                    "megabytes": _megabytes(port),
                }
            )
        for thread in threads:
            thread.join()
    print(f"{exported}: {before:.0f} MB before the first request")
    print_table(
        ["minute", "answers", "MB"],
        [[f"{s['minute']:.1f}", s["answers"], f"{s['megabytes']:.0f}"] for s in samples],
    )
    return {"before_megabytes": before, "samples": samples, "statuses": dict(statuses)}


def _texts(chance: random.Random, words: list[str]) -> list[str]:
    """The texts of a request."""
    kind = chance.random()
    n, longest = (1, 60) if kind < 0.6 else (24, 600) if kind < 0.9 else (64, _LONG)
    shortest = _LONG if longest == _LONG else 1
    sizes = [chance.randint(shortest, longest) for _ in range(chance.randint(1, n))]
    return [_text(chance, words, size) for size in sizes]


def _text(chance: random.Random, words: list[str], size: int) -> str:
    """Words until there are so many characters."""
    chosen, length = [], 0
    while length < size:
        chosen.append(chance.choice(words))
        length += len(chosen[-1]) + 1
    return " ".join(chosen)


def _megabytes(port: int) -> float:
    """The resident memory that a server says it has."""
    found = _RESIDENT.search(_asked(port, "GET", "/metrics")[1])
    if not found:
        raise UserError("no process_resident_memory_bytes in /metrics: needs Linux")
    return float(found[1]) / 1e6


def _asked(port: int, method: str, path: str, body: Optional[bytes] = None) -> tuple[int, str]:
    """The status and the content of an answer, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
