"""Machines find each other and end together; threads act as them, on the loopback."""

import errno
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.running import TIMEOUT

from textzoo.distributed import nodes
from textzoo.distributed.nodes import interface_of, meet
from textzoo.errors import UserError


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(nodes, "_AGAIN", 0.01)


@pytest.fixture
def master():
    """An address that is free."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


def all_meet(master, *ports, n=None):
    """What each of several machines sees, the one with process 0 first."""
    with ThreadPoolExecutor(len(ports)) as pool:
        futures = [pool.submit(meet, n or len(ports), master, list(own)) for own in ports]
        return sorted((f.result(TIMEOUT) for f in futures), key=lambda found: found.first)


def waiting(pool, n, master, capfd):
    """A master that waits for others, in a thread."""
    first = pool.submit(meet, n, master, [1, 11])
    deadline = time.monotonic() + TIMEOUT
    while f"waiting for {n - 1} more" not in capfd.readouterr().err:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return first


def wait_for(nodes):
    """The status of a machine that fails."""
    deadline = time.monotonic() + TIMEOUT
    while not (status := nodes.failed()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return status


def test_all_know_the_numbers_of_all_processes(master):
    first, second, third = all_meet(master, [1, 11, 12], [2, 21, 22], [3, 31, 32])
    assert (first.first, second.first, third.first) == (0, 2, 4)
    assert first.endpoints == second.endpoints == third.endpoints
    assert first.store == second.store == third.store
    ports = [int(endpoint.rpartition(":")[2]) for endpoint in first.endpoints]
    pairs = list(zip(ports[::2], ports[1::2]))
    assert sorted(pairs) == [(11, 12), (21, 22), (31, 32)]
    # Process 0 is on the machine whose port the store has.
    assert first.store == f"127.0.0.1:{pairs[0][0] // 10}"
    assert {endpoint.rpartition(":")[0] for endpoint in first.endpoints} == {"127.0.0.1"}


def test_machines_may_start_different_numbers_of_processes(master):
    first, second = all_meet(master, [1, 11], [2, 21, 22, 23])
    assert len(first.endpoints) == 4
    assert second.first in (1, 3)


def test_one_that_fails_ends_all_with_its_status(master):
    first, second, third = all_meet(master, [1, 11], [2, 21], [3, 31])
    assert first.failed() == second.failed() == third.failed() == 0
    second.tell(137)
    assert wait_for(first) == 137
    assert first.failure == "127.0.0.1 ended with status 137, and with it the run"
    first.tell(137)
    assert wait_for(third) == 137


def test_one_that_is_gone_ends_the_others(master):
    first, second = all_meet(master, [1, 11], [2, 21])
    for connection in first._others:  # as where its process is killed
        connection.close()
    assert wait_for(second) == 1
    assert second.failure == "127.0.0.1 is gone, and with it the run"


def test_one_that_is_done_leaves_the_others_at_work(master):
    first, second = all_meet(master, [1, 11], [2, 21])
    second.tell(0)
    deadline = time.monotonic() + TIMEOUT
    while first._others:
        assert first.failed() == 0
        assert time.monotonic() < deadline
    assert first.failed() == 0


def test_another_number_of_machines_is_refused(master, capfd):
    with ThreadPoolExecutor(3) as pool:
        first = waiting(pool, 2, master, capfd)
        with pytest.raises(UserError, match=r"same: nodes: 3 at 127\.0\.0\.1, 2 at the master"):
            meet(3, master, [2, 21])
        assert meet(2, master, [2, 21]).first == 1  # the master goes on waiting
        assert first.result(TIMEOUT).first == 0
    assert "refused a machine: nodes: 3" in capfd.readouterr().err


def test_what_is_no_machine_of_a_run_is_ignored(master, capfd):
    host, port = master.split(":")
    with ThreadPoolExecutor(2) as pool:
        first = waiting(pool, 2, master, capfd)
        for said in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\2[]", b"\0\0\0\2{}", b"\0\0\0\1\xff"):
            with socket.create_connection((host, int(port))) as stranger:
                stranger.sendall(said)
        assert meet(2, master, [2, 21]).first == 1
        assert first.result(TIMEOUT).first == 0


def test_a_machine_that_leaves_before_all_have_come_is_not_counted(master, capfd):
    host, port = master.split(":")
    with ThreadPoolExecutor(3) as pool:
        first = waiting(pool, 3, master, capfd)
        own = {"textzoo": nodes.textzoo.__version__, "nodes": 3, "ports": [5, 51]}
        with socket.create_connection((host, int(port))) as leaves:
            nodes._send(leaves, own)
            assert nodes._receive(leaves) == {"welcome": True}
        others = [pool.submit(meet, 3, master, ports) for ports in ([2, 21], [3, 31])]
        endpoints = first.result(TIMEOUT).endpoints
        assert all(other.result(TIMEOUT).endpoints == endpoints for other in others)
        assert not any(endpoint.endswith(":51") for endpoint in endpoints)


def test_a_master_that_does_not_come_is_named(master, monkeypatch):
    monkeypatch.setattr(nodes, "_PATIENCE", 0.05)
    monkeypatch.setattr(nodes, "_is_own", lambda address: False)
    with pytest.raises(UserError, match=rf"runner\.master: {master}: cannot be reached"):
        meet(2, master, [1, 11])


def test_machines_that_do_not_come_are_counted(master, monkeypatch):
    monkeypatch.setattr(nodes, "_PATIENCE", 0.05)
    with pytest.raises(UserError, match="1 of 3 machines have come in 0 s; start the same command"):
        meet(3, master, [1, 11])


def test_a_port_that_another_program_has_is_named(monkeypatch):
    monkeypatch.setattr(nodes, "_ANSWER", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        master = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(UserError, match=rf"{master}: another program .* another port"):
            meet(2, master, [1, 11])


def test_a_port_that_may_not_be_used_is_named(monkeypatch):
    def forbidden(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(nodes.socket, "create_server", forbidden)
    with pytest.raises(UserError, match=r"127\.0\.0\.1:80: cannot wait there \(Permission denied"):
        meet(2, "127.0.0.1:80", [1, 11])


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_name_without_an_address_is_named(host):
    with pytest.raises(UserError, match=f"{re.escape(host)} has no address here"):
        meet(2, f"{host}:6170", [1, 11])


def test_a_port_that_is_none_is_named():
    with pytest.raises(UserError, match="99999: expected a port from 1 to 65535"):
        meet(2, "127.0.0.1:99999", [1, 11])


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_interfaces_are_found_by_their_addresses():
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("127.0.1.1") == "lo"  # what Debian gives the host's name
    assert interface_of("192.0.2.1") is None  # of documentation, RFC 5737
