"""The machines that train one model together: how they find each other, and end together.

The machine that has the address of `runner.master` waits there until the others have come, and
tells each which numbers its processes have and where all of them meet. The connections stay: a
machine that fails or is gone ends the run on all of them.
"""

import contextlib
import errno
import json
import select
import socket
import struct
import sys
import time
from array import array
from typing import Any, Optional

import textzoo
from textzoo.errors import UserError

_PATIENCE = 600.0  # seconds in which all machines are to have come
_ANSWER = 20.0  # seconds in which a machine that is there answers
_AGAIN = 0.5  # seconds between two attempts to reach the master
_MOST_BYTES = 1 << 20
_SIOCGIFCONF, _IFREQ = 0x8912, 40  # of Linux: all addresses of interfaces, the bytes of each
_GONE = 1  # the exit status where a machine is gone without a word
# A machine that loses its power says nothing: it is asked for a sign of life.
_KEPT_ALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class Nodes:
    """The machines of a run, as one of them sees them once all have come.

    Attributes:
        first: the number of this machine's first process.
        endpoints: `address:port` of all processes, in the order of their numbers.
        store: the `address:port` at which Paddle's processes meet; process 0 listens there.
        failure: which machine has failed and how; empty: none has.

    Args:
        others: the connections to other machines: of the master to all, of these to the master.
        first: see above.
        endpoints: see above.
        store: see above.
    """

    def __init__(
        self, others: dict[socket.socket, str], first: int, endpoints: list[str], store: str
    ):
        self.first, self.endpoints, self.store = first, endpoints, store
        self.failure = ""
        self._others = others

    def failed(self) -> int:
        """The exit status of a machine that has failed since this was asked; 0: none has."""
        for one in select.select(list(self._others), [], [], 0)[0] if self._others else ():
            try:
                status = int(_receive(one)["status"])
                how = f"ended with status {status}"
            except (OSError, ValueError, KeyError, TypeError):
                status, how = _GONE, "is gone"
            address = self._others.pop(one)
            one.close()
            if status:
                self.failure = f"{address} {how}, and with it the run"
                return status
        return 0

    def tell(self, status: int) -> None:
        """Tell the other machines how this one has ended."""
        for one in self._others:
            with contextlib.suppress(OSError):
                _send(one, {"status": status})
            one.close()
        self._others.clear()


def meet(n: int, master: str, ports: list[int]) -> Nodes:
    """Wait until all machines of a run have come.

    Args:
        n: how many they are.
        master: `address:port` of one of them; the first to come there, if several have it.
        ports: that are free on this machine: one for Paddle's store, and one for each process.

    Raises:
        UserError: the master cannot be reached, its port is taken, or the machines do not want the
            same.
    """
    host, port = master.split(":")
    if int(port) >= 1 << 16:
        raise _problem(master, "expected a port from 1 to 65535")
    try:
        address = socket.gethostbyname(host)
    except (OSError, UnicodeError) as failure:
        raise _problem(master, f"{host} has no address here ({failure})") from None
    place = address, int(port)
    own = {"textzoo": textzoo.__version__, "nodes": n, "ports": ports}
    if not _is_own(address):
        return _join(place, master, own)
    try:
        # A machine's name may mean 127.0.1.1 on itself, but another address on the others.
        listener = socket.create_server(place if host == address else ("", place[1]))
    except OSError as failure:
        if failure.errno != errno.EADDRINUSE:
            raise _problem(master, f"cannot wait there ({failure.strerror})") from None
        return _join(place, master, own)
    with listener:
        return _gather(listener, master, own)


