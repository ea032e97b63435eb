import tracemalloc

import numpy as np
import pytest

from textzoo.linear import matrices
from textzoo.linear.matrices import read_array, write_array


@pytest.mark.parametrize(
    "array",
    [
        np.array([3, 9, 10, 2_000_000_000_000, 2_000_000_000_001]),
        np.array([5, -7, 2**31 - 1, -(2**31), 0], np.int32),
        np.array([2**63 - 1, -(2**63), 1]),
        np.array([], np.int32),
        np.array([-127, 127, 0, 3], np.int8),
        np.array([0.5, -1e-7, 6e4], np.float16),
        np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
        np.arange(12, dtype=np.int64)[::-3],
        np.arange(6).reshape(3, 2),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_an_array_is_read_as_it_was_written(tmp_path, array):
    write_array(tmp_path / "a.npz", array)
    found = read_array(tmp_path / "a.npz", array.dtype.kind, array.ndim)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


def test_growing_numbers_take_little_room(tmp_path):
    numbers = np.sort(np.random.default_rng(0).integers(0, 10**6, 100_000))
    write_array(tmp_path / "a.npz", numbers)
    assert (tmp_path / "a.npz").stat().st_size < numbers.nbytes / 8


def test_another_array_and_a_damaged_file_are_refused(tmp_path):
    file = tmp_path / "a.npz"
    write_array(file, np.arange(300))
    whole = file.read_bytes()
    with pytest.raises(ValueError, match=r"a\.npz: has 1 axes of int64"):
        read_array(file, "f")
    with pytest.raises(ValueError, match=r"a\.npz: has 1 axes"):
        read_array(file, "i", 2)
    for name, content in (
        ("steps", np.zeros((3, 5), np.uint8)),  # integers of 3 bytes
        ("steps", np.zeros(5, np.uint8)),
        ("steps", np.zeros((0, 5), np.uint8)),
        ("steps", np.zeros((4, 5))),
        ("others", np.zeros(5, int)),
        ("numbers", np.array(["a"])),
    ):
        np.savez(file, **{name: content})
        with pytest.raises(ValueError, match=r"a\.npz: "):
            read_array(file, "i")
    np.savez(file, numbers=np.array([print], object))
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        read_array(file, "O")
    for damaged in (b"", whole[:20], whole[:-5], b"PK\x03\x04" + whole[:50], b"\x80\x04."):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.npz: "):
            read_array(file, "i")
    with pytest.raises(ValueError, match=r"a\.npz: "):
        read_array(tmp_path / "gone" / "a.npz", "i")


def test_a_small_file_of_much_is_refused_before_it_takes_memory(tmp_path):
    bomb = tmp_path / "a.npz"
    np.savez_compressed(bomb, steps=np.zeros((4, 30_000_000), np.uint8))
    assert bomb.stat().st_size < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"a\.npz: inflates to more than 100 times its size"):
            read_array(bomb, "i")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_what_deflates_too_well_is_read_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(matrices, "_ALWAYS", 1_000)
    write_array(tmp_path / "a.npz", np.arange(500_000))
    np.testing.assert_array_equal(read_array(tmp_path / "a.npz", "i"), np.arange(500_000))
