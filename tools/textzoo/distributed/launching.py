"""Start the processes that train one model on this machine, and watch over them.

The user's command becomes a watcher, which does not import Paddle. It starts the same command once
per process, told apart by the variables that Paddle's own launcher sets: under either launcher,
`processes` does the rest.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Optional

from textzoo.config.layers import read_layers
from textzoo.config.schema import MASTER, MAX_PROCESSES
from textzoo.devices import LIFELINE, physical_cores, visible_gpus
from textzoo.distributed.nodes import Nodes, meet, say
from textzoo.errors import UserError, shown
from textzoo.text.lines import data_files

_GRACE = 3.0  # seconds in which the others end by themselves when one has failed
_POLL = 0.02
_SMALL_WORK = 4 << 20  # bytes of text in all epochs: done before a second process has started
# Statuses that all processes come to alike: a user's mistake, or a signal passed on to all.
_ALIKE = (2, 128 + signal.SIGINT, 128 + signal.SIGTERM)


def processes_to_start(path: Path, overrides: list[str]) -> int:
    """How many processes `runner.processes` asks this command to start; 1: none beside itself.

    It is 1 in a process that a launcher has started. A value that is no number of processes is
    left to the command itself to refuse.

    Raises:
        UserError: the config cannot be read.
    """
    if "PADDLE_TRAINERS_NUM" in os.environ:
        return 1
    layers = read_layers(path, overrides)
    runner = layers.blocks.get("runner")
    if not isinstance(runner, dict):
        return 1
    wanted = runner.get("processes", 1)
    if wanted != "auto":
        return wanted if type(wanted) is int and 1 < wanted <= MAX_PROCESSES else 1
    if runner.get("use_gpu"):
        return visible_gpus()
    folder = layers.origins.get("runner.train_data_dir", path.parent)
    epochs = runner.get("epochs", 1)
    work = _size(folder / str(runner.get("train_data_dir"))) * (
        epochs if type(epochs) is int else 1
    )
    return physical_cores() if work > _SMALL_WORK else 1


def nodes_to_join(path: Path, overrides: list[str]) -> Optional[tuple[int, str]]:
    """How many machines `runner.nodes` asks for, and `runner.master`; None: only this one.

    It is None in a process that a launcher has started, and for a value that is no number of
    machines, which is left to the command itself to refuse.

    Raises:
        UserError: the config cannot be read, or says of several machines not where they meet.
    """
    runner = read_layers(path, overrides).blocks.get("runner")
    if "PADDLE_TRAINERS_NUM" in os.environ or not isinstance(runner, dict):
        return None
    n, master = runner.get("nodes", 1), runner.get("master")
    if type(n) is not int or not 1 < n <= MAX_PROCESSES:
        return None
    if not isinstance(master, str) or not re.fullmatch(MASTER, master):
        raise UserError(
            f"runner.master: received {shown(master)} with {n} nodes, expected ADDRESS:PORT of one "
            "of them, such as 10.0.0.1:6170"
        )
    return n, master


def _size(path: Path) -> int:
    """The bytes of all files that a path of data stands for."""
    try:
        return sum(file.stat().st_size for file in data_files(path, "runner.train_data_dir"))
    except (UserError, OSError):  # the command itself will say so
        return 0


def run_processes(
    n: int, command: str, arguments: list[str], asked: Optional[tuple[int, str]] = None
) -> int:
    """Run a command in several processes until all have ended; when one fails, end the others.

    Signals are passed on. Process 0 has this process's output; what the others say is shown if
    they fail.

    Args:
        n: how many processes.
        command: its script in `tools/`, such as `trainer`.
        arguments: of the command line.
        asked: how many machines take part, and where they meet, see `nodes_to_join`.

    Returns:
        The exit status of the first process that failed, 128 + the signal's number if a signal
        ended it, or of a machine that failed; or 0.

    Raises:
        UserError: the machines do not find each other, see `meet`.
    """
    main = "static_main" if command == "static_trainer" else "main"
    code = (
        f"import sys; sys.argv[0] = {sys.argv[0]!r}; "
        f"from textzoo.commands.train import {main}; sys.exit({main}())"
    )
    ports = _free_ports(n + 1)
    if asked:
        nodes = meet(*asked, ports)
    else:
        store, *endpoints = (f"127.0.0.1:{port}" for port in ports)
        nodes = Nodes({}, 0, endpoints, store)
    with ExitStack() as stack:
        outputs = [None, *(stack.enter_context(tempfile.TemporaryFile()) for _ in range(1, n))]
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                env={**os.environ, **variables},
                stdin=subprocess.PIPE,  # never written to: it ends when this process does
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C reaches them through this process alone
            )
            for variables, output in zip(_environments(n, nodes), outputs)
        ]
        with _passing_signals_on(processes):
            status, statuses = _wait(processes, nodes)
        for number, output in enumerate(outputs[1:], start=1):
            if statuses[number] and not (status in _ALIKE and statuses[0] == status):
                print(f"process {number} of {n}, status {statuses[number]}:", file=sys.stderr)
                output.seek(0)
                sys.stderr.write(output.read().decode("utf-8", "replace"))
        if nodes.failure and not (status in _ALIKE and statuses[0] == status):
            say(nodes.failure)
    return status


def _wait(processes: list[subprocess.Popen], nodes: Nodes) -> tuple[int, list[Optional[int]]]:
    """Wait until all have ended, or one or a machine has failed; then see that the others end.

    Returns:
        The status of a process that failed first, or 0, and the statuses of all; None for one that
        was killed for not ending.
    """
    while True:
        statuses = [process.poll() for process in processes]
        failed = nodes.failed()
        if failed or any(statuses) or None not in statuses:
            break
        time.sleep(_POLL)
    failed = failed or nodes.failed()  # a process may have ended because a machine has
    # Of several, one that a signal ended (its status is negative) was the cause.
    first = min((status for status in statuses if status), default=failed)
    first = first if first >= 0 else 128 - first
    nodes.tell(first)
    deadline = time.monotonic() + _GRACE
    for number, process in enumerate(processes):
        try:
            statuses[number] = process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return first, statuses


@contextmanager
def _passing_signals_on(processes: list[subprocess.Popen]) -> Iterator[None]:
    def pass_on(number: int, frame: Optional[FrameType]) -> None:
        for process in processes:
            process.send_signal(number)  # does nothing to one that has ended

    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(number, pass_on) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous):
            signal.signal(number, handler)


def _environments(n: int, nodes: Nodes) -> Iterator[dict[str, str]]:
    """The variables of each process, as `paddle.distributed.launch` sets them."""
    package = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    for own in range(n):
        rank = nodes.first + own
        yield {
            "PADDLE_MASTER": nodes.store,
            "PADDLE_TRAINERS_NUM": str(len(nodes.endpoints)),
            "PADDLE_TRAINER_ID": str(rank),
            "PADDLE_LOCAL_SIZE": str(n),
            "PADDLE_RANK_IN_NODE": str(own),
            "PADDLE_CURRENT_ENDPOINT": nodes.endpoints[rank],
            "PADDLE_TRAINER_ENDPOINTS": ",".join(nodes.endpoints),
            "FLAGS_selected_gpus": str(own),
            "PYTHONPATH": search,
            LIFELINE: "1",
        }


def _free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]
