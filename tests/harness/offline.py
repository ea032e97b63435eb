"""Train, evaluate, recall, export and serve, and tell who wanted to leave this machine.

A program for test_no_network.py. Arguments: a folder to work in, and whether the process has a
network of its own, without a way out ("apart") or not ("shared"). Its last line is a JSON object of
what it saw: `asked`, the calls of Python that were refused; `left`, what the system counted as
sent, or as not to be sent, to somewhere else; `control`, the same of calls that are meant to be.
"""

import contextlib
import json
import socket
import struct
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / part) for part in ("tests", "tools")]

_LOOPBACK = ("127.", "::1", "localhost")
_CALLS = {
    **{f"socket.{name}": 1 for name in ("connect", "sendto", "sendmsg")},
    **{f"socket.{name}": 0 for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr")},
}
_COUNTED = ("Ip.OutNoRoutes", "Udp.OutDatagrams", "Ip6OutNoRoutes", "Udp6OutDatagrams")
asked: list[str] = []


def refuse(event: str, arguments: tuple) -> None:
    """An audit hook, which sees calls of Python and of its modules in C; none can be taken away."""
    if event not in _CALLS:
        return
    address = arguments[_CALLS[event]]
    host = address[0] if isinstance(address, tuple) else address
    own = isinstance(host, (bytes, type(None))) or not isinstance(address, (tuple, str))
    if own or (isinstance(address, str) and "/" in address) or host.startswith(_LOOPBACK):
        return
    asked.append(f"{event} {address}")
    raise OSError(f"no network: {event} {address}")


def counts() -> int:
    """What this network sent, or could not send, by all programs in it, of any language."""
    found = {}
    lines = Path("/proc/self/net/snmp").read_text(encoding="utf-8").splitlines()
    for names, numbers in zip(lines[::2], lines[1::2]):
        kind = names.partition(":")[0]
        pairs = zip(names.split()[1:], numbers.split()[1:])
        found.update({f"{kind}.{name}": int(number) for name, number in pairs})
    with contextlib.suppress(FileNotFoundError):  # a system without IPv6
        for line in Path("/proc/self/net/snmp6").read_text(encoding="utf-8").splitlines():
            name, number = line.split()
            found[name] = int(number)
    return sum(found.get(name, 0) for name in _COUNTED)


def loopback_up() -> None:
    """Have 127.0.0.1 in a network of one's own, as `ip link set lo up` does."""
    import fcntl

    set_flags, up = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up))


def work(place: Path) -> None:
    """Run the commands one after the other."""
    from harness.exports import make_export
    from harness.served import Client
    from textzoo import SemanticIndex, Tagger
    from textzoo.serving.app import create_app
    from textzoo.serving.limits import Limits
    from textzoo.serving.manifest import read_manifest

    for name, path, fields in (
        ("batchneg", "/search", {"texts": ["how do I cook rice"], "k": 3}),
        ("tagspace", "/predict", {"texts": ["a new record in the marathon"]}),
    ):
        folder = make_export(name, place / name).folder
        for engine in read_manifest(folder).formats:
            if name == "batchneg":
                assert SemanticIndex.load(folder, engine).search(fields["texts"], 3)[0]
            else:
                assert Tagger.load(folder, engine).predict(fields["texts"])[0]
        client = Client(create_app({"": [folder]}, Limits()), Limits())
        try:
            assert client.post(path, **fields)[0] == 200
            assert client.request("GET", "/")[0] == 200
        finally:
            client.close()


def reach_out() -> None:
    """Connect to addresses that are nobody's (RFC 5737), through no hook."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as any_socket, contextlib.suppress(OSError):
            any_socket.connect(("192.0.2.1", 9))


if __name__ == "__main__":
    place, network = Path(sys.argv[1]), sys.argv[2]
    left = control = None
    if network == "apart":
        loopback_up()
        before = counts()
        reach_out()
        control = counts() - before
    sys.addaudithook(refuse)
    before = counts() if network == "apart" else 0
    work(place)
    if network == "apart":
        left = counts() - before
    seen = list(asked)
    reach_out()
    with contextlib.suppress(OSError):
        socket.getaddrinfo("example.org", 80)
    facts = {"asked": seen, "left": left, "control": control, "refused": len(asked) - len(seen)}
    print(json.dumps(facts))
