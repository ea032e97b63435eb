"""Sum arrays over the processes of one machine through memory that they share.

On 2 cores this takes a third to a tenth of the time of gloo, which sends the arrays through the
network's software.
"""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client, Listener
from typing import Any

import numpy as np

ENDED = "another process of this run has ended"
_CHUNK = 2 << 20  # bytes that each process puts there at a time; they stay in the caches


class SharedMemory:
    """A place for a chunk of each process's arrays, and one for their sums.

    Processes wait for one another by messages: to process 0, and back when all have come.

    Args:
        n: how many processes.
        rank: the number of this one.
        broadcast: gives all processes what process 0 has.

    Raises:
        OSError: there is no room for a temporary file.
    """

    def __init__(self, n: int, rank: int, broadcast: Callable[[Any], Any]):
        self._n, self._rank = n, rank
        if rank:
            path, address, key = broadcast(None)
            self._others = [Client(address, authkey=key)]
        else:
            key = secrets.token_bytes()
            handle, path = tempfile.mkstemp(prefix="textzoo-")
            with open(handle, "wb") as file:
                file.write(bytes(_CHUNK * (n + 1)))
            with Listener(authkey=key) as listener:
                broadcast((path, listener.address, key))
                self._others = [listener.accept() for _ in range(n - 1)]
        self._memory = np.memmap(path, np.uint8, "r+", shape=(n + 1, _CHUNK))
        self.meet()
        if not rank:
            with contextlib.suppress(OSError):  # Windows keeps a file that is in use
                os.unlink(path)

    def sum(self, arrays: list[np.ndarray]) -> None:
        """Replace arrays by their sums over all processes, added in the order of their numbers.

        Args:
            arrays: contiguous and of one type; every process has as many, of the same sizes.
        """
        memory = self._memory.view(arrays[0].dtype)
        own, total = memory[self._rank], memory[self._n]
        for pieces in _chunks([array.reshape(-1) for array in arrays], memory.shape[1]):
            ends = np.cumsum([len(piece) for piece in pieces])
            np.concatenate(pieces, out=own[: ends[-1]])
            self.meet()
            mine = equal_part(ends[-1], self._n, self._rank)
            np.add.reduce(memory[: self._n, mine], axis=0, out=total[mine])
            self.meet()
            for piece, end in zip(pieces, ends):
                piece[:] = total[end - len(piece) : end]

    def meet(self) -> None:
        """Return when all processes have come here.

        Raises:
            SystemExit: one has ended.
        """
        try:
            for other in self._others if not self._rank else ():
                other.recv_bytes()
            for other in self._others:
                other.send_bytes(b"")
            for other in self._others if self._rank else ():
                other.recv_bytes()
        except (EOFError, OSError):
            raise SystemExit(ENDED) from None


def equal_part(size: int, n: int, rank: int) -> slice:
    """The places, of this many, that are for one of n processes."""
    return slice(rank * size // n, (rank + 1) * size // n)


def _chunks(arrays: list[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    """Flat arrays in lists of pieces with this many elements in all, the last with the rest."""
    pieces, room = [], size
    for array in arrays:
        while len(array):
            pieces.append(array[:room])
            array = array[room:]
            room -= len(pieces[-1])
            if not room:
                yield pieces
                pieces, room = [], size
    if pieces:
        yield pieces
