"""Arrays are summed through shared memory; threads act as the processes."""

import queue
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from harness.running import TIMEOUT

from textzoo.distributed import shared_memory
from textzoo.distributed.shared_memory import SharedMemory, equal_part


def in_threads(n, action):
    """What `n` threads give that act as processes: action(their SharedMemory, rank)."""
    told = [queue.SimpleQueue() for _ in range(n)]

    def act(rank):
        def broadcast(value):
            if rank:
                return told[rank].get(timeout=TIMEOUT)
            for each in told:
                each.put(value)
            return value

        return action(SharedMemory(n, rank, broadcast), rank)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(act, range(n)))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_arrays_of_any_size_and_type_are_summed_where_they_are(monkeypatch, n):
    monkeypatch.setattr(shared_memory, "_CHUNK", 64)  # 16 numbers: arrays end within and at chunks
    shapes = [(3, 4), (), (0, 7), (4,), (5, 11), (1,), (16,)]
    random = np.random.default_rng(0)
    for dtype in ("float32", "int64"):
        arrays = [[np.array(random.random(s) * 99, dtype) for s in shapes] for _ in range(n)]
        expected = [np.sum(parts, axis=0, dtype=dtype) for parts in zip(*arrays)]
        for _ in range(2):  # the memory holds what was there before
            ours = [[array.copy() for array in own] for own in arrays]
            in_threads(n, lambda memory, rank, ours=ours: memory.sum(ours[rank]))
            for own in ours:
                for array, total in zip(own, expected):
                    np.testing.assert_allclose(array, total, rtol=1e-6)


def test_who_waits_for_a_process_that_has_ended_ends_too():
    def sum_unless_last(memory, rank):
        if rank < 2:
            with pytest.raises(SystemExit, match="another process of this run has ended"):
                memory.sum([np.ones(3)])
        else:
            del memory

    in_threads(3, sum_unless_last)


def test_the_file_of_the_shared_memory_is_removed(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    in_threads(2, lambda memory, rank: memory.sum([np.ones(3)]))
    assert not list(tmp_path.glob("textzoo-*"))


@pytest.mark.parametrize(("size", "n"), [(7, 3), (2, 5), (0, 2), (6, 1)])
def test_parts_are_as_equal_as_can_be_and_cover_all(size, n):
    parts = [range(size)[equal_part(size, n, rank)] for rank in range(n)]
    assert [place for part in parts for place in part] == list(range(size))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
