import contextlib
import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.workspace import TIMEOUT

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

from harness.served import Gate, wait_until

from textzoo.serving import server

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def hasty(serving):
    return serving("tagspace", seconds=0.3)


@pytest.fixture(scope="module")
def patient(serving):
    return serving("tagspace")


def connected(client, sent=b""):
    connection = socket.create_connection(("127.0.0.1", client.port), timeout=TIMEOUT)
    connection.sendall(sent)
    return connection


def received(connection):
    """All that comes until the server closes the connection."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def is_closed_while_sending(connection):
    """Whether the server ends a connection whose client goes on to send, a byte at a time."""
    connection.settimeout(0.02)
    for _ in range(50 * TIMEOUT):
        with contextlib.suppress(socket.timeout):
            try:
                connection.sendall(b"x")
                if not connection.recv(1 << 16):
                    return True
            except ConnectionError:
                return True
    return False


# ------------------------------------------------------------------ slow clients


@pytest.mark.parametrize("sent", [b"G", HEALTH, HEALTH + b"X: y"])
def test_a_head_that_does_not_arrive_is_408(hasty, sent):
    with connected(hasty, sent) as connection:
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
        "detail": "the head took longer than 0.3 s"
    }


@pytest.mark.parametrize("sent", [b"", HEALTH + b"\r\n", POST + b"Content-Length: 2\r\n\r\n{}"])
def test_a_connection_that_asks_nothing_more_is_closed(hasty, sent):
    with connected(hasty, sent) as connection:
        assert received(connection).count(b"HTTP/1.1") == bool(sent)


def test_a_head_that_comes_byte_by_byte_has_no_longer(hasty):
    with connected(hasty, HEALTH + b"X: ") as connection:
        assert is_closed_while_sending(connection)


def test_a_second_head_has_no_longer_either(hasty):
    with connected(hasty, HEALTH + b"\r\n") as connection:
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        connection.sendall(HEALTH + b"X: ")
        assert is_closed_while_sending(connection)


def test_a_body_that_does_not_arrive_is_408(hasty):
    with connected(hasty, POST + b"Content-Length: 30\r\n\r\n{") as connection:
        assert b"the body took longer than 0.3 s" in received(connection)


def test_the_rest_of_a_refused_body_has_no_longer(serving):
    client = serving("tagspace", token="s3cret", seconds=0.3)
    with connected(client, POST + b"Content-Length: 9999999\r\n\r\n") as connection:
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 401")
        assert is_closed_while_sending(connection)


def test_answers_that_nobody_takes_are_thrown_away(hasty):
    open_connections = hasty.server.server_state.connections
    wait_until(lambda: not open_connections)
    with connected(hasty, HEALTH + b"\r\n") as connection:
        wait_until(lambda: open_connections)
        with contextlib.suppress(OSError):
            connection.settimeout(1)
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 9000)
        wait_until(lambda: not open_connections)


# ------------------------------------------------------------------ too many of them


def test_who_waits_longest_makes_room(serving, monkeypatch):
    monkeypatch.setattr(server, "_PATIENCE", 0)
    client = serving("tagspace", connections=4)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connected(client, HEALTH)) for _ in range(9)]
        assert client.post("/predict", texts=["a"])[0] == 200
        assert [received(connection) for connection in slow[:6]] == [b""] * 6
        slow[-1].sendall(b"\r\n")
        assert slow[-1].recv(1 << 16).startswith(b"HTTP/1.1 200")


def test_who_is_at_work_makes_no_room_and_the_next_are_503(serving):
    client = serving("tagspace", connections=4)
    with Gate(client) as gate, ThreadPoolExecutor(4) as pool:
        at_work = [pool.submit(client.post, "/predict", texts=["a"]) for _ in range(4)]
        wait_until(lambda: client.batcher.n_waiting == 4)
        assert client.request("GET", "/health")[0] == 503
        gate.open()
        assert [answer.result()[0] for answer in at_work] == [200] * 4
    wait_until(lambda: client.request("GET", "/health")[0] == 200)


# ------------------------------------------------------------------ what is not HTTP


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (POST + b"Content-Length: -3\r\n\r\n{}", 400),
        (POST + b"Content-Length: x\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET " + b"/" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (HEALTH + b"X: " + b"y" * 20_000, 431),
        (HEALTH + b"X: " + b"y" * 20_000 + b"\r\n\r\n", 431),
        (HEALTH + b"X: y\r\n" * 3000 + b"\r\n", 431),
    ],
    ids=[
        *("no HTTP", "TLS", "negative length", "no length", "no chunk size", "of GET as well"),
        *("long line", "long header, unfinished", "long header", "many headers"),
    ],
)
def test_what_is_not_http_is_answered_and_the_connection_closed(patient, sent, status, caplog):
    logging.getLogger("uvicorn.error").addHandler(caplog.handler)
    with connected(patient) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        head, _, content = received(connection).partition(b"\r\n\r\n")
    logging.getLogger("uvicorn.error").removeHandler(caplog.handler)
    assert head.split()[1] == b"%d" % status
    assert list(json.loads(content)) == ["detail"]
    assert not caplog.records


def test_what_follows_an_answered_request_is_no_fault_of_the_server(serving, caplog):
    client = serving("tagspace", token="s3cret")
    with connected(client, POST + b"Transfer-Encoding: chunked\r\n\r\n") as connection:
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 401")
        connection.sendall(b"zz\r\n")
        assert b"HTTP/1.1" not in received(connection)
    assert not caplog.records  # asyncio tells of a protocol that fails


def test_a_large_body_of_another_type_is_read_before_it_is_refused(patient):
    headers = {"Content-Type": "text/plain"}
    assert patient.request("POST", "/predict", b"x" * 900_000, headers)[0] == 415


def test_a_websocket_is_none(patient):
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    with connected(patient, HEALTH + upgrade + b"\r\n") as connection:
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
