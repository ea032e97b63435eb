import asyncio
import contextlib
import threading

import numpy as np
import pytest

from textzoo.serving.micro_batching import Batcher, Closing, Overloaded


class Model:
    """Doubles numbers; each batch waits until it may be computed."""

    def __init__(self, batch_size=100, max_waiting=100):
        self.batches = []
        self.started, self.may_go_on = threading.Event(), threading.Event()
        self.batcher = Batcher(self.encode, self.compute, batch_size, max_waiting)

    def encode(self, texts):
        return list(map(int, texts))

    def compute(self, rows):
        self.batches.append(rows)
        self.started.set()
        assert self.may_go_on.wait(60)
        if 13 in rows:
            raise ZeroDivisionError("13")
        return {"double": np.array(rows) * 2}

    def serve(self, scenario):
        """Run what a scenario does while batches are computed."""

        async def serving():
            task = self.batcher.start()
            try:
                return await asyncio.wait_for(scenario(), 60)
            finally:
                self.may_go_on.set()
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

        return asyncio.run(serving())

    async def arrive(self, *requests):
        """Requests that arrive together, behind one that is being computed."""
        first = asyncio.create_task(self.batcher(["0"]))
        while not self.started.is_set():
            await asyncio.sleep(0.001)
        tasks = [asyncio.create_task(self.batcher(list(texts))) for texts in requests]
        while self.batcher.n_waiting < 1 + sum(map(len, requests)) or len(
            self.batcher._requests
        ) < len(requests):
            await asyncio.sleep(0.001)
        return first, tasks


def test_each_request_gets_its_own_part():
    model = Model()
    model.may_go_on.set()

    async def scenario():
        return await asyncio.gather(*(model.batcher(texts) for texts in (["1", "2"], ["3"])))

    first, second = model.serve(scenario)
    assert (first["double"].tolist(), second["double"].tolist()) == ([2, 4], [6])
    assert model.batcher.n_waiting == 0


def test_what_arrives_while_a_batch_is_computed_makes_the_next_up_to_its_size():
    model = Model(batch_size=3)

    async def scenario():
        first, tasks = await model.arrive(["1", "2"], ["3", "4"], ["5"])
        model.may_go_on.set()
        return [answer["double"].tolist() for answer in await asyncio.gather(first, *tasks)]

    assert model.serve(scenario) == [[0], [2, 4], [6, 8], [10]]
    # A batch takes whole requests until it has three texts.
    assert model.batches == [[0], [1, 2, 3, 4], [5]]


def test_more_texts_than_may_wait_are_turned_away_and_the_others_answered():
    model = Model(max_waiting=3)

    async def scenario():
        first, tasks = await model.arrive(["1", "2"])
        with pytest.raises(Overloaded):
            await model.batcher(["3"])
        model.may_go_on.set()
        await asyncio.gather(first, *tasks)
        return (await model.batcher(["3"]))["double"].tolist()  # there is room again

    assert model.serve(scenario) == [6]


def test_a_fault_ends_the_requests_of_its_batch_alone():
    model = Model(batch_size=2)

    async def scenario():
        first, tasks = await model.arrive(["13"], ["1"], ["2"])
        model.may_go_on.set()
        return await asyncio.gather(first, *tasks, return_exceptions=True)

    first, broken, with_it, next_one = model.serve(scenario)
    assert isinstance(broken, ZeroDivisionError) and isinstance(with_it, ZeroDivisionError)
    assert (first["double"].tolist(), next_one["double"].tolist()) == ([0], [4])


def test_a_text_that_cannot_be_encoded_ends_its_request_alone():
    model = Model()
    model.may_go_on.set()

    async def scenario():
        return await asyncio.gather(
            *(model.batcher([text]) for text in ("1", "x", "2")), return_exceptions=True
        )

    one, unreadable, two = model.serve(scenario)
    assert isinstance(unreadable, ValueError)
    assert (one["double"].tolist(), two["double"].tolist()) == ([2], [4])
    assert model.batcher.n_waiting == 0


def test_a_request_that_was_given_up_is_not_computed():
    model = Model()

    async def scenario():
        first, (given_up, kept) = await model.arrive(["1"], ["2"])
        given_up.cancel()
        await asyncio.wait([given_up])
        model.may_go_on.set()
        return [answer["double"].tolist() for answer in await asyncio.gather(first, kept)]

    assert model.serve(scenario) == [[0], [4]]
    assert model.batches == [[0], [2]]


def test_a_server_that_ends_takes_nothing_more_and_finishes_what_it_has():
    model = Model()

    async def scenario():
        first, tasks = await model.arrive(["1"])
        model.batcher.closing = True
        with pytest.raises(Closing):
            await model.batcher(["2"])
        model.may_go_on.set()
        return [answer["double"].tolist() for answer in await asyncio.gather(first, *tasks)]

    assert model.serve(scenario) == [[0], [2]]
