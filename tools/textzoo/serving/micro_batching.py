"""Requests that arrive together are computed together."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

Outputs = dict[str, np.ndarray]


class Overloaded(Exception):
    """More texts are waiting than may."""


class Closing(Exception):
    """No more requests are taken."""


class Batcher:
    """Computes one batch at a time; what arrives meanwhile makes the next one.

    So nothing waits for company: a lone request is computed at once, and batches grow with the
    load.

    Args:
        encode: texts to rows of ids; called in several threads.
        compute: rows of ids to outputs, `[rows, ...]` each; called in one thread.
        batch_size: a batch takes requests until it has so many texts.
        max_waiting: how many texts may be at work or waiting.

    Attributes:
        closing: whether requests are refused, as the server is about to end.
        n_waiting: how many texts are at work or waiting.
    """

    def __init__(
        self,
        encode: Callable[..., list[Any]],
        compute: Callable[[list[Any]], Outputs],
        batch_size: int,
        max_waiting: int,
    ):
        self.closing = False
        self.n_waiting = 0
        self._encode = encode
        self._compute = compute
        self._batch_size = batch_size
        self._max_waiting = max_waiting
        self._requests: deque[tuple[list[Any], asyncio.Future]] = deque()

    async def __call__(self, texts: list[str], *how: Any) -> Outputs:
        """The outputs for some texts.

        Args:
            texts: the texts.
            how: what `encode` is given behind them.

        Raises:
            Overloaded: too many texts are waiting.
            Closing: the server is about to end.
            BadText: a text is one that the model cannot read.
        """
        with self.room(len(texts)):
            loop = asyncio.get_running_loop()
            rows = await loop.run_in_executor(None, self._encode, texts, *how)
            future = loop.create_future()
            self._requests.append((rows, future))
            self._arrived.set()
            return await future

    @contextlib.contextmanager
    def room(self, n_texts: int) -> Iterator[None]:
        """Count some texts among those at work, meanwhile.

        Raises:
            Overloaded: too many texts are waiting.
            Closing: the server is about to end.
        """
        if self.closing:
            raise Closing
        if self.n_waiting + n_texts > self._max_waiting:
            raise Overloaded
        self.n_waiting += n_texts
        try:
            yield
        finally:
            self.n_waiting -= n_texts

    def start(self) -> asyncio.Task:
        """Begin to compute batches, until the task that is returned is cancelled."""
        self._arrived = asyncio.Event()
        return asyncio.create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as thread:
            while True:
                await self._arrived.wait()
                if batch := self._next_batch():
                    rows = [row for part, _ in batch for row in part]
                    computed = loop.run_in_executor(thread, self._compute, rows)
                    _deliver(batch, (await asyncio.gather(computed, return_exceptions=True))[0])

    def _next_batch(self) -> list[tuple[list[Any], asyncio.Future]]:
        """The requests that come next; those that gave up are left out."""
        batch, n_texts = [], 0
        while self._requests and n_texts < self._batch_size:
            rows, future = self._requests.popleft()
            if not future.done():
                batch.append((rows, future))
                n_texts += len(rows)
        if not self._requests:
            self._arrived.clear()
        return batch


def _deliver(batch: list[tuple[list[Any], asyncio.Future]], outputs: Any) -> None:
    """Give each request its part of the outputs, or what went wrong."""
    first = 0
    for rows, future in batch:
        if not future.done():
            if isinstance(outputs, BaseException):
                future.set_exception(outputs)
            else:
                own = slice(first, first + len(rows))
                future.set_result({name: array[own] for name, array in outputs.items()})
        first += len(rows)
