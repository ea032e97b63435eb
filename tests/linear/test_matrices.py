import numpy as np
import pytest

from textzoo.linear.matrices import read_array


def test_an_array_is_read_and_anything_else_refused(tmp_path):
    file = tmp_path / "a.npy"
    np.save(file, np.arange(3))
    assert read_array(file, "i").tolist() == [0, 1, 2]
    whole = file.read_bytes()
    with pytest.raises(ValueError, match=r"a\.npy: has 1 axes of int64"):
        read_array(file, "f")
    np.save(file, np.zeros((2, 2), int))
    with pytest.raises(ValueError, match=r"a\.npy: has 2 axes"):
        read_array(file, "i")
    np.save(file, np.array([print], object), allow_pickle=True)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        read_array(file, "O")
    for damaged in (b"", whole[:20], whole[:-5], b"PK\x03\x04" + whole, b"\x80\x04."):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.npy: "):
            read_array(file, "i")
    # a header of more numbers than any memory holds
    file.write_bytes(whole.replace(b"(3,), }          ", b"(99999999999999,)}"[:17]))
    with pytest.raises(ValueError, match=r"a\.npy: "):
        read_array(file, "i")
    with pytest.raises(ValueError, match=r"a\.npy: "):
        read_array(tmp_path / "gone" / "a.npy", "i")
