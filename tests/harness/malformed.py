"""Requests that are nearly right, far off, and everything between; the same for each seed."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

_ODD = [
    *("", " ", "\x00", "\u2028", "é" * 3000, "🙂" * 9, "𠮷", "\ud800", "a\tb\nc", "\u202e"),
    *(None, True, 0, -1, 1e308, float("nan"), float("inf"), 10**400, [], {}, [[]]),
]
_KEYS = ["texts", "top_k", "k", "first", "second", "__proto__", "", "textS"]
_EXTREME = (
    b"[" * 100_000,
    b'{"texts":' * 5000,
    b'{"texts": ["a"], "top_k": 1e999}',
    b"\xef\xbb\xbf{}",
    b'{"texts": [%s""]}' % (b'"",' * 300_000),
    b"{%s}" % b",".join(b'"%d": 0' % i for i in range(50_000)),
    b" " * (2 << 20),
)
_METHODS = [
    *(b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE", b"CONNECT", b"PATCH", b"PRI"),
    *(b"post", b"", b"P\x00ST", b"POST" * 500, b"\xff"),
]
_TARGETS = [
    *(b"/", b"/health", b"/metrics", b"/model", b"/openapi.json", b"/page.js", b"/predict/"),
    *(b"/encode", b"*", b"", b"//", b"/../../etc/passwd", b"/%2e%2e/%00", b"/%ff%zz%", b"/\xff"),
    *(b"http://elsewhere/predict", b"elsewhere:80", b"/" * 70_000, b"/?" + b"&a=" * 300, b"/#"),
]
_VERSIONS = [b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.9", b"HTTP/11", b"", b"http/1.1"]
_HEADERS = [
    *(b"Host: b", b"Host:", b"X", b": x", b"X Y: z", b"X : z", b" folded", b"X: \x00", b"X: \xff"),
    *(b"X: " + b"y" * 20_000, b"Cookie: " + b";" * 200, b"Content-Type: text/plain"),
    *(b"Content-Type: \xff", b"Content-Type: application/json; charset=utf-7"),
    *(b"Content-Length: %s" % n for n in (b"0", b"-1", b"x", b"1e3", b"99999999999", b"9" * 5000)),
    *(b"Transfer-Encoding: %s" % kind for kind in (b"chunked", b"gzip", b"gzip, chunked", b"")),
    *(b"Connection: %s" % kind for kind in (b"close", b"keep-alive", b"upgrade", b",", b"x\xff")),
    *(b"Upgrade: websocket", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk", b"TE: trailers"),
    *(b"Expect: 100-continue", b"Expect: x", b"Authorization: Bearer \xff", b"Range: bytes=9-1"),
    *(b"X-Forwarded-For: \xff, [", b"X-Forwarded-Proto: wss", b"Accept-Encoding: br;q=x"),
]
_OTHER_PROTOCOLS = [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),  # TLS
    *(b"SSH-2.0-x\r\n", b"*1\r\n$4\r\nPING\r\n", b"\x00" * 70_000, b"\r\n" * 50_000, b"GET /\r\n"),
]


def damaged_bodies(n: int) -> Iterator[bytes]:
    """Bodies of JSON, most of them of another form or damaged, and the worst that we know."""
    draw = random.Random(7)
    for _ in range(n):
        yield _body(draw)
    yield from _EXTREME


def _body(draw: random.Random) -> bytes:
    def value(depth=0):
        kind = draw.randrange(4 if depth < 3 else 2)
        if kind < 2:
            return draw.choice(_ODD)
        if kind == 2:
            return [value(depth + 1) for _ in range(draw.randrange(4))]
        return {draw.choice(_KEYS): value(depth + 1) for _ in range(draw.randrange(4))}

    fields = {"texts": value()}
    if draw.random() < 0.5:
        fields = {name: [str(draw.choice(_ODD))] for name in ("texts", "first", "second")}
        fields = {name: fields[name] for name in draw.sample(list(fields), draw.choice([1, 2]))}
    if draw.random() < 0.5:
        fields[draw.choice(_KEYS)] = value()
    body = json.dumps(fields).encode()
    for _ in range(draw.choice([0, 0, 1, 3])):
        at = draw.randrange(len(body))
        body = body[:at] + draw.choice([b"", b"\xff", b"{", b'"', b"9" * 5000]) + body[at + 1 :]
    return body


@dataclass(frozen=True)
class Sent:
    """What a client sends over one connection.

    Attributes:
        pieces: sent one after the other.
        ending: what it does then: `listens`, `shuts` its half of the connection, or `leaves`.
    """

    pieces: list[bytes]
    ending: str


def malformed_requests(n: int, path: str, seed: int) -> Iterator[Sent]:
    """Connections of clients that do not know HTTP, or know it too well.

    Args:
        n: how many.
        path: one that takes texts.
        seed: of the random numbers.
    """
    draw = random.Random(seed)
    for _ in range(n):
        if draw.random() < 0.03:
            data = draw.choice(_OTHER_PROTOCOLS)
        else:
            requests = [_request(draw, path.encode()) for _ in range(draw.choice([1, 1, 1, 2, 3]))]
            data = b"".join(requests)
        for _ in range(draw.choice([0, 0, 0, 0, 1, 2])):
            data = _damaged(draw, data)
        cuts = sorted(draw.randrange(len(data) + 1) for _ in range(draw.choice([0, 0, 1, 4])))
        pieces = [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)])]
        ending = draw.choice(["listens"] * 4 + ["shuts", "leaves"])
        yield Sent(pieces, ending)


def _request(draw: random.Random, path: bytes) -> bytes:
    """A request with a few faults, or none."""

    def often(usual: bytes, others: list[bytes]) -> bytes:
        return usual if draw.random() < 0.93 else draw.choice(others)

    body = b'{"texts": ["a"]}' if draw.random() < 0.3 else _body(draw)
    if draw.random() < 0.01:
        body = draw.choice(_EXTREME)
    lines = [b"Host: a", often(b"Content-Type: application/json", _HEADERS)]
    if draw.random() < 0.3:
        size = draw.choice([1, 7, 1000, len(body) + 1])
        parts = [body[i : i + size] for i in range(0, min(len(body), 50 * size), size)]
        chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
        body = b"".join(chunks) + often(b"0\r\n\r\n", [b"", b"0\r\nX: y", b"-1\r\n", b"zz\r\n\r\n"])
        lines.append(b"Transfer-Encoding: chunked")
    else:
        length = len(body) + draw.choice([0, 0, 0, 0, 0, -1, 1, 1000])
        lines.append(b"Content-Length: %d" % length)
    lines += draw.sample(_HEADERS, draw.choice([0, 0, 0, 0, 1, 2]))
    draw.shuffle(lines)
    start = [often(b"POST", _METHODS), often(path, _TARGETS), often(b"HTTP/1.1", _VERSIONS)]
    end = often(b"\r\n", [b"\n", b"\r", b"\x00"])
    return end.join([b" ".join(start), *lines, b"", body])


def _damaged(draw: random.Random, data: bytes) -> bytes:
    """Bytes with one place cut out, doubled, replaced, or everything after it missing."""
    at = draw.randrange(min(len(data), 400) + 1)  # most of it in the head
    to = at + draw.choice([1, 2, 30])
    middle = draw.choice(
        [b"", data[at:to] * 2, draw.choice([b"\r\n", b"\x00", b"\xff", b":", b" "])]
    )
    return data[:at] if draw.random() < 0.2 else data[:at] + middle + data[to:]
