"""A served model and clients that send what is not HTTP, not JSON, or not whole.

TEXTZOO_FUZZ is how many connections they make; all are to this machine.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import struct
from collections import Counter
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import pytest
from harness.malformed import malformed_requests
from harness.workspace import TIMEOUT, command_line

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

from harness.served import request, serving_process

N_CONNECTIONS = int(os.environ.get("TEXTZOO_FUZZ", "2000"))
_AT_A_TIME = 100
_SECONDS = 2  # that a client has for a request
_STATUSES = {100, 200, 400, 404, 405, 408, 413, 415, 422, 429, 431, 504}
_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


async def exchanged(port, sent):
    """What the server sends until it closes the connection, which it has to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    with contextlib.closing(writer), contextlib.suppress(OSError):  # may be closed early
        for piece in sent.pieces:
            writer.write(piece)
            await writer.drain()
        if sent.ending == "leaves":
            reset = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, reset)
        else:
            if sent.ending == "shuts":
                writer.write_eof()
            while part := await reader.read(1 << 16):
                received += part
    return received


def statuses(received, sent):
    """The statuses of the answers over one connection; each error says what is wrong."""
    found, at = [], 0
    while answer := _ANSWER.match(received, at):
        at = answer.end()
        status = int(answer.group(1))
        found.append(status)
        if status == 100:
            continue
        length = int(re.search(rb"(?i)content-length: (\d+)", answer.group(2)).group(1))
        content = received[at : at + length]
        if not content or content.startswith(b"HTTP/"):  # of HEAD, or cut off by the end
            continue
        at += length
        if status != 200 and len(content) == length:
            assert isinstance(json.loads(content)["detail"], str), received
    return found


async def exchange_all(port, sents):
    """The statuses of all answers, counted; many connections are open at a time."""
    seen, room = Counter(), asyncio.Semaphore(_AT_A_TIME)

    async def exchange(sent):
        async with room:
            received = await asyncio.wait_for(exchanged(port, sent), TIMEOUT)
        found = statuses(received, sent)
        assert set(found) <= _STATUSES, (sent, received)
        seen.update(found)

    await asyncio.gather(*map(exchange, sents))
    return seen


def resident(process):
    """The bytes of memory that a process has, where Linux tells."""
    statm = Path(f"/proc/{process.pid}/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_malformed_requests_are_answered_or_closed_and_leave_nothing(exported):
    folder = exported("tagspace").folder
    options = ("--port", 0, "--max-seconds", _SECONDS)
    with serving_process(command_line("serve", folder, *options)) as (process, port):
        half = N_CONNECTIONS // 2
        seen = asyncio.run(exchange_all(port, malformed_requests(half, "/predict", seed=1)))
        before = resident(process)
        seen += asyncio.run(exchange_all(port, malformed_requests(half, "/predict", seed=2)))
        assert resident(process) < before + (32 << 20)
        assert request(port, "POST", "/predict", '{"texts": ["a"]}')[0] == 200
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, stdout, stderr) == (0, "stopped\n", "")
    assert seen.keys() >= {200, 400, 404, 405, 408, 415, 422, 431}
