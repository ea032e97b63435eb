"""Two machines of one: namespaces of Linux with an address each, joined by a virtual cable."""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.running import TIMEOUT

ADDRESSES = ("10.77.0.1", "10.77.0.2")


@contextlib.contextmanager
def two_machines(folder: Path) -> Iterator[list[list[str]]]:
    """Two machines, as what a command line begins with that runs on each.

    The test is skipped where this is not allowed: it needs Linux with unprivileged namespaces of
    users, or root, and `ip`, `unshare` and `nsenter`.
    """
    for tool in ("ip", "unshare", "nsenter"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}, to make two machines of one")
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n127.0.1.1 {socket.gethostname()}\n", encoding="utf-8")
    with contextlib.ExitStack() as stack:
        first = _Machine(stack, ["unshare", "--user", "--map-root-user", "--net", "--mount"])
        second = _Machine(stack, [*first.enter, "unshare", "--net", "--mount"])
        link = f"ip link add cable type veth peer name cable netns {second.pid}"
        _run(first, link)
        for machine, address in zip((first, second), ADDRESSES):
            _run(machine, "mount --bind", str(hosts), "/etc/hosts")
            for command in (
                f"ip address add {address}/24 dev cable",
                "ip link set cable up",
                "ip link set lo up",
            ):
                _run(machine, command)
        yield [first.enter, second.enter]


class _Machine:
    """A namespace that lives as long as a process in it, which waits for its input to end."""

    def __init__(self, stack: contextlib.ExitStack, unshare: list[str]):
        process = stack.enter_context(
            subprocess.Popen(
                [*unshare, "sh", "-c", "echo $$; exec cat"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )
        stack.callback(process.stdin.close)
        pid = process.stdout.readline().strip()
        if not pid:
            pytest.skip(f"two machines of one are not allowed here: {process.stderr.read()}")
        self.pid = int(pid)
        self.enter = [
            *("nsenter", "--target", pid, "--user", "--preserve-credentials", "--net", "--mount"),
            "--",
        ]


def _run(machine: _Machine, command: str, *arguments: str) -> None:
    done = subprocess.run(
        [*machine.enter, *command.split(), *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
    )
    if done.returncode:
        pytest.skip(f"two machines of one are not allowed here: {command}: {done.stderr}")