def interface_of(address: str) -> Optional[str]:
    """The name of this machine's network interface with an IPv4 address; None: not known."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    sought = "127.0.0.1" if address.startswith("127.") else address
    found = array("B", bytes(1024 * _IFREQ))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, contextlib.suppress(OSError):
        request = struct.pack("iP", len(found), found.buffer_info()[0])
        size, _ = struct.unpack("iP", fcntl.ioctl(one, _SIOCGIFCONF, request))
        for entry in (found[at : at + _IFREQ].tobytes() for at in range(0, size, _IFREQ)):
            name, ip = entry[:16].split(b"\0")[0], entry[20:24]  # behind family and port
            if socket.inet_ntoa(ip) == sought:
                return name.decode()
    return None


def _gather(listener: socket.socket, master: str, own: dict[str, Any]) -> Nodes:
    """Wait at the master's address for the others."""
    say(f"waiting for {own['nodes'] - 1} more machine(s) at {master}")
    come: dict[socket.socket, tuple[str, list[int]]] = {}  # addresses and ports
    deadline = time.monotonic() + _PATIENCE
    while len(come) < own["nodes"] - 1:
        ready = select.select([listener, *come], [], [], max(0, deadline - time.monotonic()))[0]
        if not ready:
            raise _problem(
                master,
                f"{len(come) + 1} of {own['nodes']} machines have come in {_PATIENCE:.0f} s; start "
                "the same command on each",
            )
        for one in ready:
            if one is not listener:
                say(f"{come.pop(one)[0]} is gone again")
                one.close()
                continue
            other, (address, _) = listener.accept()
            if theirs := _welcome(other, address, own):
                come[other] = address, theirs
            else:
                other.close()
    order = sorted(come, key=lambda one: socket.inet_aton(come[one][0]))
    here = order[0].getsockname()[0]
    endpoints = [f"{here}:{port}" for port in own["ports"][1:]]
    firsts = []
    for one in order:
        firsts.append(len(endpoints))
        address, ports = come[one]
        endpoints += [f"{address}:{port}" for port in ports[1:]]
    store = f"{here}:{own['ports'][0]}"
    for one, first in zip(order, firsts):
        with contextlib.suppress(OSError):  # that it is gone ends the run, see `Nodes.failed`
            _send(one, {"first": first, "endpoints": endpoints, "store": store})
    return Nodes({one: come[one][0] for one in order}, 0, endpoints, store)


def _welcome(other: socket.socket, address: str, own: dict[str, Any]) -> Optional[list[int]]:
    """The ports of another machine; None if it is none of this run."""
    _keep_alive(other)
    try:
        theirs = _receive(other)
        for key in ("textzoo", "nodes"):
            if theirs[key] != own[key]:
                refusal = f"{key}: {theirs[key]} at {address}, {own[key]} at the master"
                say(f"refused a machine: {refusal}")
                _send(other, {"refused": refusal})
                return None
        if not theirs["ports"] or not all(type(port) is int for port in theirs["ports"]):
            return None
        _send(other, {"welcome": True})
        other.settimeout(None)
        return theirs["ports"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # something that is no machine of a run


def _join(place: tuple[str, int], master: str, own: dict[str, Any]) -> Nodes:
    """Come to the master, and wait there until all have come."""
    deadline = time.monotonic() + _PATIENCE
    said = False
    while True:
        try:
            one = socket.create_connection(place, _ANSWER)
            break
        except OSError as failure:
            if time.monotonic() > deadline:
                raise _problem(
                    master,
                    f"cannot be reached ({failure.strerror or failure}) in {_PATIENCE:.0f} s; "
                    "expected the address of a machine that runs the same command, and no firewall "
                    "between",
                ) from None
            if not said:
                say(f"waiting for the master at {master} ({failure.strerror or failure})")
                said = True
            time.sleep(_AGAIN)
    _keep_alive(one)
    try:
        _send(one, own)
        answer = _receive(one)
        if "refused" not in answer and answer["welcome"]:
            one.settimeout(None)
            answer = {}
    except (OSError, ValueError, KeyError, TypeError):
        raise _problem(
            master,
            "another program answers there, or a run whose machines have all come; choose another "
            "port",
        ) from None
    if answer:
        raise _problem(master, f"the machines do not want the same: {answer['refused']}")
    try:
        told = _receive(one)
        return Nodes({one: place[0]}, told["first"], told["endpoints"], told["store"])
    except (OSError, ValueError, KeyError, TypeError):
        raise _problem(master, "the master has ended before all machines had come") from None


def _is_own(address: str) -> bool:
    with socket.socket() as one, contextlib.suppress(OSError):
        one.bind((address, 0))
        return True
    return False


def _keep_alive(one: socket.socket) -> None:
    one.settimeout(_ANSWER)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEPT_ALIVE.items():
        if hasattr(socket, name):
            one.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _send(one: socket.socket, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    one.sendall(struct.pack(">I", len(data)) + data)


def _receive(one: socket.socket) -> dict[str, Any]:
    """The next message.

    Raises:
        OSError: the other end is gone or silent.
        ValueError: it sends something else.
    """
    size = struct.unpack(">I", _exactly(one, 4))[0]
    if size > _MOST_BYTES:
        raise ValueError("no message")
    message = json.loads(_exactly(one, size))
    if not isinstance(message, dict):
        raise ValueError("no message")
    return message


def _exactly(one: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = one.recv(size - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data


def say(text: str) -> None:
    """Tell the user of the machines, before and beside the run's own log."""
    print(f"machines: {text}", file=sys.stderr, flush=True)


def _problem(master: str, text: str) -> UserError:
    return UserError(f"runner.master: {master}: {text}")
